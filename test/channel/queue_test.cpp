// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/channel/queue.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::contains;
using test::misuse_of;
using test::start;
using test::transcript;

// Breaks when it is moved while its switch is on.
struct fragile {
    fragile(int n, bool const* on) : number{n}, breaks{on} {}
    fragile(fragile&& other) : number{other.number}, breaks{other.breaks} {
        if (*breaks) {
            throw std::runtime_error{"broken on the way"};
        }
    }
    fragile& operator=(fragile&&) = default;

    int number;
    bool const* breaks;
};

}  // namespace

TENDRIL_TEST(queue, items_leave_in_the_order_they_came) {
    queue<int> q;
    q.try_put(1);
    q.try_put(2);
    EXPECT_EQ(q.try_get(), 1);
    EXPECT_EQ(q.try_get(), 2);
    EXPECT_EQ(q.try_get(), std::nullopt);
}

TENDRIL_HUB_TEST(queue, put_and_get_do_not_switch_when_they_need_not_wait) {
    queue<int> q{2};
    std::uint64_t const switches = this_hub().statistics().switches;
    q.put(1);
    EXPECT_TRUE(q.put_for(1s, 2));
    EXPECT_EQ(q.get(), 1);
    EXPECT_EQ(q.get_for(1s), 2);
    EXPECT_EQ(this_hub().statistics().switches, switches);
}

TENDRIL_TEST(queue, knows_how_many_items_are_in_it) {
    queue<int> q{2};
    EXPECT_TRUE(q.empty());
    EXPECT_FALSE(q.full());
    EXPECT_EQ(q.capacity(), 2U);
    q.try_put(1);
    EXPECT_FALSE(q.empty());
    EXPECT_FALSE(q.full());
    q.try_put(2);
    EXPECT_EQ(q.size(), 2U);
    EXPECT_TRUE(q.full());
}

TENDRIL_TEST(queue, without_capacity_has_no_bound) {
    queue<int> q;
    EXPECT_EQ(q.capacity(), 0U);
    for (int number = 0; number < 1000; ++number) {
        EXPECT_TRUE(q.try_put(number));
    }
    EXPECT_FALSE(q.full());
    EXPECT_EQ(q.size(), 1000U);
}

TENDRIL_TEST(queue, takes_what_can_only_be_moved) {
    queue<std::unique_ptr<int>> q{1};
    auto first = std::make_unique<int>(1);
    EXPECT_TRUE(q.try_put(std::move(first)));
    auto second = std::make_unique<int>(2);
    EXPECT_FALSE(q.try_put(std::move(second)));
    EXPECT_NE(second, nullptr) << "an item that is refused is unchanged";
    EXPECT_EQ(**q.try_get(), 1);
}

TENDRIL_TEST(queue, keeps_a_copy_of_what_is_not_moved) {
    queue<std::string> q;
    std::string const item = "item";
    EXPECT_TRUE(q.try_put(item));
    EXPECT_EQ(item, "item");
    EXPECT_EQ(q.try_get(), "item");
}

// Waiting for an item.

TENDRIL_HUB_TEST(queue, get_waits_while_it_is_empty) {
    queue<int> q;
    this_hub().call_later(1ms, [&] { q.try_put(7); });
    EXPECT_EQ(q.get(), 7);
    EXPECT_EQ(clock.elapsed(), 1ms);
}

TENDRIL_ORDERED_HUB_TEST(queue, items_go_to_getters_in_the_order_they_came) {
    queue<int> q;
    transcript seen;
    for (char const* word : {"a", "b", "c"}) {
        spawn([&, word] { seen.push_back(word + std::to_string(q.get())); });
    }
    yield();
    for (int number = 1; number <= 3; ++number) {
        q.put(number);
    }
    yield();
    EXPECT_EQ(seen, (transcript{"a1", "b2", "c3"}));
}

TENDRIL_HUB_TEST(queue, an_item_goes_to_the_getter_directly_and_put_does_not_switch) {
    queue<int> q;
    task<int> const getter = spawn([&] { return q.get(); });
    yield();
    q.put(7);
    EXPECT_FALSE(getter.done());
    EXPECT_TRUE(q.empty());
    EXPECT_EQ(q.try_get(), std::nullopt);
    EXPECT_EQ(task<int>{getter}.get(), 7);
}

