// SPDX-License-Identifier: BSL-1.0
//
// An exit that was requested: it is insisted on, but not for ever.
#include <harness/hubs.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/time/sleep.hpp>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::contains;
using test::outcome_of;
using test::self;
using test::sleep_outcome;
using test::transcript;
using test::wish;

}  // namespace

TENDRIL_HUB_TEST(cancellation_exit, ends_a_greenlet_that_lets_it_pass) {
    transcript errors;
    test::collect_errors(errors);
    auto const other = this_hub().spawn_raw([] { sleep_for(1h); });
    yield();
    request_exit(*other.block());
    yield();
    EXPECT_TRUE(other.dead());
    EXPECT_EQ(errors, transcript{});
}

TENDRIL_HUB_TEST(cancellation_exit, is_delivered_eight_times_then_reported_then_dropped) {
    transcript errors;
    test::collect_errors(errors);
    transcript seen;
    auto const other = this_hub().spawn_raw([&] {
        for (int park = 0; park < 10; ++park) {
            seen.push_back(sleep_outcome());
        }
    });
    yield();
    request_exit(*other.block());
    sleep_for(1s);
    transcript expected(8, "exit");
    expected.insert(expected.end(), 2, "returned");
    EXPECT_EQ(seen, expected);
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_TRUE(contains(errors[0], "greenlet " + std::to_string(other.id()))) << errors[0];
    EXPECT_TRUE(contains(errors[0], "swallowed greenlet_exit")) << errors[0];
}

TENDRIL_HUB_TEST(cancellation_exit, is_insisted_on_until_it_is_dropped) {
    transcript errors;
    test::collect_errors(errors);
    auto const other = this_hub().spawn_raw([&] {
        for (int park = 0; park < 8; ++park) {
            sleep_outcome();
            EXPECT_TRUE(exit_requested(self()));
        }
        sleep_outcome();
        EXPECT_FALSE(exit_requested(self()));
    });
    yield();
    EXPECT_FALSE(exit_requested(*other.block()));
    request_exit(*other.block());
    EXPECT_TRUE(exit_requested(*other.block()));
    sleep_for(1s);
}

TENDRIL_HUB_TEST(cancellation_exit, does_nothing_to_one_that_has_swallowed_eight) {
    transcript errors;
    test::collect_errors(errors);
    std::string last;
    auto const other = this_hub().spawn_raw([&] {
        for (int park = 0; park < 9; ++park) {
            sleep_outcome();
        }
        last = outcome_of([] { sleep_for(1s); });
    });
    yield();
    request_exit(*other.block());
    sleep_for(100ms);
    request_exit(*other.block());
    EXPECT_FALSE(exit_requested(*other.block()));
    sleep_for(2s);
    EXPECT_EQ(last, "returned");
    EXPECT_EQ(errors.size(), 1U);
}

TENDRIL_HUB_TEST(cancellation_exit, beats_a_wish_that_came_before_it_and_leaves_it_pending) {
    wish edge{"edge"};
    std::string outcome;
    auto const other = this_hub().spawn_raw([&] {
        request(self(), edge);
        request_exit(self());
        outcome = sleep_outcome();
        withdraw(self(), edge);
    });
    yield();
    EXPECT_EQ(outcome, "exit");
}

TENDRIL_HUB_TEST(cancellation_exit, wishes_are_delivered_to_one_that_was_left_alive) {
    transcript errors;
    test::collect_errors(errors);
    wish stop{"stop"};
    std::string last;
    auto const other = this_hub().spawn_raw([&] {
        for (int park = 0; park < 9; ++park) {
            sleep_outcome();
        }
        last = outcome_of([] { sleep_for(1h); });
    });
    yield();
    request_exit(*other.block());
    sleep_for(100ms);
    request(*other.block(), stop);
    yield();
    EXPECT_EQ(last, "stop");
}

TENDRIL_HUB_TEST(cancellation_exit, a_result_that_is_there_comes_first) {
    std::string given_first;
    std::string then;
    test::lone_waiter* waits = nullptr;
    auto const other = this_hub().spawn_raw([&] {
        test::lone_waiter me;
        waits = &me;
        given_first = outcome_of([&] { me.park(); });
        then = sleep_outcome();
    });
    yield();
    EXPECT_TRUE(waits->wake());
    request_exit(*other.block());
    yield();
    EXPECT_EQ(given_first, "returned");
    EXPECT_EQ(then, "exit");
}

TENDRIL_HUB_TEST(cancellation_exit, cleanup_that_parks_can_finish) {
    transcript seen;
    auto const other = this_hub().spawn_raw([&] {
        test::yields_when_destroyed const cleanup{seen, "cleanup"};
        sleep_for(1h);
    });
    yield();
    request_exit(*other.block());
    sleep_for(2ms);
    EXPECT_EQ(seen, (transcript{"cleanup"}));
    EXPECT_TRUE(other.dead());
}

TENDRIL_HUB_TEST(cancellation_exit, a_greenlet_that_has_not_begun_never_does) {
    bool began = false;
    auto const other = this_hub().spawn_raw([&] { began = true; });
    request_exit(*other.block());
    yield();
    EXPECT_FALSE(began);
    EXPECT_TRUE(other.dead());
}

TENDRIL_HUB_TEST(cancellation_exit, one_that_has_not_begun_never_does_even_if_another_unwinds) {
    transcript seen;
    auto const other = this_hub().spawn_raw([&] { seen.push_back("began"); });
    request_exit(*other.block());
    seen.push_back(outcome_of([&] {
        test::yields_when_destroyed const cleanup{seen, "cleanup"};
        throw std::string{"thrown"};
    }));
    EXPECT_EQ(seen, (transcript{"cleanup", "thrown"}));
}
