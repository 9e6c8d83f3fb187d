// SPDX-License-Identifier: BSL-1.0
//
// Greenlets that were made by hand and park in the hub.
#include <harness/greenlets.hpp>
#include <harness/hubs.hpp>
#include <tendril/greenlet/greenlet_local.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/time/sleep.hpp>

#include <optional>
#include <stdexcept>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::contains;
using test::misuse_of;
using test::transcript;

}  // namespace

TENDRIL_HUB_TEST(hub_raw_greenlet, may_park_and_gives_its_result_to_its_parent) {
    greenlet g{[] {
        sleep_for(5ms);
        return 7;
    }};
    EXPECT_EQ(g.switch_to().as<int>(), 7);
    EXPECT_EQ(clock.elapsed(), 5ms);
}

TENDRIL_HUB_TEST(hub_raw_greenlet, others_run_while_it_is_parked_and_its_parent_waits_for_it) {
    transcript seen;
    auto const other = this_hub().spawn_raw([&] { seen.push_back("other"); });
    greenlet g{[&] {
        sleep_for(1ms);
        seen.push_back("made by hand");
    }};
    g.switch_to();
    EXPECT_EQ(seen, (transcript{"other", "made by hand"}));
}

TENDRIL_HUB_TEST(hub_raw_greenlet, keeps_its_parent_when_it_parks) {
    greenlet g{[] { sleep_for(1ms); }};
    greenlet_ref parent;
    this_hub().call_soon([&] { parent = g.parent(); });
    g.switch_to();
    EXPECT_EQ(parent, greenlet::current());
}

TENDRIL_HUB_TEST(hub_raw_greenlet, an_error_after_a_park_goes_to_its_parent) {
    greenlet g{[] {
        sleep_for(1ms);
        throw std::runtime_error{"broken"};
    }};
    EXPECT_THROW(g.switch_to(), std::runtime_error);
}

TENDRIL_HUB_TEST(hub_raw_greenlet, its_result_is_dropped_when_its_parent_waits_for_something_else) {
    greenlet g{[] {
        sleep_for(1ms);
        return 7;
    }};
    greenlet_ref const main = greenlet::current();
    auto const other = this_hub().spawn_raw([&] { main.switch_to(); });
    g.switch_to();
    sleep_for(2ms);
    EXPECT_TRUE(g.dead());
    EXPECT_EQ(clock.elapsed(), 2ms);
}

TENDRIL_HUB_TEST(hub_raw_greenlet, its_error_is_reported_when_its_parent_waits_for_something_else) {
    transcript errors;
    test::collect_errors(errors);
    greenlet g{[] {
        sleep_for(1ms);
        throw std::runtime_error{"broken"};
    }};
    greenlet_ref const main = greenlet::current();
    auto const other = this_hub().spawn_raw([&] { main.switch_to(); });
    g.switch_to();
    sleep_for(2ms);
    std::string const who = "greenlet " + std::to_string(g.id());
    EXPECT_EQ(errors, (transcript{who + ": std::runtime_error: broken"}));
}

// Nobody but the hub may continue a greenlet that is in the hub.

TENDRIL_HUB_TEST(hub_raw_greenlet, a_parked_one_cannot_be_switched_to) {
    auto const other = this_hub().spawn_raw([] { sleep_for(1ms); });
    yield();
    EXPECT_TRUE(contains(misuse_of([&] { other.switch_to(); }), "waits in the hub"));
    EXPECT_TRUE(contains(misuse_of([&] { other.throw_into(); }), "waits in the hub"));
    EXPECT_FALSE(other.dead());
    sleep_for(2ms);
    EXPECT_TRUE(other.dead());
}

TENDRIL_HUB_TEST(hub_raw_greenlet, a_ready_one_cannot_be_switched_to) {
    auto const other = this_hub().spawn_raw([] { yield(); });
    yield();
    EXPECT_TRUE(contains(misuse_of([&] { other.switch_to(); }), "waits in the hub"));
    EXPECT_TRUE(contains(misuse_of([&] { other.throw_into(); }), "waits in the hub"));
    sleep_for(1ms);
    EXPECT_TRUE(other.dead());
}

TENDRIL_HUB_TEST(hub_raw_greenlet, a_spawned_one_that_has_not_begun_cannot_be_switched_to) {
    bool began = false;
    auto const other = this_hub().spawn_raw([&] { began = true; });
    EXPECT_TRUE(contains(misuse_of([&] { other.switch_to(); }), "the hub starts it"));
    EXPECT_TRUE(contains(misuse_of([&] { other.throw_into(); }), "the hub ends it"));
    EXPECT_FALSE(began);
    yield();
    EXPECT_TRUE(began);
}

// The last handle to one that is parked.

