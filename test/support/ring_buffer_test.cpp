// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <tendril/support/ring_buffer.hpp>

#include <memory>
#include <stdexcept>

namespace {

using namespace tendril;
using test::traveller;

struct unmovable {
    unmovable() = default;
    unmovable(unmovable&&) { throw std::runtime_error{"stays where it is"}; }
};

}  // namespace

TENDRIL_TEST(ring_buffer, items_leave_in_the_order_they_came_all_around_the_ring) {
    ring_buffer<int> ring{3};
    int next = 0;
    for (int number = 0; number < 20; ++number) {
        ring.push(int{number});
        if (ring.full()) {
            EXPECT_EQ(ring.front(), next++);
            ring.pop();
        }
    }
    EXPECT_EQ(ring.size(), 2U);
    EXPECT_EQ(ring.front(), 18);
}

TENDRIL_TEST(ring_buffer, knows_when_it_is_empty_and_full) {
    ring_buffer<int> ring{2};
    EXPECT_TRUE(ring.empty());
    ring.push(1);
    EXPECT_FALSE(ring.empty());
    EXPECT_FALSE(ring.full());
    ring.push(2);
    EXPECT_TRUE(ring.full());
    EXPECT_EQ(ring.size(), 2U);
    EXPECT_EQ(ring.capacity(), 2U);
}

TENDRIL_TEST(ring_buffer, one_of_no_capacity_is_empty_and_full) {
    ring_buffer<int> const ring{0};
    EXPECT_TRUE(ring.empty());
    EXPECT_TRUE(ring.full());
}

TENDRIL_TEST(ring_buffer, takes_what_can_only_be_moved) {
    ring_buffer<std::unique_ptr<int>> ring{1};
    ring.push(std::make_unique<int>(7));
    EXPECT_EQ(*ring.front(), 7);
}

TENDRIL_TEST(ring_buffer, destroys_what_is_left_in_it) {
    traveller::start();
    {
        ring_buffer<traveller> ring{3};
        ring.push(traveller{1});
        ring.push(traveller{2});
        EXPECT_EQ(traveller::alive, 2);
        ring.pop();
        EXPECT_EQ(traveller::alive, 1);
    }
    EXPECT_EQ(traveller::alive, 0);
}

TENDRIL_TEST(ring_buffer, clear_leaves_it_empty) {
    traveller::start();
    ring_buffer<traveller> ring{2};
    ring.push(traveller{1});
    ring.push(traveller{2});
    ring.clear();
    EXPECT_TRUE(ring.empty());
    EXPECT_EQ(traveller::alive, 0);
}

TENDRIL_TEST(ring_buffer, an_item_that_cannot_be_moved_is_not_in_it) {
    ring_buffer<unmovable> ring{1};
    EXPECT_THROW(ring.push(unmovable{}), std::runtime_error);
    EXPECT_TRUE(ring.empty());
}
