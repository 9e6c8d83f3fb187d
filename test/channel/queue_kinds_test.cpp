// SPDX-License-Identifier: BSL-1.0
//
// Which item leaves first: the newest of a `lifo_queue`, the greatest of a `priority_queue`.
#include <harness/tasks.hpp>
#include <tendril/channel/queue.hpp>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::outcome_of;
using test::start;

struct errand {
    int urgency;
    std::string name;
};

// Compares the urgency only, and cannot compare a negative one.
struct less_urgent {
    bool operator()(errand const& a, errand const& b) const {
        if (a.urgency < 0 || b.urgency < 0) {
            throw std::runtime_error{"no urgency"};
        }
        return a.urgency < b.urgency;
    }
};

using errands = priority_queue<errand, less_urgent>;

template <typename Queue>
auto drain(Queue& from) {
    std::vector<decltype(from.get())> all;
    while (auto item = from.try_get()) {
        all.push_back(std::move(*item));
    }
    return all;
}

std::string names_in(errands& from) {
    std::string names;
    for (errand const& each : drain(from)) {
        names += each.name;
    }
    return names;
}

}  // namespace

TENDRIL_HUB_TEST(queue_kinds, the_newest_leaves_a_lifo_queue_first) {
    lifo_queue<int> q;
    for (int number = 1; number <= 3; ++number) {
        q.put(number);
    }
    EXPECT_EQ(q.peek(), 3);
    EXPECT_EQ(drain(q), (std::vector{3, 2, 1}));
}

TENDRIL_HUB_TEST(queue_kinds, a_lifo_queue_takes_what_can_only_be_moved) {
    lifo_queue<std::unique_ptr<int>> q;
    q.put(std::make_unique<int>(7));
    EXPECT_EQ(*q.get(), 7);
}

TENDRIL_HUB_TEST(queue_kinds, the_greatest_leaves_a_priority_queue_first) {
    priority_queue<int> q;
    for (int const number : {2, 5, 1, 4, 3}) {
        q.put(number);
    }
    EXPECT_EQ(q.peek(), 5);
    EXPECT_EQ(drain(q), (std::vector{5, 4, 3, 2, 1}));
}

TENDRIL_HUB_TEST(queue_kinds, a_priority_queue_may_order_the_other_way_round) {
    priority_queue<int, std::greater<>> q{0, {2, 3, 1}};
    EXPECT_EQ(drain(q), (std::vector{1, 2, 3}));
}

TENDRIL_HUB_TEST(queue_kinds, a_priority_queue_takes_what_can_only_be_moved) {
    using item = std::unique_ptr<int>;
    auto const less = [](item const& a, item const& b) { return *a < *b; };
    priority_queue<item, std::function<bool(item const&, item const&)>> q{0, less};
    q.put(std::make_unique<int>(1));
    q.put(std::make_unique<int>(2));
    EXPECT_EQ(*q.get(), 2);
}

TENDRIL_HUB_TEST(queue_kinds, of_equal_priority_the_oldest_leaves_first) {
    errands q;
    for (char const* name : {"a", "b", "c", "d"}) {
        q.put({1, name});
    }
    q.put({2, "e"});
    EXPECT_EQ(names_in(q), "eabcd");
}

TENDRIL_HUB_TEST(queue_kinds, items_that_a_queue_begins_with_are_in_their_order) {
    priority_queue<int> by_size{0, {2, 5, 1}};
    EXPECT_EQ(drain(by_size), (std::vector{5, 2, 1}));
    lifo_queue<int> newest{3, {1, 2, 3}};
    EXPECT_EQ(drain(newest), (std::vector{3, 2, 1}));
    queue<int> oldest{0, {1, 2, 3}};
    EXPECT_EQ(drain(oldest), (std::vector{1, 2, 3}));
}

TENDRIL_HUB_TEST(queue_kinds, an_item_that_cannot_be_compared_is_its_putters_error) {
    errands q{2};
    q.put({1, "a"});
    EXPECT_EQ(outcome_of([&] { q.put({-1, "b"}); }), "no urgency");
    EXPECT_EQ(outcome_of([&] { q.try_put({-1, "c"}); }), "no urgency");
    EXPECT_EQ(q.unfinished(), 1U);
    EXPECT_EQ(names_in(q), "a");
}

TENDRIL_ORDERED_HUB_TEST(
    queue_kinds, one_that_cannot_be_compared_when_there_is_room_disturbs_nobody_else) {
    errands q{2};
    q.put({1, "a"});
    q.put({2, "b"});
    attempt bad;
    attempt good;
    start(bad, [&] { q.put({-1, "c"}); });
    start(good, [&] { q.put({3, "d"}); });
    yield();
    EXPECT_EQ(q.get().name, "b");
    yield();
    EXPECT_EQ(bad.outcome, "no urgency");
    EXPECT_EQ(good.outcome, "returned");
    EXPECT_EQ(names_in(q), "da");
}

TENDRIL_HUB_TEST(queue_kinds, an_item_with_a_waiting_getter_is_not_compared) {
    errands q;
    task<std::string> getter = spawn([&] { return q.get().name; });
    yield();
    q.put({-1, "a"});
    EXPECT_EQ(getter.get(), "a");
}

TENDRIL_ORDERED_HUB_TEST(queue_kinds, putters_of_every_kind_enter_in_the_order_they_came) {
    lifo_queue<int> q{1};
    q.put(1);
    spawn([&] { q.put(2); });
    spawn([&] { q.put(3); });
    yield();
    EXPECT_EQ(drain(q), (std::vector{1, 2, 3}));
}
