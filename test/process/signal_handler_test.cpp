// SPDX-License-Identifier: BSL-1.0
#include <harness/network.hpp>
#include <harness/signals.hpp>
#include <harness/tasks.hpp>
#include <tendril/process/signal_handler.hpp>
#include <tendril/process/signal_set.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/task/context_var.hpp>
#include <tendril/time/timeout.hpp>

#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::counting_handler;
using test::transcript;

}  // namespace

TENDRIL_HUB_TEST(signal_handler, calls_its_function_in_a_greenlet_that_may_wait) {
    event done;
    signal_handler const on_signal{SIGUSR1, [&] {
                                       sleep_for(1s);
                                       done.set();
                                   }};
    std::raise(SIGUSR1);
    EXPECT_FALSE(done.is_set());
    done.wait();
    EXPECT_EQ(clock.elapsed(), 1s);
}

TENDRIL_HUB_TEST(signal_handler, tells_its_function_the_number) {
    std::vector<int> numbers;
    signal_handler const on_signal{
        {SIGUSR1, SIGUSR2}, [&](int number) { numbers.push_back(number); }};
    std::raise(SIGUSR2);
    sleep_for(1ms);
    std::raise(SIGUSR1);
    sleep_for(1ms);
    EXPECT_EQ(numbers, (std::vector{SIGUSR2, SIGUSR1}));
}

TENDRIL_HUB_TEST(signal_handler, takes_its_numbers_from_any_list) {
    std::vector<int> const wanted{SIGUSR1, SIGUSR2};
    int calls = 0;
    signal_handler const on_signal{wanted, [&] { ++calls; }};
    std::raise(SIGUSR2);
    sleep_for(1ms);
    EXPECT_EQ(calls, 1);
}

TENDRIL_HUB_TEST(signal_handler, calls_one_at_a_time_and_forgets_none_that_comes_meanwhile) {
    int calls = 0;
    int at_once = 0;
    signal_handler const on_signal{SIGUSR1, [&] {
                                       EXPECT_EQ(++at_once, 1);
                                       ++calls;
                                       sleep_for(1s);
                                       --at_once;
                                   }};
    std::raise(SIGUSR1);
    sleep_for(500ms);
    EXPECT_EQ(calls, 1);
    std::raise(SIGUSR1);
    std::raise(SIGUSR1);
    sleep_for(5s);
    EXPECT_EQ(calls, 2) << "two that came during a call are one call more";
}

TENDRIL_HUB_TEST(signal_handler, an_error_is_reported_and_it_goes_on) {
    transcript errors;
    test::collect_errors(errors);
    int calls = 0;
    signal_handler const on_signal{SIGUSR1, [&] {
                                       ++calls;
                                       throw std::runtime_error{"no such file"};
                                   }};
    for (int count = 0; count < 2; ++count) {
        std::raise(SIGUSR1);
        sleep_for(1ms);
    }
    EXPECT_EQ(calls, 2);
    ASSERT_EQ(errors.size(), 2u);
    EXPECT_TRUE(test::contains(errors[0], "the handler of SIGUSR1: ")) << errors[0];
    EXPECT_TRUE(test::contains(errors[0], "no such file")) << errors[0];
    EXPECT_TRUE(on_signal.is_open());
}

TENDRIL_HUB_TEST(signal_handler, what_a_call_throws_for_others_is_an_error_too) {
    transcript errors;
    test::collect_errors(errors);
    int calls = 0;
    signal_handler const on_signal{SIGUSR1, [&] {
                                       ++calls;
                                       calls == 1 ? throw cancelled{} : throw timed_out{0};
                                   }};
    for (int count = 0; count < 2; ++count) {
        std::raise(SIGUSR1);
        sleep_for(1ms);
    }
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(errors.size(), 2u);
}

TENDRIL_HUB_TEST(signal_handler, its_end_gives_the_signal_its_former_effect_back) {
    counting_handler const former{SIGUSR1};
    int calls = 0;
    {
        signal_handler const on_signal{SIGUSR1, [&] { ++calls; }};
        std::raise(SIGUSR1);
        sleep_for(1ms);
    }
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(former.count(), 0);
    EXPECT_TRUE(former.is_in_place());
}

TENDRIL_HUB_TEST(signal_handler, its_end_cancels_a_call_and_waits_for_it) {
    transcript seen;
    {
        signal_handler const on_signal{
            SIGUSR1, [&] {
                test::yields_when_destroyed const cleanup{seen, "cleaned up"};
                sleep_for(1h);
                seen.push_back("returned");
            }};
        std::raise(SIGUSR1);
        sleep_for(1s);
    }
    EXPECT_EQ(seen, transcript{"cleaned up"});
    EXPECT_EQ(clock.elapsed(), 1s + 1ms);
}

TENDRIL_HUB_TEST(signal_handler, a_request_for_the_one_who_ends_it_waits_until_it_has_ended) {
    transcript seen;
    std::optional<signal_handler> on_signal;
    on_signal.emplace(SIGUSR1, [&] {
        test::yields_when_destroyed const cleanup{seen, "cleaned up"};
        sleep_for(1h);
    });
    std::raise(SIGUSR1);
    sleep_for(1s);
    task<void> ends;
    ends = spawn([&] {
        ends.cancel();
        on_signal.reset();
        seen.push_back("ended");
        sleep_for(1h);
    });
    ends.join();
    EXPECT_TRUE(ends.was_cancelled());
    EXPECT_EQ(seen, (transcript{"cleaned up", "ended"}));
}

