// SPDX-License-Identifier: BSL-1.0
#include <harness/bare_context.hpp>
#include <harness/tendril_test.hpp>
#include <tendril/context/machine_context.hpp>
#include <tendril/context/stack_pool.hpp>

#include <alloca.h>

#include <array>
#include <cfenv>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>

namespace {

using namespace tendril;
using test::bare_context;
using test::transcript;

// Room for many frames, which sanitizers make larger.
constexpr std::size_t roomy = 4 * 1024 * 1024;

// Calls itself, with a block of unknown size on each frame, and suspends at the bottom.
int descend(bare_context& self, int depth) {
    auto* const block = static_cast<char*>(alloca(16));
    std::memset(block, depth % 100, 16);
    if (depth == 0) {
        self.suspend();
        return 0;
    }
    int const below = descend(self, depth - 1);
    return below + (block[15] == depth % 100 ? 1 : 0);
}

}  // namespace

TENDRIL_TEST(machine_context, a_jump_enters_the_new_stack_and_another_comes_back) {
    transcript seen;
    stack_pool pool;
    bare_context other{pool, [&](bare_context& self) {
                           seen.push_back("other begins");
                           self.suspend();
                           seen.push_back("other ends");
                       }};
    other.resume();
    seen.push_back("home");
    other.resume();
    EXPECT_EQ(seen, (transcript{"other begins", "home", "other ends"}));
}

TENDRIL_TEST(machine_context, both_ways_to_jump_arrive_where_either_has_left) {
    constexpr std::array ways{jump_in_line, jump_and_return};
    for (std::size_t pair = 0; pair < 4; ++pair) {
        int steps = 0;
        stack_pool pool;
        bare_context other{pool, [&](bare_context& self) {
                               for (; steps < 5; ++steps) {
                                   self.suspend(ways[pair / 2]);
                               }
                           }};
        while (!other.finished()) {
            other.resume(ways[pair % 2]);
        }
        EXPECT_EQ(steps, 5);
    }
}

TENDRIL_TEST(machine_context, an_exception_leaves_a_function_that_has_jumped_and_returned) {
    std::string caught;
    stack_pool pool;
    bare_context other{pool, [&](bare_context& self) {
                           try {
                               self.suspend(jump_and_return);
                               throw std::runtime_error{"after the landing"};
                           } catch (std::runtime_error const& error) {
                               self.suspend(jump_and_return);
                               caught = error.what();
                           }
                       }};
    for (int turn = 0; turn < 3; ++turn) {
        other.resume(jump_and_return);
    }
    EXPECT_EQ(caught, "after the landing");
}

TENDRIL_TEST(machine_context, preparing_runs_nothing) {
    bool ran = false;
    stack_pool pool;
    bare_context other{pool, [&](bare_context&) { ran = true; }};
    EXPECT_FALSE(ran);
    other.resume();
    EXPECT_TRUE(ran);
}

TENDRIL_TEST(machine_context, preparing_leaves_no_exception_in_flight) {
    stack_pool pool;
    stack& memory = pool.acquire();
    machine_context context;
    context.exceptions = {&memory, 3};
    prepare(context, memory, [](arrival) {});
    EXPECT_EQ(context.exceptions.caught, nullptr);
    EXPECT_EQ(context.exceptions.uncaught, 0U);
    pool.release(memory);
}

TENDRIL_TEST(machine_context, frames_lie_between_the_limit_and_the_top_of_their_stack) {
    std::byte* frame = nullptr;
    stack_pool pool;
    bare_context other{
        pool, [&](bare_context&) { frame = static_cast<std::byte*>(__builtin_frame_address(0)); }};
    other.resume();
    EXPECT_GE(frame, other.memory().limit);
    EXPECT_LT(frame, other.memory().top);
}

TENDRIL_TEST(machine_context, frames_stay_where_they_are_while_others_run) {
    int* before = nullptr;
    int* after = nullptr;
    int content = 0;
    stack_pool pool;
    bare_context other{pool, [&](bare_context& self) {
                           int local = 7;
                           before = &local;
                           self.suspend();
                           after = &local;
                           content = local;
                       }};
    bare_context neighbour{pool, [&](bare_context& self) { descend(self, 50); }};
    other.resume();
    neighbour.resume();
    ++*before;
    other.resume();
    neighbour.resume();
    EXPECT_EQ(before, after);
    EXPECT_EQ(content, 8);
}

TENDRIL_TEST(machine_context, two_contexts_take_turns_without_the_one_that_made_them) {
    transcript seen;
    bare_context* second_place = nullptr;
    stack_pool pool;
    bare_context first{pool, [&](bare_context& self) {
                           seen.push_back("first");
                           self.hand_over(*second_place);
                           seen.push_back("first again");
                           self.hand_over(*second_place);
                       }};
    bare_context second{pool, [&](bare_context& self) {
                            seen.push_back("second");
                            self.hand_over(first);
                            seen.push_back("second again");
                        }};
    second_place = &second;
    first.resume();
    EXPECT_EQ(seen, (transcript{"first", "second", "first again", "second again"}));
    EXPECT_TRUE(second.finished());
    first.resume();
}

TENDRIL_TEST(machine_context, values_in_registers_survive_a_thousand_jumps) {
    long inside = 0;
    stack_pool pool;
    bare_context other{pool, [&](bare_context& self) {
                           long a = 1, b = 2, c = 3, d = 4, e = 5, f = 6;
                           for (int turn = 0; turn < 1000; ++turn) {
                               a += b, b += c, c += d, d += e, e += f, f += turn;
                               self.suspend();
                           }
                           inside = (a ^ b) + (c ^ d) + (e ^ f);
                       }};
    long a = 1, b = 2, c = 3, d = 4, e = 5, f = 6;
    for (int turn = 0; turn < 1000; ++turn) {
        other.resume();
        a += b, b += c, c += d, d += e, e += f, f += turn;
    }
    other.resume();
    EXPECT_EQ(inside, (a ^ b) + (c ^ d) + (e ^ f));
}

TENDRIL_TEST(machine_context, each_has_its_own_rounding_mode) {
    int inside_at_first = 0;
    int inside_later = 0;
    stack_pool pool;
    bare_context other{pool, [&](bare_context& self) {
                           std::fesetround(FE_UPWARD);
                           inside_at_first = std::fegetround();
                           self.suspend();
                           inside_later = std::fegetround();
                           std::fesetround(FE_TONEAREST);
                       }};
    other.resume();
    EXPECT_EQ(std::fegetround(), FE_TONEAREST);
    other.resume();
    EXPECT_EQ(inside_at_first, FE_UPWARD);
    EXPECT_EQ(inside_later, FE_UPWARD);
}

TENDRIL_TEST(machine_context, can_be_left_a_thousand_frames_deep) {
    int intact = 0;
    stack_pool pool;
    bare_context other{pool, [&](bare_context& self) { intact = descend(self, 1000); }, roomy};
    other.resume();
    EXPECT_FALSE(other.finished());
    other.resume();
    EXPECT_EQ(intact, 1000);
}

TENDRIL_TEST(machine_context, a_stack_can_be_prepared_again_when_its_function_has_ended) {
    stack_pool pool;
    std::byte const* first_top = nullptr;
    int runs = 0;
    for (int round = 0; round < 3; ++round) {
        bare_context other{pool, [&](bare_context&) { ++runs; }};
        other.resume();
        first_top = first_top == nullptr ? other.memory().top : first_top;
        EXPECT_EQ(other.memory().top, first_top);
    }
    EXPECT_EQ(runs, 3);
}
