// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/support/intrusive_heap.hpp>
#include <tendril/support/random.hpp>

#include <algorithm>
#include <deque>
#include <vector>

namespace {

using namespace tendril;

struct item : heap_hook {
    explicit item(int number) : value{number} {}
    int value;
};

using heap = intrusive_heap<int, item>;

std::vector<int> drained(heap& from) {
    std::vector<int> all;
    while (!from.empty()) {
        all.push_back(from.pop().value);
    }
    return all;
}

}  // namespace

TENDRIL_TEST(intrusive_heap, the_smallest_key_leaves_first) {
    heap h;
    std::deque<item> items;
    for (int key : {5, 1, 4, 2, 3}) {
        h.push(key, items.emplace_back(key));
    }
    EXPECT_EQ(h.size(), 5U);
    EXPECT_EQ(h.top_key(), 1);
    EXPECT_EQ(h.top().value, 1);
    EXPECT_EQ(drained(h), (std::vector{1, 2, 3, 4, 5}));
}

TENDRIL_TEST(intrusive_heap, equal_keys_leave_in_the_order_in_which_they_came) {
    heap h;
    std::deque<item> items;
    for (int number = 0; number < 100; ++number) {
        h.push(number % 2, items.emplace_back(number));
    }
    std::vector<int> const order = drained(h);
    auto const first_odd = order.begin() + 50;
    EXPECT_TRUE(std::is_sorted(order.begin(), first_odd));
    EXPECT_TRUE(std::is_sorted(first_odd, order.end()));
    EXPECT_EQ(*first_odd, 1);
}

TENDRIL_TEST(intrusive_heap, an_item_leaves_from_the_middle) {
    heap h;
    std::deque<item> items;
    for (int key = 0; key < 10; ++key) {
        h.push(key, items.emplace_back(key));
    }
    h.erase(items[4]);
    EXPECT_FALSE(items[4].in_heap());
    EXPECT_EQ(drained(h), (std::vector{0, 1, 2, 3, 5, 6, 7, 8, 9}));
}

TENDRIL_TEST(intrusive_heap, erasing_what_is_not_in_it_does_nothing) {
    heap h;
    item a{1};
    item stranger{2};
    h.push(1, a);
    h.erase(stranger);
    EXPECT_EQ(h.size(), 1U);
    EXPECT_TRUE(a.in_heap());
}

TENDRIL_TEST(intrusive_heap, the_last_item_can_be_erased) {
    heap h;
    item a{1};
    h.push(1, a);
    h.erase(a);
    EXPECT_TRUE(h.empty());
}

TENDRIL_TEST(intrusive_heap, an_item_that_left_can_come_back_with_another_key) {
    heap h;
    item a{1};
    item b{2};
    h.push(1, a);
    h.push(2, b);
    EXPECT_EQ(&h.pop(), &a);
    h.push(3, a);
    EXPECT_EQ(drained(h), (std::vector{2, 1}));
}

TENDRIL_TEST(intrusive_heap, refuses_an_item_that_is_in_a_heap_already) {
    heap h;
    item a{1};
    h.push(1, a);
    EXPECT_DEATH(h.push(2, a), "at most one heap");
}

TENDRIL_TEST(intrusive_heap, agrees_with_sorting_after_many_random_steps) {
    seeded_random numbers{20};
    heap h;
    std::deque<item> items;
    std::vector<int> expected;
    for (int step = 0; step < 2000; ++step) {
        int const key = static_cast<int>(random_below(numbers, 500));
        h.push(key, items.emplace_back(key));
        expected.push_back(key);
        if (step % 3 == 0) {
            item& victim = items[random_below(numbers, items.size())];
            if (victim.in_heap()) {
                h.erase(victim);
                expected.erase(std::find(expected.begin(), expected.end(), victim.value));
            }
        }
    }
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(drained(h), expected);
}

TENDRIL_TEST(intrusive_heap, keeps_the_order_of_equal_keys_when_its_numbers_run_out) {
    intrusive_heap<int, item, std::uint8_t> h;
    std::deque<item> items;
    for (int number = 0; number < 1000; ++number) {
        h.push(number % 2, items.emplace_back(number));
        if (number % 100 == 99) {
            for (int left = 0; left < 100; ++left) {
                int const expected = number - 99 + (left < 50 ? 2 * left : 2 * (left - 50) + 1);
                EXPECT_EQ(h.pop().value, expected);
            }
        }
    }
    EXPECT_TRUE(h.empty());
}