TENDRIL_HUB_TEST(signal_handler, may_be_destroyed_by_its_own_call_which_goes_on) {
    counting_handler const former{SIGUSR1};
    std::optional<signal_handler> on_signal;
    bool finished = false;
    on_signal.emplace(SIGUSR1, [&] {
        on_signal.reset();
        EXPECT_TRUE(former.is_in_place());
        sleep_for(1s);
        finished = true;
    });
    std::raise(SIGUSR1);
    sleep_for(2s);
    EXPECT_TRUE(finished);
    std::raise(SIGUSR1);
    sleep_for(1ms);
    EXPECT_EQ(former.count(), 1);
}

TENDRIL_HUB_TEST(signal_handler, an_error_of_the_call_that_destroyed_it_is_reported) {
    transcript errors;
    test::collect_errors(errors);
    std::optional<signal_handler> on_signal;
    on_signal.emplace(SIGUSR1, [&] {
        on_signal.reset();
        throw std::runtime_error{"too late"};
    });
    std::raise(SIGUSR1);
    sleep_for(1s);
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_TRUE(test::contains(errors[0], "too late")) << errors[0];
}

TENDRIL_HUB_TEST(signal_handler, a_callback_of_the_hub_may_destroy_it_during_a_call) {
    std::optional<signal_handler> on_signal;
    auto const alive = std::make_shared<int>();
    on_signal.emplace(SIGUSR1, [alive] { sleep_for(1h); });
    std::raise(SIGUSR1);
    sleep_for(1ms);
    this_hub().call_soon([&] { on_signal.reset(); });
    sleep_for(1ms);
    EXPECT_FALSE(on_signal.has_value());
    EXPECT_EQ(alive.use_count(), 1) << "the call was cancelled, and ended by itself";
}

TENDRIL_HUB_TEST(signal_handler, may_be_closed_twice_and_before_its_first_turn) {
    counting_handler const former{SIGUSR1};
    signal_handler on_signal{SIGUSR1, [] {}};
    EXPECT_TRUE(on_signal.is_open());
    on_signal.close();
    on_signal.close();
    EXPECT_FALSE(on_signal.is_open());
    EXPECT_TRUE(former.is_in_place());
}

TENDRIL_HUB_TEST(signal_handler, can_be_moved) {
    counting_handler const former{SIGUSR1};
    int first = 0;
    int second = 0;
    signal_handler one{SIGUSR1, [&] { ++first; }};
    signal_handler other{std::move(one)};
    std::raise(SIGUSR1);
    sleep_for(1ms);
    EXPECT_EQ(first, 1);
    other = signal_handler{SIGUSR1, [&] { ++second; }};
    std::raise(SIGUSR1);
    sleep_for(1ms);
    EXPECT_EQ(first, 1);
    EXPECT_EQ(second, 1);
}

TENDRIL_HUB_TEST(signal_handler, two_of_one_signal_are_both_called) {
    int first = 0;
    int second = 0;
    signal_handler const one{SIGUSR1, [&] { ++first; }};
    signal_handler const other{SIGUSR1, [&] { ++second; }};
    signal_set set{SIGUSR1};
    std::raise(SIGUSR1);
    sleep_for(1ms);
    EXPECT_EQ(first, 1);
    EXPECT_EQ(second, 1);
    EXPECT_EQ(set.try_wait(), SIGUSR1);
}

TENDRIL_HUB_TEST(signal_handler, has_the_context_of_who_made_it) {
    context_var<int> depth{0};
    depth.set(7);
    int seen = 0;
    signal_handler const on_signal{SIGUSR1, [&] { seen = depth.get(); }};
    depth.set(8);
    std::raise(SIGUSR1);
    sleep_for(1ms);
    EXPECT_EQ(seen, 7);
}

TENDRIL_HUB_TEST(signal_handler, main_may_wait_for_what_it_does) {
    event stop;
    signal_handler const on_signal{SIGUSR1, [&] { stop.set(); }};
    std::thread other{[to = ::pthread_self()] { ::pthread_kill(to, SIGUSR1); }};
    stop.wait();
    other.join();
}

TENDRIL_HUB_TEST(signal_handler, is_a_reason_for_the_hub_to_go_on) {
    signal_handler on_signal{SIGUSR1, [] {}};
    EXPECT_FALSE(this_hub().join_for(1h));
    on_signal.close();
    EXPECT_TRUE(this_hub().join_for(1h));
}

TENDRIL_TEST(signal_handler, the_end_of_the_hub_ends_a_call_and_gives_the_effect_back) {
    counting_handler const former{SIGUSR1};
    std::optional<signal_handler> on_signal;
    transcript seen;
    test::virtual_clock clock;
    tendril::run({.clock = &clock}, [&] {
        on_signal.emplace(SIGUSR1, [&] {
            test::yields_when_destroyed const cleanup{seen, "cleaned up"};
            sleep_for(1h);
        });
        std::raise(SIGUSR1);
        sleep_for(1ms);
    });
    EXPECT_EQ(seen, transcript{"cleaned up"});
    EXPECT_TRUE(former.is_in_place());
    EXPECT_FALSE(on_signal->is_open());
}

TENDRIL_HUB_TEST(signal_handler, refuses_what_a_set_refuses) {
    EXPECT_NE(test::misuse_of([] { signal_handler{SIGKILL, [] {}}; }), "");
    EXPECT_NE(test::misuse_of([] { signal_handler{{SIGUSR1, SIGSEGV}, [] {}}; }), "");
    EXPECT_NE(test::misuse_of([] { signal_handler{0, [] {}}; }), "");
}
