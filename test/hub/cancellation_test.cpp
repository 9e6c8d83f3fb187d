// SPDX-License-Identifier: BSL-1.0
#include <harness/hubs.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/time/sleep.hpp>

#include <exception>
#include <type_traits>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::lone_waiter;
using test::outcome_of;
using test::self;
using test::sleep_outcome;
using test::transcript;
using test::wish;

static_assert(!std::is_base_of_v<std::exception, cancelled>);
static_assert(!std::is_base_of_v<std::exception, greenlet_exit>);
static_assert(!std::is_base_of_v<std::exception, timed_out>);
static_assert(std::is_nothrow_copy_constructible_v<cancelled>);

constexpr auto scope = interruption::rank::scope;

}  // namespace

// Delivery.

TENDRIL_HUB_TEST(cancellation, a_wish_ends_the_park_of_a_greenlet) {
    wish stop{"stop"};
    std::string outcome;
    auto const other = this_hub().spawn_raw([&] { outcome = outcome_of([] { sleep_for(1h); }); });
    yield();
    request(*other.block(), stop);
    yield();
    EXPECT_EQ(outcome, "stop");
    EXPECT_FALSE(stop.pending());
    EXPECT_EQ(clock.elapsed(), 0ns);
}

TENDRIL_HUB_TEST(cancellation, request_does_not_switch) {
    wish stop{"stop"};
    bool ended = false;
    auto const other = this_hub().spawn_raw([&] {
        EXPECT_EQ(outcome_of([] { sleep_for(1h); }), "stop");
        ended = true;
    });
    yield();
    request(*other.block(), stop);
    EXPECT_FALSE(ended);
    yield();
    EXPECT_TRUE(ended);
}

TENDRIL_HUB_TEST(cancellation, a_wish_for_a_running_greenlet_ends_its_next_park) {
    wish stop{"stop"};
    request(self(), stop);
    EXPECT_TRUE(stop.pending());
    EXPECT_EQ(sleep_outcome(), "stop");
    EXPECT_FALSE(stop.pending());
}

TENDRIL_HUB_TEST(cancellation, is_used_up_by_delivery) {
    wish stop{"stop"};
    request(self(), stop);
    EXPECT_EQ(sleep_outcome(), "stop");
    EXPECT_EQ(sleep_outcome(), "returned");
}

TENDRIL_HUB_TEST(cancellation, a_wish_may_be_made_again_after_its_delivery) {
    wish stop{"stop"};
    for (int lap = 0; lap < 3; ++lap) {
        request(self(), stop);
        EXPECT_EQ(sleep_outcome(), "stop");
    }
}

TENDRIL_HUB_TEST(cancellation, every_function_that_may_park_looks_for_it_even_if_it_would_not) {
    wish stop{"stop"};
    lone_waiter woken;
    request(self(), stop);
    EXPECT_EQ(outcome_of([] { yield(); }), "stop");
    request(self(), stop);
    EXPECT_EQ(outcome_of([] { sleep_for(0ms); }), "stop");
    request(self(), stop);
    EXPECT_EQ(outcome_of([] { sleep_until(now() - 1h); }), "stop");
    request(self(), stop);
    EXPECT_EQ(outcome_of([] { check_interruption(); }), "stop");
}

TENDRIL_HUB_TEST(cancellation, check_interruption_does_nothing_when_nothing_is_pending) {
    std::uint64_t const switches = this_hub().statistics().switches;
    EXPECT_NO_THROW(check_interruption());
    EXPECT_EQ(this_hub().statistics().switches, switches);
}

TENDRIL_TEST(cancellation, check_interruption_needs_no_hub) {
    EXPECT_NO_THROW(check_interruption());
    EXPECT_EQ(this_thread().loop, nullptr);
}

// The order.

