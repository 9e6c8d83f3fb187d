// SPDX-License-Identifier: BSL-1.0
#include <harness/network.hpp>
#include <harness/signals.hpp>
#include <harness/tasks.hpp>
#include <tendril/process/cancel_on_signal.hpp>
#include <tendril/process/signal_set.hpp>
#include <tendril/scope/task_group.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/time/timeout.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::counting_handler;
using test::transcript;

// Has a signal come after a while.
void raise_later(std::chrono::milliseconds delay, int number) {
    this_hub().call_later(delay, [number] { std::raise(number); });
}

}  // namespace

TENDRIL_HUB_TEST(cancel_on_signal, a_signal_cancels_the_block) {
    raise_later(1s, SIGTERM);
    transcript seen;
    auto const number = cancel_on_signal({SIGINT, SIGTERM}, [&] {
        try {
            sleep_for(1h);
        } catch (scope_cancelled const& cancellation) {
            seen.push_back(cancellation.reason());
            throw;
        }
        seen.push_back("not reached");
    });
    EXPECT_EQ(number, SIGTERM);
    EXPECT_EQ(clock.elapsed(), 1s);
    EXPECT_EQ(seen, transcript{"Terminated"});
}

TENDRIL_HUB_TEST(cancel_on_signal, nothing_is_returned_when_none_has_come) {
    counting_handler const former{SIGINT};
    EXPECT_EQ(cancel_on_signal({SIGINT}, [] { sleep_for(1s); }), std::nullopt);
    EXPECT_TRUE(former.is_in_place());
    sleep_for(1s);
}

TENDRIL_HUB_TEST(cancel_on_signal, cancels_the_tasks_of_groups_within) {
    raise_later(1s, SIGINT);
    int ended = 0;
    auto const number = cancel_on_signal({SIGINT}, [&] {
        with_task_group([&](task_group& group) {
            for (int count = 0; count < 3; ++count) {
                group.spawn([&] {
                    try {
                        sleep_for(1h);
                    } catch (cancelled const&) {
                        ++ended;
                        throw;
                    }
                });
            }
        });
    });
    EXPECT_EQ(number, SIGINT);
    EXPECT_EQ(ended, 3);
}

TENDRIL_HUB_TEST(cancel_on_signal, leaves_other_tasks_alone) {
    raise_later(1s, SIGINT);
    auto other = spawn([] { sleep_for(2s); });
    cancel_on_signal({SIGINT}, [] { sleep_for(1h); });
    EXPECT_FALSE(other.done());
    other.get();
}

TENDRIL_HUB_TEST(cancel_on_signal, any_greenlet_may_make_one) {
    std::optional<int> number;
    auto serving = spawn([&] {
        number = cancel_on_signal({SIGINT}, [] { sleep_for(1h); });
        sleep_for(1s);
    });
    raise_later(1s, SIGINT);
    sleep_for(2s);
    serving.get();
    EXPECT_EQ(number, SIGINT);
}

TENDRIL_HUB_TEST(cancel_on_signal, what_the_block_throws_passes) {
    counting_handler const former{SIGINT};
    EXPECT_EQ(
        test::outcome_of(
            [] { cancel_on_signal({SIGINT}, [] { throw std::runtime_error{"mine"}; }); }),
        "mine");
    EXPECT_TRUE(former.is_in_place());
}

TENDRIL_HUB_TEST(cancel_on_signal, other_cancellations_pass) {
    auto serving = spawn([] { cancel_on_signal({SIGINT}, [] { sleep_for(1h); }); });
    test::settle();
    serving.cancel();
    serving.join();
    EXPECT_TRUE(serving.was_cancelled());
    EXPECT_EQ(
        test::outcome_of(
            [] { with_timeout(1s, [] { cancel_on_signal({SIGINT}, [] { sleep_for(1h); }); }); }),
        "timed out");
}

TENDRIL_HUB_TEST(cancel_on_signal, a_block_that_returns_all_the_same_has_had_the_signal) {
    raise_later(1s, SIGINT);
    auto const number = cancel_on_signal({SIGINT}, [] {
        try {
            sleep_for(1h);
        } catch (cancelled const&) {}
    });
    EXPECT_EQ(number, SIGINT);
}

