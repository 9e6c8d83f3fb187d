// SPDX-License-Identifier: BSL-1.0
//
// Switches inside of a switch, and what a switch needs from the system.
#include <harness/failing_allocations.hpp>
#include <harness/greenlets.hpp>
#include <tendril/greenlet/switch.hpp>
#include <tendril/support/system_calls.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using test::suspended_greenlet;
using test::switch_to_parent;
using test::transcript;

// Switches to a greenlet when it is copied into what another switch carries.
struct switches_when_copied {
    explicit switches_when_copied(greenlet_ref const& target, std::string& answer)
        : to{target},
          received{&answer} {}
    switches_when_copied(switches_when_copied const& other)
        : to{other.to},
          received{other.received} {
        *received = to.switch_to(std::string{"inner"}).as<std::string>();
    }
    switches_when_copied(switches_when_copied&&) noexcept = default;

    greenlet_ref to;
    std::string* received;
};

// A table in which no more stacks can be had.
system_calls without_stacks() {
    system_calls broken = kernel();
    broken.mmap = [](void*, std::size_t, int, int, int, off_t) -> void* {
        errno = ENOMEM;
        return MAP_FAILED;
    };
    broken.madvise = [](void*, std::size_t, int) { return errno = ENOMEM, -1; };
    broken.mprotect = [](void*, std::size_t, int) { return errno = ENOMEM, -1; };
    return broken;
}

// Sorts, and lets the other one go on at each comparison.
greenlet sorting_greenlet(std::vector<int>& numbers, greenlet const& other, int& comparisons) {
    return greenlet{[&] {
        std::sort(numbers.begin(), numbers.end(), [&](int a, int b) {
            ++comparisons;
            if (!other.dead()) {
                other.switch_to();
            }
            return a < b;
        });
    }};
}

}  // namespace

TENDRIL_TEST(switch, to_one_that_was_started_while_the_first_values_were_packed_continues_it) {
    greenlet g{[](std::string first) {
        value later = switch_to_parent(first + " arrived");
        return later.holds<switches_when_copied>();
    }};
    std::string inner;
    switches_when_copied const packed{g, inner};
    EXPECT_TRUE(g.switch_to(packed).as<bool>());
    EXPECT_EQ(inner, "inner arrived");
}

TENDRIL_TEST(switch, to_one_that_ended_while_the_first_values_were_packed_returns_them) {
    greenlet g{[](std::string first) { return first + " arrived"; }};
    std::string inner;
    switches_when_copied const packed{g, inner};
    EXPECT_TRUE(g.switch_to(packed).holds<switches_when_copied>());
    EXPECT_EQ(inner, "inner arrived");
    EXPECT_TRUE(g.dead());
}

TENDRIL_TEST(switch, a_value_that_switches_when_it_is_packed_does_not_disturb_a_later_switch) {
    greenlet other{[](std::string first) {
        while (true) {
            first = switch_to_parent(first + " arrived").as<std::string>();
        }
    }};
    greenlet g{[] { return switch_to_parent().holds<switches_when_copied>(); }};
    g.switch_to();
    std::string inner;
    switches_when_copied const packed{other, inner};
    EXPECT_TRUE(g.switch_to(packed).as<bool>());
    EXPECT_EQ(inner, "inner arrived");
}

TENDRIL_TEST(switch, a_first_one_that_gets_no_stack_leaves_the_caller_and_the_others_alone) {
    int ended = 0;
    system_calls const broken = without_stacks();
    greenlet const g{[] { return 1; }, {.stack_size = 100 * 1024 * 1024}};
    greenlet const caller{[&] {
        int const local = 7;
        greenlet const other = suspended_greenlet(ended);
        replaced_system_calls const until_end{broken};
        EXPECT_THROW(g.switch_to(), stack_exhausted);
        other.switch_to();
        return local;
    }};
    EXPECT_EQ(caller.switch_to().as<int>(), 7);
    EXPECT_EQ(ended, 1);
    EXPECT_FALSE(g.started() || g.dead());
}

TENDRIL_TEST(switch, a_later_one_needs_no_memory_and_no_system_call) {
    system_calls const broken = without_stacks();
    greenlet g{[](int n) {
        while (true) {
            n = switch_to_parent(n + 1).as<int>();
        }
    }};
    g.switch_to(0);
    int sum = 0;
    bool allocated = false;
    {
        replaced_system_calls const until_end{broken};
        test::failing_allocation const first{1};
        for (int turn = 0; turn < 10; ++turn) {
            sum += g.switch_to(turn).as<int>();
        }
        allocated = first.has_failed();
    }
    EXPECT_EQ(sum, 55);
    EXPECT_FALSE(allocated);
}

TENDRIL_TEST(switch, works_inside_the_comparisons_of_two_sorts_at_once) {
    std::array<std::vector<int>, 2> numbers{{{5, 3, 8, 1, 9, 2}, {4, 7, 6, 0, 3, 8}}};
    std::array<int, 2> comparisons{};
    std::array<greenlet, 2> sorting;
    sorting[0] = sorting_greenlet(numbers[0], sorting[1], comparisons[0]);
    sorting[1] = sorting_greenlet(numbers[1], sorting[0], comparisons[1]);
    while (!sorting[0].dead() || !sorting[1].dead()) {
        (sorting[0].dead() ? sorting[1] : sorting[0]).switch_to();
    }
    for (std::size_t who = 0; who < 2; ++who) {
        EXPECT_TRUE(std::is_sorted(numbers[who].begin(), numbers[who].end()));
        EXPECT_GT(comparisons[who], 4);
    }
}

TENDRIL_TEST(switch, moves_no_frame_of_a_suspended_greenlet) {
    int* number = nullptr;
    int seen = 0;
    greenlet g{[&] {
        int local = 1;
        number = &local;
        switch_to_parent();
        seen = local;
    }};
    g.switch_to();
    greenlet others{[] {
        while (true) {
            switch_to_parent();
        }
    }};
    for (int turn = 0; turn < 1000; ++turn) {
        others.switch_to();
        ++*number;
    }
    g.switch_to();
    EXPECT_EQ(seen, 1001);
}