TENDRIL_HUB_TEST(cancellation, an_exit_comes_first_then_edges_then_the_innermost_scope) {
    wish outer{"outer", scope, 1};
    wish inner{"inner", scope, 2};
    wish edge{"edge"};
    transcript seen;
    auto const other = this_hub().spawn_raw([&] {
        request(self(), outer);
        request(self(), inner);
        request(self(), edge);
        request_exit(self());
        for (int park = 0; park < 8; ++park) {
            seen.push_back(sleep_outcome());
        }
        sleep_outcome();
    });
    transcript errors;
    test::collect_errors(errors);
    sleep_for(1s);
    EXPECT_EQ(seen, transcript(8, "exit"));
    EXPECT_FALSE(edge.pending());
    EXPECT_TRUE(inner.pending());
    withdraw(*other.block(), inner);
    withdraw(*other.block(), outer);
}

TENDRIL_HUB_TEST(cancellation, edges_come_before_scopes_and_scopes_from_the_inside_out) {
    wish middle{"middle", scope, 5};
    wish outer{"outer", scope, 1};
    wish inner{"inner", scope, 9};
    wish edge{"edge"};
    for (wish* each : {&middle, &outer, &inner, &edge}) {
        request(self(), *each);
    }
    transcript seen;
    for (int park = 0; park < 5; ++park) {
        seen.push_back(sleep_outcome());
    }
    EXPECT_EQ(seen, (transcript{"edge", "inner", "middle", "outer", "returned"}));
}

TENDRIL_HUB_TEST(cancellation, edges_come_in_the_order_they_were_made) {
    wish a{"a"};
    wish b{"b"};
    wish c{"c"};
    for (wish* each : {&b, &c, &a}) {
        request(self(), *each);
    }
    transcript seen;
    for (int park = 0; park < 3; ++park) {
        seen.push_back(sleep_outcome());
    }
    EXPECT_EQ(seen, (transcript{"b", "c", "a"}));
}

TENDRIL_HUB_TEST(cancellation, two_wishes_of_one_turn_end_two_parks) {
    wish first{"first"};
    wish second{"second"};
    transcript seen;
    auto const other = this_hub().spawn_raw([&] {
        for (int park = 0; park < 3; ++park) {
            seen.push_back(sleep_outcome());
        }
    });
    yield();
    request(*other.block(), first);
    request(*other.block(), second);
    EXPECT_FALSE(first.pending());
    EXPECT_TRUE(second.pending());
    sleep_for(1s);
    EXPECT_EQ(seen, (transcript{"first", "second", "returned"}));
}

// Taking a wish back.

TENDRIL_HUB_TEST(cancellation, a_wish_that_is_withdrawn_is_not_delivered) {
    wish stop{"stop"};
    request(self(), stop);
    withdraw(self(), stop);
    EXPECT_FALSE(stop.pending());
    EXPECT_EQ(sleep_outcome(), "returned");
}

TENDRIL_HUB_TEST(cancellation, withdraw_does_nothing_for_a_wish_that_is_not_pending) {
    wish stop{"stop"};
    withdraw(self(), stop);
    request(self(), stop);
    EXPECT_EQ(sleep_outcome(), "stop");
    withdraw(self(), stop);
    EXPECT_EQ(sleep_outcome(), "returned");
}

TENDRIL_HUB_TEST(cancellation, any_of_several_wishes_can_be_withdrawn) {
    for (int withdrawn = 0; withdrawn < 3; ++withdrawn) {
        wish all[] = {wish{"0"}, wish{"1"}, wish{"2"}};
        transcript expected;
        for (int each = 0; each < 3; ++each) {
            request(self(), all[each]);
            if (each != withdrawn) {
                expected.push_back(std::to_string(each));
            }
        }
        withdraw(self(), all[withdrawn]);
        transcript const seen{sleep_outcome(), sleep_outcome()};
        EXPECT_EQ(seen, expected);
        EXPECT_EQ(sleep_outcome(), "returned");
    }
}

// When nothing is delivered.

TENDRIL_HUB_TEST(cancellation, a_result_that_is_there_is_returned_and_the_wish_stays_pending) {
    wish stop{"stop"};
    lone_waiter given;
    given.wake();
    request(self(), stop);
    EXPECT_EQ(outcome_of([&] { given.park(); }), "returned");
    EXPECT_TRUE(stop.pending());
    EXPECT_EQ(sleep_outcome(), "stop");
}

