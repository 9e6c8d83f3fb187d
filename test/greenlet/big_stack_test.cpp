// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <tendril/greenlet/big_stack.hpp>
#include <tendril/support/system_calls.hpp>

#include <cerrno>
#include <memory>
#include <regex>
#include <stdexcept>

namespace {

using namespace tendril;
using tendril::test::note_at_end;
using tendril::test::switch_to_parent;
using tendril::test::transcript;

// Touches so much stack and returns its number.
[[gnu::noinline]] std::size_t use_stack(std::size_t left) {
    std::byte volatile frame[1024];
    frame[0] = std::byte{1};
    return left <= sizeof frame ? left
                                : use_stack(left - sizeof frame) + (frame[0] == std::byte{0});
}

TENDRIL_TEST(big_stack, gives_room_that_the_greenlet_has_not) {
    greenlet g{[] { on_big_stack([] { use_stack(std::size_t{4} * 1024 * 1024); }); }};
    g.switch_to();
    EXPECT_TRUE(g.dead());
}

TENDRIL_TEST(big_stack, returns_what_the_function_returns) {
    EXPECT_EQ(on_big_stack([] { return 7; }), 7);
    EXPECT_EQ(*on_big_stack([] { return std::make_unique<int>(8); }), 8);
    int here = 9;
    EXPECT_EQ(&on_big_stack([&]() -> int& { return here; }), &here);
}

TENDRIL_TEST(big_stack, throws_what_the_function_throws) {
    greenlet g{[] {
        EXPECT_THROW(on_big_stack([] { throw std::runtime_error{"deep"}; }), std::runtime_error);
        EXPECT_EQ(std::uncaught_exceptions(), 0);
        EXPECT_EQ(std::current_exception(), nullptr);
    }};
    g.switch_to();
}

TENDRIL_TEST(big_stack, leaves_the_greenlet_who_it_is) {
    greenlet g{[] {
        greenlet_ref const self = greenlet::current();
        on_big_stack([&] { EXPECT_EQ(greenlet::current(), self); });
    }};
    g.switch_to();
}

TENDRIL_TEST(big_stack, the_function_sees_the_exception_that_its_caller_handles) {
    try {
        throw std::runtime_error{"handled"};
    } catch (std::runtime_error const&) {
        std::exception_ptr const outside = std::current_exception();
        on_big_stack([&] { EXPECT_EQ(std::current_exception(), outside); });
        EXPECT_EQ(std::current_exception(), outside);
    }
}

TENDRIL_TEST(big_stack, the_function_may_switch) {
    greenlet g{[] { return on_big_stack([] { return switch_to_parent(1).as<int>() + 1; }); }};
    EXPECT_EQ(g.switch_to().as<int>(), 1);
    EXPECT_EQ(g.switch_to(41).as<int>(), 42);
}

TENDRIL_TEST(big_stack, the_main_greenlet_may_switch_in_it) {
    greenlet g{[] { return 5; }};
    EXPECT_EQ(on_big_stack([&] { return g.switch_to().as<int>(); }), 5);
}

TENDRIL_TEST(big_stack, nests) {
    EXPECT_EQ(on_big_stack([] { return on_big_stack([] { return 3; }) + 1; }), 4);
}

TENDRIL_TEST(big_stack, being_ended_unwinds_the_large_stack_and_then_the_small_one) {
    transcript seen;
    {
        greenlet g{[&] {
            note_at_end const small{seen, "small"};
            on_big_stack([&] {
                note_at_end const large{seen, "large"};
                switch_to_parent();
            });
        }};
        g.switch_to();
    }
    EXPECT_EQ(seen, (transcript{"large", "small"}));
}

TENDRIL_TEST(big_stack, two_greenlets_have_one_each) {
    greenlet one{[] { on_big_stack([] { switch_to_parent(); }); }};
    greenlet other{[] { on_big_stack([] { switch_to_parent(); }); }};
    one.switch_to();
    other.switch_to();
    one.switch_to();
    other.switch_to();
    EXPECT_TRUE(one.dead() && other.dead());
}

TENDRIL_TEST(big_stack, calls_nothing_when_there_is_no_memory) {
    system_calls broken = kernel();
    broken.mmap = [](void*, std::size_t, int, int, int, off_t) -> void* {
        errno = ENOMEM;
        return MAP_FAILED;
    };
    tendril::test::on_new_thread([&] {
        greenlet g{[] {}};
        g.switch_to();
        replaced_system_calls const until_here{broken};
        bool called = false;
        EXPECT_THROW(on_big_stack([&] { called = true; }), stack_exhausted);
        EXPECT_FALSE(called);
    });
}

TENDRIL_TEST(big_stack, more_than_the_largest_stack_is_misuse) {
    EXPECT_THROW(on_big_stack([] {}, stack_pool::maximum_size + 1), misuse);
}

TENDRIL_TEST(big_stack, a_regular_expression_finds_the_room_it_needs) {
    std::string const text(2'000, 'a');
    greenlet g{[&] {
        return on_big_stack(
            [&] { return std::regex_match(text, std::regex{"(a|b)*"}); },
            std::size_t{32} * 1024 * 1024);
    }};
    EXPECT_TRUE(g.switch_to().as<bool>());
}

}  // namespace