TENDRIL_HUB_TEST(cancel_on_signal, one_that_comes_in_the_last_moment_is_not_lost) {
    EXPECT_EQ(cancel_on_signal({SIGINT}, [] { std::raise(SIGINT); }), SIGINT);
}

TENDRIL_HUB_TEST(cancel_on_signal, has_the_former_effect_back_after_the_first) {
    counting_handler const interrupt{SIGINT};
    auto const number = cancel_on_signal({SIGINT, SIGTERM}, [&] {
        EXPECT_FALSE(interrupt.is_in_place());
        std::raise(SIGTERM);
        EXPECT_TRUE(interrupt.is_in_place()) << "at once, and for all of them";
        std::raise(SIGINT);
        EXPECT_EQ(interrupt.count(), 1);
        sleep_for(1h);
    });
    EXPECT_EQ(number, SIGTERM);
    EXPECT_TRUE(interrupt.is_in_place());
}

TENDRIL_HUB_TEST(cancel_on_signal, an_outer_one_is_cancelled_with_an_inner_one) {
    counting_handler const interrupt{SIGINT};
    std::optional<int> inner;
    auto const outer = cancel_on_signal({SIGINT}, [&] {
        inner = cancel_on_signal({SIGINT}, [&] {
            std::raise(SIGINT);
            EXPECT_TRUE(interrupt.is_in_place());
            sleep_for(1h);
        });
        sleep_for(1h);
    });
    EXPECT_EQ(outer, SIGINT);
    EXPECT_EQ(clock.elapsed(), 0s);
}

TENDRIL_HUB_TEST(cancel_on_signal, a_set_of_the_same_signal_goes_on_to_hear_of_it) {
    counting_handler const interrupt{SIGINT};
    signal_set set{SIGINT};
    EXPECT_EQ(cancel_on_signal({SIGINT}, [] { std::raise(SIGINT); }), SIGINT);
    EXPECT_EQ(set.wait(), SIGINT);
    std::raise(SIGINT);
    EXPECT_EQ(set.wait(), SIGINT);
    EXPECT_EQ(interrupt.count(), 0);
}

TENDRIL_HUB_TEST(cancel_on_signal, cleanup_may_shield_itself) {
    raise_later(1s, SIGINT);
    cancel_on_signal({SIGINT}, [&] {
        try {
            sleep_for(1h);
        } catch (cancelled const&) {
            cancel_scope{{.shield = true}}.run([] { sleep_for(1s); });
            throw;
        }
    });
    EXPECT_EQ(clock.elapsed(), 2s);
}

TENDRIL_HUB_TEST(cancel_on_signal, refuses_what_a_set_refuses) {
    bool called = false;
    EXPECT_NE(test::misuse_of([&] { cancel_on_signal({SIGKILL}, [&] { called = true; }); }), "");
    std::vector<int> const none;
    EXPECT_NE(test::misuse_of([&] { cancel_on_signal(none, [&] { called = true; }); }), "");
    EXPECT_FALSE(called);
}

namespace {

// Takes two signals while it computes, and never waits.
void be_interrupted_twice() {
    run([] {
        cancel_on_signal({SIGINT}, [] {
            std::raise(SIGINT);
            std::fputs("still there\n", stderr);
            std::raise(SIGINT);
        });
    });
}

}  // namespace

TENDRIL_TEST(cancel_on_signal, a_second_signal_ends_a_program_that_hangs) {
    EXPECT_EXIT(be_interrupted_twice(), ::testing::KilledBySignal(SIGINT), "still there");
}

TENDRIL_HUB_TEST(cancel_on_signal, who_has_heard_keeps_no_former_effect_from_the_last_of_others) {
    counting_handler const former{SIGUSR1};
    std::optional<signal_set> other{std::in_place, std::initializer_list<int>{SIGUSR1}};
    raise_later(1s, SIGUSR1);
    bool is_given_back = false;
    cancel_on_signal({SIGUSR1}, [&] {
        try {
            sleep_for(1h);
        } catch (scope_cancelled const&) {
            EXPECT_FALSE(former.is_in_place());
            other.reset();
            is_given_back = former.is_in_place();
            throw;
        }
    });
    EXPECT_TRUE(is_given_back);
    EXPECT_TRUE(former.is_in_place());
}
