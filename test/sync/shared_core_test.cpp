// SPDX-License-Identifier: BSL-1.0
//
// The place in the queue. What is built on it is tested with each primitive.
#include <harness/hubs.hpp>
#include <tendril/sync/shared_core.hpp>

#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using detail::shared_core;
using detail::shared_place;
using detail::shared_places;
using test::transcript;

struct waiting_room {
    bool wait_until(deadline limit) {
        auto entered = core.enter();
        shared_place mine;
        return core.wait(entered, places, mine, limit);
    }
    bool let_one_go() {
        auto const entered = core.enter();
        return core.take_first(places) != nullptr;
    }
    shared_core core{"a test"};
    shared_places places;
};

}  // namespace

TENDRIL_ORDERED_HUB_TEST(shared_core, who_came_first_is_taken_out_first) {
    waiting_room room;
    transcript seen;
    for (char const* word : {"a", "b"}) {
        this_hub().spawn_raw([&, word] {
            room.wait_until(deadline::never());
            seen.push_back(word);
        });
    }
    yield();
    EXPECT_EQ(room.core.present(), 2U);
    EXPECT_TRUE(room.let_one_go());
    yield();
    EXPECT_EQ(seen, (transcript{"a"}));
    EXPECT_TRUE(room.let_one_go());
    yield();
    EXPECT_EQ(seen, (transcript{"a", "b"}));
    EXPECT_FALSE(room.let_one_go());
    EXPECT_EQ(room.core.present(), 0U);
}

TENDRIL_HUB_TEST(shared_core, a_limit_takes_a_place_out_that_nobody_has_taken) {
    waiting_room room;
    EXPECT_FALSE(room.wait_until(deadline::after(5ms)));
    EXPECT_EQ(clock.elapsed(), 5ms);
    EXPECT_TRUE(room.places.empty());
    EXPECT_EQ(room.core.present(), 0U);
}
