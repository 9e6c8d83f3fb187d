// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <harness/tasks.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/task/future.hpp>
#include <tendril/task/shared_future.hpp>
#include <tendril/task/when_done.hpp>

#include <memory>
#include <stdexcept>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::outcome_of;

}  // namespace

TENDRIL_HUB_TEST(when_done, the_first_of_a_task_and_a_future_completes) {
    promise<int> p;
    int seen = 0;
    auto const t = spawn([] {
        sleep_for(1ms);
        return 1;
    });
    auto const one_of_them = [&] {
        return select(
            when_done(t, [&](task<int>& ended) { seen = ended.get(); }),
            when_done(p.get_future(), [&](future<int>& given) { seen = given.get(); }));
    };
    EXPECT_EQ(one_of_them(), 0U);
    EXPECT_EQ(seen, 1);
    auto const slow = spawn([] { sleep_for(1ms); });
    this_hub().call_soon([&] { p.set_value(2); });
    EXPECT_EQ(
        select(
            when_done(slow, [] {}),
            when_done(p.get_future(), [&](auto const& given) { seen = given.get(); })),
        1U);
    EXPECT_EQ(seen, 2);
    EXPECT_FALSE(slow.done());
    slow.join();
}

TENDRIL_HUB_TEST(when_done, what_has_ended_is_ready_however_it_did) {
    promise<int> failed;
    failed.set_exception(std::runtime_error{"broken"});
    int calls = 0;
    select(when_done(failed.get_future(), [&] { ++calls; }), otherwise([] {}));
    auto const t = spawn([] {});
    t.cancel();
    t.join();
    select(when_done(t, [&] { ++calls; }), otherwise([] {}));
    EXPECT_EQ(calls, 2);
    auto const throws = [](auto& ended) { ended.get(); };
    EXPECT_EQ(outcome_of([&] { select(when_done(failed.get_future(), throws)); }), "broken");
}

TENDRIL_HUB_TEST(when_done, a_result_of_the_same_turn_beats_a_limit) {
    promise<void> p;
    this_hub().call_soon([&] {
        clock.advance(1h);
        p.set_value();
    });
    EXPECT_EQ(select(after(2ms, [] {}), when_done(p.get_future(), [] {})), 1U);
    promise<void> q;
    q.set_value();
    EXPECT_EQ(select(after(0ms, [] {}), when_done(q.get_future(), [] {})), 1U);
}

TENDRIL_HUB_TEST(when_done, an_arm_that_does_not_complete_leaves_nothing_behind) {
    auto p = std::make_unique<promise<int>>();
    future<int> const f = p->get_future();
    event go;
    auto const t = spawn([&] { go.wait(); });
    for (int lap = 0; lap < 3; ++lap) {
        EXPECT_EQ(select(when_done(f, [] {}), when_done(t, [] {}), after(1ms, [] {})), 2U);
    }
    attempt killed;
    start(killed, [&] { select(when_done(f, [] {}), when_done(t, [] {})); });
    yield();
    killed.run_by.cancel();
    killed.run_by.join();
    EXPECT_EQ(killed.outcome, "cancelled");
    p->set_value(7);
    p.reset();
    go.set();
    t.join();
}

TENDRIL_HUB_TEST(when_done, a_promise_that_breaks_completes_it) {
    auto p = std::make_unique<promise<int>>();
    attempt reader;
    start(reader, [f = p->get_future()] {
        select(when_done(f, [](auto& broken) { broken.get(); }));
    });
    yield();
    p.reset();
    reader.run_by.join();
    EXPECT_TRUE(test::contains(reader.outcome, "without a value"));
}

TENDRIL_HUB_TEST(when_done, refuses_what_can_never_be_waited_for) {
    EXPECT_EQ(outcome_of([] { select(when_done(future<int>{}, [] {})); }), "misuse");
    EXPECT_EQ(outcome_of([] { select(when_done(task<int>{}, [] {})); }), "misuse");
    task<void> self;
    std::string outcome;
    self = spawn([&] { outcome = outcome_of([&] { select(when_done(self, [] {})); }); });
    self.join();
    EXPECT_EQ(outcome, "misuse");
    promise<int> p;
    EXPECT_EQ(
        test::outcome_elsewhere([&] { run([&] { select(when_done(p.get_future(), [] {})); }); }),
        "wrong thread");
}

// Futures between threads.

TENDRIL_HUB_TEST(when_done, a_future_of_another_thread_completes) {
    shared_promise<int> p;
    test::second_thread elsewhere;
    event never_set;
    int seen = 0;
    attempt selecting;
    start(selecting, [&] {
        select(never_set.on_set([] {}), when_done(p.get_future(), [&](shared_future<int>& given) {
                   seen = given.get();
               }));
    });
    yield();
    elsewhere.run([&] { p.set_value(7); });
    selecting.run_by.join();
    EXPECT_EQ(seen, 7);
    EXPECT_EQ(select(when_done(p.get_future(), [] {}), otherwise([] {})), 0U);
}

TENDRIL_HUB_TEST(when_done, a_select_that_has_left_leaves_no_link_in_a_shared_future) {
    shared_promise<int> p;
    auto const loser = std::make_shared<int>(1);
    for (int lap = 0; lap < 3; ++lap) {
        EXPECT_EQ(select(when_done(p.get_future(), [loser] {}), after(1ms, [] {})), 1U);
    }
    EXPECT_EQ(loser.use_count(), 1);
    // With a link that is left this would wait for ever.
    EXPECT_EQ(outcome_of([] { event{}.wait(); }), "would block forever");
    p.set_value(7);
}

TENDRIL_HUB_TEST(when_done, a_wake_on_its_way_to_a_select_that_has_left_wakes_nobody) {
    shared_promise<int> p;
    event given;
    int calls = 0;
    this_hub().call_soon([&] {
        p.set_value(7);
        given.set();
    });
    select(
        given.on_set([&] {
            ++calls;
            sleep_for(1ms);
        }),
        when_done(p.get_future(), [&] { ++calls; }));
    EXPECT_EQ(calls, 1);
}

TENDRIL_HUB_TEST(when_done, one_that_is_cancelled_leaves_the_shared_future_alone) {
    shared_promise<int> p;
    task<void> const selecting = spawn([&] { select(when_done(p.get_future(), [] {})); });
    yield();
    selecting.cancel();
    selecting.join();
    EXPECT_TRUE(selecting.was_cancelled());
    p.set_value(7);
    EXPECT_EQ(p.get_future().get(), 7);
}