TENDRIL_HUB_TEST(hub_raw_greenlet, is_asked_to_exit_when_its_last_handle_goes_while_it_is_parked) {
    transcript seen;
    std::optional<greenlet> g{std::in_place, [&] {
                                  test::note_at_end const note{seen, "ended"};
                                  sleep_for(1h);
                              }};
    greenlet_ref const main = greenlet::current();
    this_hub().spawn_raw([&] { main.switch_to(); });
    g->switch_to();
    std::uint64_t const switches = this_hub().statistics().switches;
    g.reset();
    EXPECT_EQ(this_hub().statistics().switches, switches);
    EXPECT_EQ(seen, transcript{});
    yield();
    EXPECT_EQ(seen, (transcript{"ended"}));
    EXPECT_EQ(clock.elapsed(), 0ns);
}

TENDRIL_HUB_TEST(hub_raw_greenlet, cleanup_of_an_adopted_one_can_park) {
    transcript seen;
    std::optional<greenlet> g{std::in_place, [&] {
                                  test::yields_when_destroyed const cleanup{seen, "cleanup"};
                                  sleep_for(1h);
                              }};
    greenlet_ref const main = greenlet::current();
    this_hub().spawn_raw([&] { main.switch_to(); });
    g->switch_to();
    g.reset();
    sleep_for(2ms);
    EXPECT_EQ(seen, (transcript{"cleanup"}));
}

TENDRIL_HUB_TEST(hub_raw_greenlet, an_adopted_one_that_ends_continues_its_waiting_parent) {
    std::optional<greenlet> g{std::in_place, [] { sleep_for(1h); }};
    this_hub().spawn_raw([&] { g.reset(); });
    value const sent = g->switch_to();
    EXPECT_TRUE(sent.holds<greenlet_exit>());
    EXPECT_FALSE(g.has_value());
}

TENDRIL_HUB_TEST(hub_raw_greenlet, a_spawned_one_is_not_ended_when_its_handle_goes) {
    bool finished = false;
    {
        greenlet const other = this_hub().spawn_raw([&] {
            sleep_for(1ms);
            finished = true;
        });
        yield();
    }
    sleep_for(2ms);
    EXPECT_TRUE(finished);
}

// One that has been spawned and has not begun is the hub's, like one that is parked.
TENDRIL_HUB_TEST(hub_raw_greenlet, a_parent_that_has_not_begun_begins_in_its_turn_all_the_same) {
    bool ran = false;
    greenlet const parent = this_hub().spawn_raw([&] { ran = true; });
    greenlet child{[] { return 7; }, {.parent = parent}};
    EXPECT_THROW(child.switch_to(), would_block_forever);
    EXPECT_TRUE(ran);
    EXPECT_TRUE(parent.dead());
}

TENDRIL_HUB_TEST(hub_raw_greenlet, an_error_for_a_parent_that_has_not_begun_is_reported) {
    transcript errors;
    test::collect_errors(errors);
    bool ran = false;
    greenlet const parent = this_hub().spawn_raw([&] { ran = true; });
    greenlet child{[] { throw std::runtime_error{"broken"}; }, {.parent = parent}};
    EXPECT_THROW(child.switch_to(), would_block_forever);
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_TRUE(contains(errors[0], "broken")) << errors[0];
    EXPECT_TRUE(ran);
}

// The greenlet of the hub.

TENDRIL_HUB_TEST(hub_raw_greenlet, the_parent_of_its_hub_is_the_main_greenlet_of_the_thread) {
    auto const mine = this_hub().spawn_raw([] {});
    EXPECT_EQ(mine.parent().parent().block(), this_thread().main);
}

TENDRIL_HUB_TEST(hub_raw_greenlet, who_switches_to_its_hub_by_hand_goes_on_when_switched_to) {
    transcript seen;
    auto const main = greenlet::current();
    auto const mine = this_hub().spawn_raw([&] {
        seen.push_back("began");
        greenlet::current().parent().switch_to();
        seen.push_back("went on");
        main.switch_to();
    });
    sleep_for(1ms);
    seen.push_back("main");
    mine.switch_to();
    EXPECT_EQ(seen, (transcript{"began", "main", "went on"}));
}

TENDRIL_HUB_TEST(hub_raw_greenlet, an_empty_function_is_reported_in_its_turn) {
    transcript errors;
    test::collect_errors(errors);
    this_hub().spawn_raw(nullptr);
    yield();
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_TRUE(test::contains(errors[0], "an empty unique_function cannot be called"));
}

TENDRIL_HUB_TEST(hub_raw_greenlet, greenlet_locals_work_in_main_and_in_callbacks) {
    greenlet_local<int> number;
    *number = 1;
    std::vector<int> in_callbacks;
    for (int call = 0; call < 2; ++call) {
        this_hub().call_soon([&] { in_callbacks.push_back((*number)++); });
    }
    yield();
    EXPECT_EQ(*number, 1);
    EXPECT_EQ(in_callbacks, (std::vector<int>{0, 1}));
    number.reset();
}
