// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/sync/once.hpp>

#include <functional>
#include <memory>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::call_once;
using tendril::once_flag;
using test::attempt;
using test::contains;
using test::misuse_of;
using test::outcome_of;
using test::start;
using test::transcript;

}  // namespace

TENDRIL_HUB_TEST(once, calls_the_function_once) {
    once_flag flag;
    int calls = 0;
    EXPECT_FALSE(flag.done());
    for (int lap = 0; lap < 3; ++lap) {
        call_once(flag, [&] { ++calls; });
    }
    EXPECT_EQ(calls, 1);
    EXPECT_TRUE(flag.done());
}

TENDRIL_HUB_TEST(once, passes_arguments_on) {
    once_flag flag;
    int sum = 0;
    call_once(
        flag, [](int& into, std::unique_ptr<int> what) { into += *what; }, std::ref(sum),
        std::make_unique<int>(7));
    EXPECT_EQ(sum, 7);
}

TENDRIL_ORDERED_HUB_TEST(once, others_wait_until_the_function_has_returned) {
    once_flag flag;
    transcript seen;
    for (char const* word : {"a", "b", "c"}) {
        spawn([&, word] {
            call_once(flag, [&] {
                sleep_for(5ms);
                seen.push_back("called");
            });
            seen.push_back(word);
        });
    }
    sleep_for(1ms);
    EXPECT_EQ(seen, transcript{});
    sleep_for(5ms);
    EXPECT_EQ(seen, (transcript{"called", "a", "b", "c"}));
}

TENDRIL_ORDERED_HUB_TEST(once, the_next_tries_when_the_function_throws) {
    once_flag flag;
    attempt first;
    attempt second;
    attempt third;
    transcript seen;
    auto const called = [&seen](std::string word) {
        sleep_for(1ms);
        seen.push_back(word);
        if (word == "a") {
            throw word;
        }
    };
    start(first, [&] { call_once(flag, called, "a"); });
    start(second, [&] { call_once(flag, called, "b"); });
    start(third, [&] { call_once(flag, called, "c"); });
    sleep_for(1h);
    EXPECT_EQ(seen, (transcript{"a", "b"}));
    EXPECT_EQ(first.outcome, "a");
    EXPECT_EQ(second.outcome, "returned");
    EXPECT_EQ(third.outcome, "returned");
}

TENDRIL_HUB_TEST(once, after_a_failure_with_nobody_waiting_the_next_caller_tries) {
    once_flag flag;
    EXPECT_EQ(outcome_of([&] { call_once(flag, [] { throw std::string{"no"}; }); }), "no");
    EXPECT_FALSE(flag.done());
    call_once(flag, [] {});
    EXPECT_TRUE(flag.done());
}

TENDRIL_ORDERED_HUB_TEST(once, the_next_tries_when_the_caller_is_killed) {
    once_flag flag;
    attempt first;
    attempt second;
    start(first, [&] { call_once(flag, [] { sleep_for(1h); }); });
    start(second, [&] { call_once(flag, [] {}); });
    yield();
    first.run_by.kill();
    yield();
    yield();
    EXPECT_EQ(first.outcome, "exit");
    EXPECT_EQ(second.outcome, "returned");
    EXPECT_TRUE(flag.done());
}

TENDRIL_ORDERED_HUB_TEST(once, a_waiter_that_is_cancelled_leaves_and_the_others_stay) {
    once_flag flag;
    event go_on;
    attempt caller;
    attempt first;
    attempt second;
    start(caller, [&] { call_once(flag, [&] { go_on.wait(); }); });
    start(first, [&] { call_once(flag, [] {}); });
    start(second, [&] { call_once(flag, [] {}); });
    yield();
    first.run_by.cancel();
    yield();
    EXPECT_EQ(first.outcome, "cancelled");
    EXPECT_EQ(second.outcome, "waits");
    go_on.set();
    sleep_for(1ms);
    EXPECT_EQ(second.outcome, "returned");
}

TENDRIL_ORDERED_HUB_TEST(once, one_whose_turn_it_is_and_that_is_killed_passes_the_turn_on) {
    once_flag flag;
    attempt first;
    attempt second;
    attempt third;
    start(first, [&] {
        call_once(flag, [] {
            sleep_for(1ms);
            throw std::string{"no"};
        });
    });
    start(second, [&] { call_once(flag, [] { sleep_for(1h); }); });
    start(third, [&] { call_once(flag, [] {}); });
    sleep_for(1ms);
    second.run_by.kill();
    sleep_for(1ms);
    EXPECT_EQ(first.outcome, "no");
    EXPECT_EQ(second.outcome, "exit");
    EXPECT_EQ(third.outcome, "returned");
}

TENDRIL_HUB_TEST(once, looks_for_cancellation_even_if_it_is_done) {
    once_flag flag;
    call_once(flag, [] {});
    attempt other;
    start(other, [&] {
        other.run_by.cancel();
        call_once(flag, [] {});
    });
    yield();
    EXPECT_EQ(other.outcome, "cancelled");
}

TENDRIL_HUB_TEST(once, the_function_cannot_ask_for_itself) {
    once_flag flag;
    std::string text;
    call_once(flag, [&] { text = misuse_of([&] { call_once(flag, [] {}); }); });
    EXPECT_TRUE(contains(text, "it would wait for itself")) << text;
    EXPECT_TRUE(flag.done());
}

TENDRIL_HUB_TEST(once, another_thread_is_refused_while_somebody_calls) {
    once_flag flag;
    call_once(flag, [&] {
        EXPECT_EQ(test::outcome_elsewhere([&] { call_once(flag, [] {}); }), "wrong thread");
    });
    EXPECT_TRUE(flag.done());
}

TENDRIL_TEST(once, stops_the_program_when_it_is_destroyed_while_somebody_waits) {
    EXPECT_DEATH(
        run([] {
            auto flag = std::make_unique<once_flag>();
            spawn([&] { call_once(*flag, [] { sleep_for(1h); }); });
            spawn([&] { call_once(*flag, [] {}); });
            yield();
            flag.reset();
        }),
        "a flag of call_once was destroyed while a greenlet waits for it");
}
