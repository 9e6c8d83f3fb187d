// SPDX-License-Identifier: BSL-1.0
//
// A group is made, or it is not and says why, whatever fails on the thread that makes it or on one
// of its own. Nothing is left either way.
#include <harness/failing_allocations.hpp>
#include <harness/hubs.hpp>
#include <tendril/hubs/hub_group.hpp>
#include <tendril/testing/failing_system_calls.hpp>

#include <cerrno>
#include <iostream>
#include <optional>
#include <system_error>

namespace {

using namespace tendril;
using tendril::testing::failing_system_calls;
using tendril::testing::leak_check;

// Makes a group and uses it. Returns whether it could be made.
bool can_make(hub_group_options options) {
    try {
        hub_group hubs{std::move(options)};
        EXPECT_EQ(hubs.spawn_on(1, [] { return 7; }).get(), 7);
        return true;
    } catch (std::exception const&) {
        return false;
    }
}

// What fails on the thread that calls, until that ends.
template <typename Failing>
std::optional<Failing>& until_end_of_thread() {
    thread_local std::optional<Failing> fails;
    return fails;
}

}  // namespace

TENDRIL_TEST(hub_group_faults, any_allocation_of_whoever_makes_it_may_fail) {
    int failed = 0;
    bool made = false;
    for (int number = 1; !made; ++number) {
        leak_check const before;
        std::optional<hub_group> hubs;
        try {
            test::failing_allocation const next{number};
            hubs.emplace(hub_group_options{.size = 2});
            made = !next.has_failed();
        } catch (std::bad_alloc const&) {
            ++failed;
        }
        hubs.reset();
        EXPECT_EQ(before.leaks(), "") << number;
    }
    std::cout << "    " << failed << " places\n";
    EXPECT_GT(failed, 2);
}

TENDRIL_TEST(hub_group_faults, any_allocation_at_the_begin_of_a_hub_may_fail) {
    int failed = 0;
    for (std::size_t number = 1; number <= 40; ++number) {
        leak_check const before;
        failed += can_make(
                      {.size = 2,
                       .options_for =
                           [number](std::size_t index) {
                               if (index == 1) {
                                   until_end_of_thread<tendril::testing::failing_allocations>()
                                       .emplace(number);
                               }
                               return hub_options{};
                           }})
            ? 0
            : 1;
        EXPECT_EQ(before.leaks(), "") << number;
    }
    std::cout << "    " << failed << " places\n";
    EXPECT_GT(failed, 2);
}

TENDRIL_TEST(hub_group_faults, any_system_call_at_the_begin_of_a_hub_may_fail) {
    int failed = 0;
    for (std::size_t number = 1; number <= 20; ++number) {
        leak_check const before;
        failed += can_make(
                      {.size = 2,
                       .options_for =
                           [number](std::size_t index) {
                               if (index == 1) {
                                   until_end_of_thread<failing_system_calls>().emplace(
                                       tendril::testing::any_call, ENOMEM, number);
                               }
                               return hub_options{};
                           }})
            ? 0
            : 1;
        EXPECT_EQ(before.leaks(), "") << number;
    }
    std::cout << "    " << failed << " places\n";
    EXPECT_GT(failed, 2);
}

TENDRIL_TEST(hub_group_faults, a_system_that_does_not_tell_its_processors_is_an_error) {
    for (int const code : {EFAULT, EINVAL, ESRCH, ENOSYS}) {
        failing_system_calls const next{&system_calls::sched_getaffinity, code};
        try {
            hub_group const hubs;
            ADD_FAILURE() << "it was made";
        } catch (std::system_error const& error) {
            EXPECT_EQ(error.code().value(), code);
        }
    }
}

// It is called on the threads of the group, so the table of pairs does not reach it.
TENDRIL_TEST(hub_group_faults, a_thread_that_cannot_be_pinned_is_an_error) {
    static int code;
    system_calls table = kernel();
    table.sched_setaffinity = [](pid_t, std::size_t, cpu_set_t const*) {
        errno = code;
        return -1;
    };
    replaced_system_calls const until_end{table};
    for (int const each : {EFAULT, EINVAL, EPERM, ESRCH, ENOSYS, EACCES}) {
        code = each;
        try {
            hub_group const hubs{{.size = 2, .pinned = true}};
            ADD_FAILURE() << "it was made";
        } catch (std::system_error const& error) {
            EXPECT_EQ(error.code().value(), code);
        }
    }
}