TENDRIL_HUB_TEST(queue, get_for_gives_up_at_its_limit) {
    queue<int> q;
    EXPECT_EQ(q.get_for(5ms), std::nullopt);
    EXPECT_EQ(q.get_until(deadline::after(5ms)), std::nullopt);
    EXPECT_EQ(clock.elapsed(), 10ms);
    q.put(7);
    EXPECT_EQ(q.size(), 1U);
}

TENDRIL_HUB_TEST(queue, get_for_returns_an_item_that_comes_in_time) {
    queue<int> q;
    this_hub().call_later(1ms, [&] { q.try_put(7); });
    EXPECT_EQ(q.get_for(5ms), 7);
    EXPECT_EQ(clock.elapsed(), 1ms);
}

TENDRIL_HUB_TEST(queue, get_takes_any_duration) {
    queue<int> q;
    test::expect_no_time_is_enough(clock, [&](auto limit) { return q.get_for(limit).has_value(); });
    test::expect_an_age_is_enough(
        [&](auto limit) { return q.get_for(limit).has_value(); }, [&] { q.try_put(1); });
}

// Waiting for room.

TENDRIL_HUB_TEST(queue, put_waits_while_it_is_full) {
    queue<int> q{1};
    q.put(1);
    this_hub().call_later(1ms, [&] { EXPECT_EQ(q.try_get(), 1); });
    q.put(2);
    EXPECT_EQ(clock.elapsed(), 1ms);
    EXPECT_EQ(q.try_get(), 2);
}

TENDRIL_ORDERED_HUB_TEST(queue, items_of_putters_enter_in_the_order_they_came) {
    queue<int> q{1};
    q.put(0);
    for (int number = 1; number <= 3; ++number) {
        spawn([&, number] { q.put(number); });
    }
    yield();
    for (int number = 0; number <= 3; ++number) {
        EXPECT_EQ(q.try_get(), number);
    }
}

TENDRIL_HUB_TEST(queue, an_item_of_a_putter_is_in_before_its_putter_runs) {
    queue<int> q{1};
    q.put(1);
    attempt putter;
    start(putter, [&] { q.put(2); });
    yield();
    EXPECT_EQ(q.try_get(), 1);
    EXPECT_EQ(putter.outcome, "waits");
    EXPECT_TRUE(q.full());
    EXPECT_FALSE(q.try_put(3)) << "nobody gets in between";
    yield();
    EXPECT_EQ(putter.outcome, "returned");
}

TENDRIL_HUB_TEST(queue, put_for_gives_up_at_its_limit_and_its_item_is_not_in_the_queue) {
    queue<int> q{1};
    q.put(1);
    EXPECT_FALSE(q.put_for(5ms, 2));
    EXPECT_FALSE(q.put_until(deadline::after(5ms), 2));
    EXPECT_EQ(clock.elapsed(), 10ms);
    EXPECT_EQ(q.try_get(), 1);
    EXPECT_EQ(q.try_get(), std::nullopt);
}

TENDRIL_HUB_TEST(queue, put_for_returns_true_when_there_is_room_in_time) {
    queue<int> q{1};
    q.put(1);
    this_hub().call_later(1ms, [&] { q.try_get(); });
    EXPECT_TRUE(q.put_for(5ms, 2));
    EXPECT_EQ(clock.elapsed(), 1ms);
    EXPECT_EQ(q.try_get(), 2);
}

TENDRIL_HUB_TEST(queue, put_takes_any_duration) {
    queue<int> q{1};
    q.put(1);
    test::expect_no_time_is_enough(clock, [&](auto limit) { return q.put_for(limit, 2); });
    test::expect_an_age_is_enough(
        [&](auto limit) { return q.put_for(limit, 2); }, [&] { q.try_get(); });
}

// Work that is done.

TENDRIL_HUB_TEST(queue, join_returns_at_once_when_nothing_was_put) {
    queue<int> q;
    EXPECT_NO_THROW(q.join());
    EXPECT_TRUE(q.join_for(0s));
}

TENDRIL_HUB_TEST(queue, join_waits_until_every_item_is_done) {
    queue<int> q;
    q.put(1);
    q.put(2);
    attempt joiner;
    start(joiner, [&] { q.join(); });
    q.get();
    q.get();
    q.task_done();
    yield();
    EXPECT_EQ(joiner.outcome, "waits");
    q.task_done();
    yield();
    EXPECT_EQ(joiner.outcome, "returned");
}

