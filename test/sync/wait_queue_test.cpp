// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/sync/wait_queue.hpp>

#include <memory>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::start;
using test::transcript;

// Waits in a queue.
void wait_in(wait_queue& queue) {
    plain_waiter me{"a test"};
    queue.push(me);
    me.park();
}

}  // namespace

TENDRIL_ORDERED_HUB_TEST(wait_queue, wakes_the_one_that_has_waited_longest) {
    wait_queue queue{"queue"};
    transcript seen;
    for (char const* word : {"a", "b", "c"}) {
        spawn([&, word] {
            wait_in(queue);
            seen.push_back(word);
        });
    }
    yield();
    queue.wake_one();
    yield();
    EXPECT_EQ(seen, (transcript{"a"}));
    queue.wake_all();
    yield();
    EXPECT_EQ(seen, (transcript{"a", "b", "c"}));
}

TENDRIL_HUB_TEST(wait_queue, is_empty_when_nobody_waits) {
    wait_queue queue{"queue"};
    EXPECT_TRUE(queue.empty());
    spawn([&] { wait_in(queue); });
    yield();
    EXPECT_FALSE(queue.empty());
    queue.wake_one();
    EXPECT_TRUE(queue.empty());
}

TENDRIL_TEST(wait_queue, waking_nobody_does_nothing) {
    wait_queue queue{"queue"};
    queue.wake_one();
    queue.wake_all();
    EXPECT_TRUE(queue.empty());
}

TENDRIL_HUB_TEST(wait_queue, front_is_the_one_that_has_waited_longest) {
    wait_queue queue{"queue"};
    plain_waiter first{"first"};
    plain_waiter second{"second"};
    queue.push(first);
    queue.push(second);
    EXPECT_EQ(&queue.front(), &first);
    EXPECT_EQ(&queue.front(), &first);
}

TENDRIL_HUB_TEST(wait_queue, a_waiter_can_be_woken_out_of_turn) {
    wait_queue queue{"queue"};
    plain_waiter first{"first"};
    plain_waiter second{"second"};
    queue.push(first);
    queue.push(second);
    wait_queue::wake(second);
    EXPECT_EQ(second.settled(), waiter::outcome::woken);
    EXPECT_EQ(first.settled(), waiter::outcome::waiting);
    queue.wake_one();
    EXPECT_TRUE(queue.empty());
}

TENDRIL_HUB_TEST(wait_queue, a_waiter_that_gives_up_leaves) {
    wait_queue queue{"queue"};
    attempt limited;
    attempt cancelled_one;
    start(limited, [&] { with_timeout(1ms, [&] { wait_in(queue); }); });
    start(cancelled_one, [&] { wait_in(queue); });
    sleep_for(2ms);
    cancelled_one.run_by.cancel();
    EXPECT_TRUE(queue.empty());
    yield();
    EXPECT_EQ(limited.outcome, "timed out");
    EXPECT_EQ(cancelled_one.outcome, "cancelled");
}

TENDRIL_HUB_TEST(wait_queue, who_queues_again_while_all_are_woken_waits_for_the_next_time) {
    wait_queue queue{"queue"};
    int woken = 0;
    task<void> const again = spawn([&] {
        while (true) {
            wait_in(queue);
            ++woken;
        }
    });
    yield();
    queue.wake_all();
    sleep_for(1ms);
    EXPECT_EQ(woken, 1);
    again.cancel();
    again.join();
}

TENDRIL_HUB_TEST(wait_queue, another_thread_is_refused_and_changes_nothing) {
    wait_queue queue{"queue"};
    plain_waiter me{"a test"};
    queue.push(me);
    EXPECT_EQ(test::outcome_elsewhere([&] { queue.wake_one(); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { queue.wake_all(); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { queue.front(); }), "wrong thread");
    EXPECT_FALSE(queue.empty());
    EXPECT_EQ(me.settled(), waiter::outcome::waiting);
}

TENDRIL_HUB_TEST(wait_queue, waiters_of_two_threads_do_not_stand_in_one_queue) {
    wait_queue queue{"queue"};
    plain_waiter me{"a test"};
    queue.push(me);
    EXPECT_EQ(test::outcome_elsewhere([&] { wait_in(queue); }), "wrong thread");
    wait_queue::wake(me);
    EXPECT_TRUE(queue.empty());
}

TENDRIL_HUB_TEST(wait_queue, the_refusal_of_another_thread_says_what_to_do) {
    wait_queue queue{"queue"};
    plain_waiter me{"a test"};
    queue.push(me);
    std::string text;
    std::thread{[&] { text = test::misuse_of([&] { queue.wake_one(); }); }}.join();
    EXPECT_TRUE(test::contains(text, "post to its hub")) << text;
}

TENDRIL_TEST(wait_queue, stops_the_program_when_it_is_destroyed_while_somebody_waits) {
    EXPECT_DEATH(
        run([] {
            auto queue = std::make_unique<wait_queue>("gate");
            spawn([&] { wait_in(*queue); });
            yield();
            queue.reset();
        }),
        "a gate was destroyed while a greenlet waits for it");
}
