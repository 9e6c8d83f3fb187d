// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/sync/latch.hpp>

#include <memory>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::contains;
using test::misuse_of;
using test::outcome_of;
using test::start;
using test::transcript;

}  // namespace

TENDRIL_HUB_TEST(latch, opens_when_it_has_been_counted_down) {
    tendril::latch l{3};
    attempt waiting;
    start(waiting, [&] { l.wait(); });
    l.count_down();
    l.count_down(1);
    yield();
    EXPECT_FALSE(l.try_wait());
    EXPECT_EQ(waiting.outcome, "waits");
    l.count_down();
    EXPECT_TRUE(l.try_wait());
    yield();
    EXPECT_EQ(waiting.outcome, "returned");
}

TENDRIL_ORDERED_HUB_TEST(latch, wakes_all_in_the_order_they_came) {
    tendril::latch l{1};
    transcript seen;
    for (char const* word : {"a", "b", "c"}) {
        spawn([&, word] {
            l.wait();
            seen.push_back(word);
        });
    }
    yield();
    l.count_down();
    EXPECT_EQ(seen, transcript{});
    yield();
    EXPECT_EQ(seen, (transcript{"a", "b", "c"}));
}

TENDRIL_HUB_TEST(latch, an_open_one_lets_everybody_through_without_a_switch) {
    tendril::latch const l{0};
    std::uint64_t const switches = this_hub().statistics().switches;
    l.wait();
    EXPECT_TRUE(l.wait_for(0s));
    EXPECT_TRUE(l.wait_until(now() - 1h));
    EXPECT_EQ(this_hub().statistics().switches, switches);
}

TENDRIL_HUB_TEST(latch, those_who_arrive_and_wait_go_on_together) {
    tendril::latch l{2};
    attempt other;
    start(other, [&] { l.arrive_and_wait(); });
    yield();
    EXPECT_EQ(other.outcome, "waits");
    l.arrive_and_wait();
    EXPECT_EQ(other.outcome, "waits");
    yield();
    EXPECT_EQ(other.outcome, "returned");
}

TENDRIL_TEST(latch, cannot_be_counted_down_by_more_than_is_left) {
    EXPECT_THROW(tendril::latch{-1}, misuse);
    tendril::latch l{2};
    EXPECT_TRUE(contains(misuse_of([&] { l.count_down(3); }), "more than is left"));
    EXPECT_THROW(l.count_down(-1), misuse);
    l.count_down(2);
    EXPECT_TRUE(l.try_wait());
    EXPECT_THROW(l.count_down(), misuse);
    EXPECT_NO_THROW(l.count_down(0));
}

TENDRIL_HUB_TEST(latch, wait_for_gives_up_at_its_limit) {
    tendril::latch l{1};
    EXPECT_FALSE(l.wait_for(5ms));
    EXPECT_FALSE(l.wait_until(now() + 5ms));
    EXPECT_EQ(clock.elapsed(), 10ms);
}

TENDRIL_HUB_TEST(latch, takes_any_duration) {
    tendril::latch closed{1};
    test::expect_no_time_is_enough(clock, [&](auto limit) { return closed.wait_for(limit); });
    std::unique_ptr<tendril::latch> l;
    test::expect_an_age_is_enough(
        [&](auto limit) {
            l = std::make_unique<tendril::latch>(1);
            return l->wait_for(limit);
        },
        [&] { l->count_down(); });
}

TENDRIL_HUB_TEST(latch, one_that_arrives_and_is_cancelled_has_arrived) {
    tendril::latch l{2};
    attempt first;
    start(first, [&] { l.arrive_and_wait(); });
    yield();
    first.run_by.cancel();
    yield();
    EXPECT_EQ(first.outcome, "cancelled");
    l.count_down();
    EXPECT_TRUE(l.try_wait());
}

TENDRIL_HUB_TEST(latch, one_that_was_cancelled_before_it_arrives_does_not) {
    tendril::latch l{1};
    attempt first;
    start(first, [&] {
        first.run_by.cancel();
        l.arrive_and_wait();
    });
    yield();
    EXPECT_EQ(first.outcome, "cancelled");
    EXPECT_FALSE(l.try_wait());
}

TENDRIL_HUB_TEST(latch, another_thread_cannot_count_it_down_while_somebody_waits) {
    tendril::latch l{1};
    attempt waiting;
    start(waiting, [&] { l.wait(); });
    yield();
    EXPECT_EQ(test::outcome_elsewhere([&] { l.count_down(); }), "wrong thread");
    EXPECT_FALSE(l.try_wait());
    l.count_down();
}

TENDRIL_TEST(latch, stops_the_program_when_it_is_destroyed_while_somebody_waits) {
    EXPECT_DEATH(
        run([] {
            auto l = std::make_unique<tendril::latch>(1);
            spawn([&] { l->wait(); });
            yield();
            l.reset();
        }),
        "a latch was destroyed while a greenlet waits for it");
}