TENDRIL_HUB_TEST(queue, join_for_gives_up_at_its_limit) {
    queue<int> q;
    q.put(1);
    EXPECT_FALSE(q.join_for(5ms));
    EXPECT_EQ(clock.elapsed(), 5ms);
    q.task_done();
    EXPECT_TRUE(q.join_for(5ms));
    test::expect_no_time_is_enough(clock, [&](auto limit) {
        q.put(1);
        return q.join_for(limit);
    });
}

TENDRIL_HUB_TEST(queue, an_item_handed_to_a_getter_counts_as_put) {
    queue<int> q;
    task<int> const getter = spawn([&] { return q.get(); });
    yield();
    q.put(1);
    EXPECT_FALSE(q.join_for(1ms));
    q.task_done();
    EXPECT_TRUE(q.join_for(1ms));
}

TENDRIL_HUB_TEST(queue, an_item_of_a_putter_counts_when_it_gets_in) {
    queue<int> q{1};
    q.put(1);
    spawn([&] { q.put(2); });
    yield();
    q.task_done();
    EXPECT_TRUE(q.join_for(0s));
    q.get();
    EXPECT_FALSE(q.join_for(1ms));
    q.task_done();
    EXPECT_TRUE(q.join_for(0s));
}

TENDRIL_TEST(queue, no_more_can_be_done_than_was_put) {
    queue<int> q;
    EXPECT_TRUE(contains(misuse_of([&] { q.task_done(); }), "more often than items were put"));
    q.try_put(1);
    q.task_done();
    EXPECT_THROW(q.task_done(), misuse);
    q.try_put(1);
    EXPECT_NO_THROW(q.task_done());
}

// Items that break.

TENDRIL_TEST(queue, an_item_that_breaks_on_its_way_in_is_not_in_it) {
    bool breaks = true;
    queue<fragile> q;
    EXPECT_THROW(q.try_put(fragile{1, &breaks}), std::runtime_error);
    EXPECT_TRUE(q.empty());
    EXPECT_THROW(q.task_done(), misuse) << "it does not count";
}

TENDRIL_TEST(queue, an_item_that_breaks_on_its_way_out_stays_in_it) {
    bool breaks = false;
    queue<fragile> q;
    q.try_put(fragile{1, &breaks});
    breaks = true;
    EXPECT_THROW(q.try_get(), std::runtime_error);
    breaks = false;
    EXPECT_EQ(q.size(), 1U);
    EXPECT_EQ(q.try_get()->number, 1);
}

TENDRIL_HUB_TEST(queue, an_item_that_breaks_on_its_way_to_a_getter_is_its_putters_error) {
    bool breaks = true;
    bool holds = false;
    queue<fragile> q;
    task<int> getter = spawn([&] { return q.get().number; });
    yield();
    EXPECT_THROW(q.try_put(fragile{1, &breaks}), std::runtime_error);
    yield();
    EXPECT_FALSE(getter.done());
    q.try_put(fragile{2, &holds});
    EXPECT_EQ(getter.get(), 2);
}

TENDRIL_HUB_TEST(queue, an_item_that_breaks_when_there_is_room_is_its_putters_error) {
    bool breaks = false;
    bool holds = false;
    queue<fragile> q{1};
    q.put(fragile{1, &holds});
    task<void> putter = spawn([&] { q.put(fragile{2, &breaks}); });
    yield();
    breaks = true;
    EXPECT_EQ(q.try_get()->number, 1);
    EXPECT_THROW(putter.get(), std::runtime_error);
    EXPECT_TRUE(q.empty());
}

TENDRIL_HUB_TEST(queue, the_next_putter_gets_in_when_the_item_of_the_first_breaks) {
    bool breaks = false;
    bool holds = false;
    queue<fragile> q{1};
    q.put(fragile{1, &holds});
    task<void> first = spawn([&] { q.put(fragile{2, &breaks}); });
    task<void> second = spawn([&] { q.put(fragile{3, &holds}); });
    yield();
    breaks = true;
    EXPECT_EQ(q.try_get()->number, 1);
    EXPECT_THROW(first.get(), std::runtime_error);
    EXPECT_TRUE(second.join_for(0s));
    EXPECT_EQ(q.try_get()->number, 3);
}
