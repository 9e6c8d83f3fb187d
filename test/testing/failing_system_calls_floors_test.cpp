// SPDX-License-Identifier: BSL-1.0
//
// Every system call of the library's own fails, once and for ever, in the life of a hub and in
// every call that waits (harness/blocking_calls.hpp). Nothing hangs, and nothing is left.
#include <harness/failure_points.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/testing/failing_system_calls.hpp>

#include <boost/system/system_error.hpp>

#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::any_call;
using tendril::testing::failing_system_calls;
using tendril::testing::failure;
using tendril::testing::for_each_failure;
using tendril::testing::leak_check;

constexpr std::array codes{ENOMEM, EMFILE, EINTR};

// A stream makes an interrupted call again, for ever if need be.
enum class interruptions { for_ever_too, once };

// Calls a function for each call that may fail, with each code, once and for ever.
template <typename F>
std::size_t fail_everywhere(F&& survives, interruptions most = interruptions::for_ever_too) {
    // What the kernel can do is asked once in a process.
    stack_pool const asks_now;
    std::size_t points = 0;
    for (int const code : codes) {
        for (failure const how : {failure::once, failure::for_ever}) {
            if (code == EINTR && how == failure::for_ever && most == interruptions::once) {
                continue;
            }
            points += for_each_failure(
                [&](std::size_t number) { return survives(code, number, how); });
        }
    }
    return points;
}

// What a failure may be told as.
template <typename F>
void run_to_an_end(F&& function) {
    try {
        function();
    } catch (std::bad_alloc const&) {
    } catch (std::system_error const&) {
    } catch (boost::system::system_error const&) {
    } catch (would_block_forever const&) {}
}

}  // namespace

TENDRIL_TEST(failing_system_calls, of_a_hub_with_stacks_and_posts) {
    std::size_t const points = fail_everywhere([](int code, std::size_t number, failure how) {
        leak_check const before;
        bool has_failed = false;
        std::thread{[&] {
            failing_system_calls const next{any_call, code, number, how};
            run_to_an_end([] {
                run([] {
                    test::ignore_errors();
                    event posted;
                    remote const door = this_hub().remote();
                    for (int count = 0; count < 40; ++count) {
                        this_hub().spawn_raw([] { yield(); });
                    }
                    door.post([&] { posted.set(); });
                    posted.wait();
                });
            });
            has_failed = next.has_failed();
        }}.join();
        EXPECT_EQ(before.leaks(), "") << "call " << number << ", errno " << code;
        return has_failed;
    });
    std::printf("%zu points of failure: a hub with stacks and posts\n", points);
    EXPECT_GT(points, 30U);
}

TENDRIL_TEST(failing_system_calls, of_every_call_that_waits) {
    std::size_t all = 0;
    for (test::call_maker const& make : test::every_blocking_call()) {
        all += fail_everywhere(
            [&](int code, std::size_t number, failure how) {
                leak_check const before;
                bool has_failed = false;
                test::virtual_clock clock;
                run({.clock = &clock}, [&] {
                    test::ignore_errors();
                    failing_system_calls const next{any_call, code, number, how};
                    run_to_an_end([&] { test::wait_and_give(make); });
                    has_failed = next.has_failed();
                });
                EXPECT_EQ(before.leaks(), "") << "call " << number << ", errno " << code;
                return has_failed;
            },
            interruptions::once);
    }
    std::printf("%zu points of failure: all calls that wait\n", all);
    EXPECT_GT(all, 50U);
}
