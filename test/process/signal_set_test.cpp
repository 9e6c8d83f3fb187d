// SPDX-License-Identifier: BSL-1.0
#include <harness/network.hpp>
#include <harness/signals.hpp>
#include <harness/tasks.hpp>
#include <tendril/process/signal_set.hpp>
#include <tendril/time/timeout.hpp>

#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::counting_handler;

std::string misuse_of_set(int number) {
    return test::misuse_of([&] { signal_set const set{SIGUSR2, number}; });
}

}  // namespace

TENDRIL_HUB_TEST(signal_set, a_wait_returns_the_number_of_the_signal_that_comes) {
    signal_set set{SIGUSR1, SIGUSR2};
    auto waiting = spawn([&] { return set.wait(); });
    test::settle();
    EXPECT_FALSE(waiting.done());
    std::raise(SIGUSR2);
    EXPECT_EQ(waiting.get(), SIGUSR2);
}

TENDRIL_HUB_TEST(signal_set, one_that_came_before_the_wait_is_returned_at_once) {
    signal_set set{SIGUSR1};
    std::raise(SIGUSR1);
    EXPECT_EQ(set.wait(), SIGUSR1);
}

TENDRIL_HUB_TEST(signal_set, waits_again_and_again) {
    signal_set set{SIGUSR1};
    for (int count = 0; count < 3; ++count) {
        auto waiting = spawn([&] { return set.wait(); });
        test::settle();
        std::raise(SIGUSR1);
        EXPECT_EQ(waiting.get(), SIGUSR1);
    }
}

TENDRIL_HUB_TEST(signal_set, others_run_while_somebody_waits) {
    signal_set set{SIGUSR1};
    auto waiting = spawn([&] { return set.wait(); });
    sleep_for(1h);
    EXPECT_FALSE(waiting.done());
    std::raise(SIGUSR1);
    waiting.join();
}

TENDRIL_HUB_TEST(signal_set, wakes_a_hub_that_sleeps) {
    signal_set set{SIGUSR1};
    // Nobody else is ready, so the hub is in the reactor, or on its way there.
    std::thread other{[to = ::pthread_self()] { ::pthread_kill(to, SIGUSR1); }};
    EXPECT_EQ(set.wait(), SIGUSR1);
    other.join();
}

TENDRIL_HUB_TEST(signal_set, signals_of_one_number_do_not_add_up) {
    signal_set set{SIGUSR1};
    std::raise(SIGUSR1);
    std::raise(SIGUSR1);
    EXPECT_EQ(set.wait(), SIGUSR1);
    EXPECT_EQ(set.try_wait(), std::nullopt);
    EXPECT_EQ(set.wait_for(1h), std::nullopt);
}

TENDRIL_HUB_TEST(signal_set, of_several_that_have_come_each_wait_returns_one) {
    signal_set set{SIGUSR1, SIGUSR2, SIGRTMAX};
    std::raise(SIGRTMAX);
    std::raise(SIGUSR2);
    std::raise(SIGUSR1);
    EXPECT_EQ(set.wait(), SIGUSR1);
    EXPECT_EQ(set.try_wait(), SIGUSR2);
    EXPECT_EQ(set.wait_for(1s), SIGRTMAX);
    EXPECT_EQ(set.try_wait(), std::nullopt);
}