TENDRIL_HUB_TEST(cancellation, a_shielded_park_is_not_ended_and_the_next_one_is) {
    wish before{"before"};
    wish meanwhile{"meanwhile"};
    lone_waiter shielded;
    request(self(), before);
    this_hub().call_later(1ms, [&, who = &self()] { request(*who, meanwhile); });
    this_hub().call_later(2ms, [&] { shielded.wake(); });
    EXPECT_EQ(outcome_of([&] { shielded.park_shielded(); }), "returned");
    EXPECT_EQ(clock.elapsed(), 2ms);
    EXPECT_EQ(sleep_outcome(), "before");
    EXPECT_EQ(sleep_outcome(), "meanwhile");
}

TENDRIL_HUB_TEST(cancellation, a_destructor_that_parks_while_it_unwinds_can_finish) {
    wish first{"first"};
    wish second{"second"};
    transcript seen;
    request(self(), first);
    this_hub().call_later(500us, [&, who = &self()] { request(*who, second); });
    seen.push_back(outcome_of([&] {
        test::yields_when_destroyed const outer{seen, "outer cleanup"};
        test::yields_when_destroyed const inner{seen, "inner cleanup"};
        sleep_for(1h);
    }));
    seen.push_back(sleep_outcome());
    EXPECT_EQ(seen, (transcript{"inner cleanup", "outer cleanup", "first", "second"}));
}

TENDRIL_HUB_TEST(cancellation, a_park_inside_a_catch_block_is_ended) {
    wish stop{"stop"};
    std::string outcome;
    try {
        throw 1;
    } catch (int) {
        request(self(), stop);
        outcome = sleep_outcome();
    }
    EXPECT_EQ(outcome, "stop");
}

TENDRIL_HUB_TEST(cancellation, one_greenlet_that_unwinds_does_not_shield_another) {
    wish stop{"stop"};
    transcript seen;
    auto const other = this_hub().spawn_raw([&] { seen.push_back(sleep_outcome()); });
    yield();
    request(*other.block(), stop);
    seen.push_back(outcome_of([&] {
        test::yields_when_destroyed const cleanup{seen, "cleanup"};
        throw std::string{"thrown"};
    }));
    EXPECT_EQ(seen, (transcript{"stop", "cleanup", "thrown"}));
}

TENDRIL_HUB_TEST(cancellation, nothing_is_delivered_to_a_greenlet_whose_function_is_over) {
    wish before{"before"};
    wish meanwhile{"meanwhile"};
    std::string outcome;
    auto const other = this_hub().spawn_raw([&] {
        request(self(), before);
        seal_interruptions(self());
        outcome = sleep_outcome();
        withdraw(self(), before);
    });
    yield();
    request(*other.block(), meanwhile);
    sleep_for(1s);
    EXPECT_EQ(outcome, "returned");
    withdraw(*other.block(), meanwhile);
}

// What passes through `catch (std::exception&)`.

TENDRIL_HUB_TEST(cancellation, a_handler_of_standard_exceptions_lets_it_pass) {
    auto const guarded = [](auto what) {
        return outcome_of([&] {
            try {
                what();
            } catch (std::exception const&) {
                throw std::string{"swallowed"};
            }
        });
    };
    EXPECT_EQ(guarded([] { throw cancelled{}; }), "cancelled");
    EXPECT_EQ(guarded([] { throw greenlet_exit{}; }), "exit");
    EXPECT_EQ(
        guarded([] {
            timeout const limit{1ms};
            sleep_for(1h);
        }),
        "timed out");
}

TENDRIL_HUB_TEST(cancellation, under_a_shield_parks_end_by_themselves) {
    transcript seen;
    auto const g = this_hub().spawn_raw([&] {
        {
            interruption_shield const raised;
            { interruption_shield const inside_another; }
            sleep_for(5ms);
            seen.push_back("slept");
        }
        seen.push_back(outcome_of([] { sleep_for(1h); }));
    });
    this_hub().call_later(1ms, [&] { request_exit(*g.block()); });
    sleep_for(10ms);
    EXPECT_EQ(seen, (transcript{"slept", "exit"}));
}