TENDRIL_ORDERED_HUB_TEST(signal_set, a_signal_goes_to_the_one_who_has_waited_longest) {
    signal_set set{SIGUSR1};
    std::vector<int> order;
    std::vector<task<void>> all;
    for (int const name : {1, 2, 3}) {
        all.push_back(spawn([&, name] {
            set.wait();
            order.push_back(name);
        }));
    }
    for (std::size_t served = 1; served <= all.size(); ++served) {
        test::settle();
        std::raise(SIGUSR1);
        sleep_for(1ms);
        EXPECT_EQ(order.size(), served);
    }
    EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TENDRIL_HUB_TEST(signal_set, a_wait_has_a_limit) {
    signal_set set{SIGUSR1};
    EXPECT_EQ(set.wait_for(1s), std::nullopt);
    EXPECT_EQ(clock.elapsed(), 1s);
    EXPECT_EQ(set.wait_until(deadline::after(1s)), std::nullopt);
    EXPECT_EQ(set.wait_until(this_hub().now() + 1s), std::nullopt);
    EXPECT_EQ(clock.elapsed(), 3s);
    std::raise(SIGUSR1);
    EXPECT_EQ(set.wait_for(0s), SIGUSR1);
    test::expect_no_time_is_enough(
        clock, [&](auto const& duration) { return set.wait_for(duration).has_value(); });
}

TENDRIL_HUB_TEST(signal_set, a_wait_may_have_a_limit_that_never_comes) {
    signal_set set{SIGUSR1};
    test::expect_an_age_is_enough(
        [&](auto const& duration) { return set.wait_for(duration).has_value(); },
        [] { std::raise(SIGUSR1); });
}

TENDRIL_HUB_TEST(signal_set, a_wait_can_be_cancelled_and_the_next_one_gets_the_signal) {
    signal_set set{SIGUSR1};
    auto first = spawn([&] { return set.wait(); });
    test::settle();
    first.cancel();
    first.join();
    EXPECT_TRUE(first.was_cancelled());
    std::raise(SIGUSR1);
    EXPECT_EQ(set.wait(), SIGUSR1);
}

TENDRIL_HUB_TEST(signal_set, a_cancelled_wait_takes_nothing) {
    signal_set set{SIGUSR1};
    auto first = spawn([&] { return set.wait(); });
    auto second = spawn([&] { return set.wait(); });
    test::settle();
    std::raise(SIGUSR1);
    first.cancel();
    first.join();
    EXPECT_TRUE(first.was_cancelled());
    EXPECT_EQ(second.get(), SIGUSR1);
}

TENDRIL_HUB_TEST(signal_set, a_wait_obeys_a_timeout) {
    signal_set set{SIGUSR1};
    std::string const how = test::interruption_of(
        [&] { with_timeout(1s, [&] { return set.wait(); }); });
    EXPECT_EQ(how, "timed out");
}

TENDRIL_HUB_TEST(signal_set, a_request_for_the_caller_comes_before_a_signal) {
    signal_set set{SIGUSR1};
    std::raise(SIGUSR1);
    task<void> waiting;
    waiting = spawn([&] {
        waiting.cancel();
        set.wait();
    });
    waiting.join();
    EXPECT_TRUE(waiting.was_cancelled());
    EXPECT_EQ(set.try_wait(), SIGUSR1);
}

TENDRIL_HUB_TEST(signal_set, two_sets_hear_of_the_same_signal) {
    signal_set one{SIGUSR1};
    signal_set other{SIGUSR1};
    std::raise(SIGUSR1);
    EXPECT_EQ(one.wait(), SIGUSR1);
    EXPECT_EQ(other.wait(), SIGUSR1);
}

TENDRIL_HUB_TEST(signal_set, says_what_is_in_it) {
    signal_set const set{SIGUSR1, SIGUSR1, SIGRTMIN};
    EXPECT_TRUE(set.contains(SIGUSR1));
    EXPECT_TRUE(set.contains(SIGRTMIN));
    EXPECT_FALSE(set.contains(SIGUSR2));
    EXPECT_FALSE(set.contains(0));
    EXPECT_FALSE(set.contains(-1));
    EXPECT_FALSE(set.contains(1000));
    std::vector<int> const numbers{SIGUSR2, SIGHUP};
    EXPECT_TRUE(signal_set{numbers}.contains(SIGHUP));
}

TENDRIL_HUB_TEST(signal_set, while_it_exists_the_signal_has_no_other_effect) {
    counting_handler const handler{SIGUSR1};
    signal_set set{SIGUSR1};
    std::raise(SIGUSR1);
    set.wait();
    EXPECT_EQ(handler.count(), 0);
}

TENDRIL_HUB_TEST(signal_set, gives_the_signal_its_former_effect_back) {
    counting_handler const handler{SIGUSR1};
    { signal_set const set{SIGUSR1}; }
    ASSERT_TRUE(handler.is_in_place());
    std::raise(SIGUSR1);
    EXPECT_EQ(handler.count(), 1);
}

TENDRIL_HUB_TEST(signal_set, gives_an_ignored_signal_back_as_ignored) {
    auto* const former = std::signal(SIGUSR1, SIG_IGN);
    {
        signal_set set{SIGUSR1};
        std::raise(SIGUSR1);
        EXPECT_EQ(set.try_wait(), SIGUSR1);
    }
    std::raise(SIGUSR1);
    EXPECT_EQ(std::signal(SIGUSR1, former), SIG_IGN);
}

TENDRIL_HUB_TEST(signal_set, of_several_sets_the_last_gives_the_effect_back) {
    counting_handler const handler{SIGUSR1};
    auto first = std::make_unique<signal_set>(std::initializer_list<int>{SIGUSR1});
    signal_set second{SIGUSR1};
    first = nullptr;
    std::raise(SIGUSR1);
    EXPECT_EQ(second.wait(), SIGUSR1);
    EXPECT_EQ(handler.count(), 0);
}

TENDRIL_HUB_TEST(signal_set, leaves_an_effect_alone_that_the_program_has_set_meanwhile) {
    counting_handler const before{SIGUSR1};
    {
        signal_set const set{SIGUSR1};
        std::signal(SIGUSR1, SIG_IGN);
    }
    EXPECT_EQ(std::signal(SIGUSR1, SIG_DFL), SIG_IGN);
}

TENDRIL_HUB_TEST(signal_set, its_end_is_told_to_those_who_wait) {
    auto set = std::make_unique<signal_set>(std::initializer_list<int>{SIGUSR1});
    signal_set& awaited = *set;
    std::vector<task<void>> all;
    for (int count = 0; count < 3; ++count) {
        all.push_back(spawn([&] { awaited.wait(); }));
    }
    test::settle();
    set = nullptr;
    for (auto& each : all) {
        EXPECT_EQ(test::code_of([&] { each.get(); }), errc::closed);
    }
}

TENDRIL_TEST(signal_set, may_outlive_its_hub) {
    counting_handler const handler{SIGUSR1};
    std::unique_ptr<signal_set> set;
    tendril::run([&] { set = std::make_unique<signal_set>(std::initializer_list<int>{SIGUSR1}); });
    EXPECT_EQ(test::code_of([&] { set->wait(); }), errc::closed);
    EXPECT_EQ(test::code_of([&] { set->try_wait(); }), errc::closed);
    set = nullptr;
    EXPECT_TRUE(handler.is_in_place());
}

TENDRIL_TEST(signal_set, is_of_no_use_when_its_hub_has_closed) {
    std::thread{[] {
        hub closed;
        signal_set set{SIGUSR1};
        closed.close();
        EXPECT_EQ(test::code_of([&] { set.wait(); }), errc::closed);
        EXPECT_EQ(test::code_of([&] { set.try_wait(); }), errc::closed);
    }}.join();
}

TENDRIL_HUB_TEST(signal_set, another_thread_is_refused) {
    signal_set set{SIGUSR1};
    EXPECT_EQ(test::outcome_elsewhere([&] { set.wait(); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { set.wait_for(1s); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { set.try_wait(); }), "wrong thread");
}

TENDRIL_HUB_TEST(signal_set, a_callback_of_the_hub_may_not_wait) {
    signal_set set{SIGUSR1};
    std::string outcome;
    this_hub().call_soon([&] { outcome = test::outcome_of([&] { set.wait(); }); });
    test::settle();
    EXPECT_EQ(outcome, "misuse");
    std::raise(SIGUSR1);
    EXPECT_EQ(set.wait(), SIGUSR1) << "nothing is left of the refused wait";
}

TENDRIL_HUB_TEST(signal_set, refuses_what_nobody_can_catch) {
    EXPECT_TRUE(test::contains(misuse_of_set(SIGKILL), "nobody can catch SIGKILL"));
    EXPECT_TRUE(test::contains(misuse_of_set(SIGSTOP), "nobody can catch SIGKILL and SIGSTOP"));
}

TENDRIL_HUB_TEST(signal_set, refuses_the_faults_of_the_program) {
    for (int const number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
        EXPECT_TRUE(test::contains(misuse_of_set(number), "an instruction that has failed"));
    }
}

TENDRIL_HUB_TEST(signal_set, refuses_numbers_that_are_no_signals) {
    for (int const number : {0, -1, 32, 33, SIGRTMAX + 1, 1000}) {
        EXPECT_TRUE(test::contains(misuse_of_set(number), "no signal of this number")) << number;
    }
    EXPECT_TRUE(test::contains(
        test::misuse_of([] { signal_set const none{std::initializer_list<int>{}}; }),
        "no signal was named"));
}

TENDRIL_HUB_TEST(signal_set, a_refusal_catches_none_of_the_others) {
    counting_handler const handler{SIGUSR1};
    EXPECT_THROW((signal_set{SIGUSR1, SIGKILL}), misuse);
    ASSERT_TRUE(handler.is_in_place());
    std::raise(SIGUSR1);
    EXPECT_EQ(handler.count(), 1);
}
