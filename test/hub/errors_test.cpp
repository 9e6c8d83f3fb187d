// SPDX-License-Identifier: BSL-1.0
//
// What main is told when nobody can be woken any more.
#include <harness/hubs.hpp>
#include <tendril/hub/errors.hpp>
#include <tendril/hub/remote.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/unique_function.hpp>
#include <tendril/time/sleep.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::contains;
using test::lone_waiter;
using test::outcome_of;
using test::transcript;

static_assert(std::is_base_of_v<std::runtime_error, would_block_forever>);

std::string text_of_a_wait_in_vain() {
    lone_waiter never{"what never comes"};
    try {
        never.park();
    } catch (would_block_forever const& error) {
        return error.what();
    }
    return {};
}

}  // namespace

TENDRIL_HUB_TEST(errors, main_is_told_that_it_would_wait_for_ever) {
    EXPECT_TRUE(contains(text_of_a_wait_in_vain(), "would block forever"));
}

TENDRIL_HUB_TEST(errors, the_text_lists_every_greenlet_that_waits_and_for_what) {
    auto const first = this_hub().spawn_raw([] { lone_waiter{"the moon"}.park(); });
    auto const second = this_hub().spawn_raw([] { lone_waiter{"the sun"}.park(); });
    yield();
    std::string const text = text_of_a_wait_in_vain();
    auto const line = [](greenlet const& who, std::string const& what) {
        return "greenlet " + std::to_string(who.id()) + " parked, waits for " + what;
    };
    EXPECT_TRUE(contains(text, line(first, "the moon"))) << text;
    EXPECT_TRUE(contains(text, line(second, "the sun"))) << text;
    EXPECT_TRUE(contains(text, "greenlet 0 'main' parked, waits for what never comes")) << text;
}

TENDRIL_HUB_TEST(errors, a_sleep_without_end_would_block_forever) {
    EXPECT_EQ(outcome_of([] { sleep_until(deadline::never()); }), "would block forever");
    EXPECT_EQ(outcome_of([] { sleep_for(std::chrono::hours::max()); }), "would block forever");
}

TENDRIL_HUB_TEST(errors, the_hub_can_be_used_afterwards) {
    EXPECT_NE(text_of_a_wait_in_vain(), "");
    transcript seen;
    this_hub().call_later(1ms, [&] { seen.push_back("call"); });
    auto const other = this_hub().spawn_raw([&] { seen.push_back("greenlet"); });
    sleep_for(2ms);
    EXPECT_EQ(seen, (transcript{"greenlet", "call"}));
}

TENDRIL_HUB_TEST(errors, main_is_told_as_often_as_it_waits_in_vain) {
    for (int lap = 0; lap < 3; ++lap) {
        EXPECT_NE(text_of_a_wait_in_vain(), "");
    }
}

TENDRIL_HUB_TEST(errors, only_main_is_told_and_the_others_stay_where_they_are) {
    lone_waiter* waits = nullptr;
    std::string outcome;
    auto const other = this_hub().spawn_raw([&] {
        lone_waiter me;
        waits = &me;
        outcome = outcome_of([&] { me.park(); });
    });
    yield();
    EXPECT_NE(text_of_a_wait_in_vain(), "");
    EXPECT_EQ(outcome, "");
    waits->wake();
    yield();
    EXPECT_EQ(outcome, "returned");
}

TENDRIL_HUB_TEST(errors, main_is_told_while_it_is_suspended_by_hand) {
    greenlet g{[] { sleep_until(deadline::never()); }};
    EXPECT_EQ(outcome_of([&] { g.switch_to(); }), "would block forever");
    EXPECT_FALSE(g.dead());
}

TENDRIL_HUB_TEST(errors, two_that_wait_for_each_other_are_both_listed) {
    lone_waiter* first_waits = nullptr;
    lone_waiter* second_waits = nullptr;
    auto const first = this_hub().spawn_raw([&] {
        lone_waiter me{"the second"};
        first_waits = &me;
        me.park();
        second_waits->wake();
    });
    auto const second = this_hub().spawn_raw([&] {
        lone_waiter me{"the first"};
        second_waits = &me;
        me.park();
        first_waits->wake();
    });
    yield();
    std::string const text = text_of_a_wait_in_vain();
    EXPECT_TRUE(contains(text, "waits for the first")) << text;
    EXPECT_TRUE(contains(text, "waits for the second")) << text;
}

// What keeps the hope alive.

TENDRIL_HUB_TEST(errors, nobody_is_told_while_an_alarm_is_armed) {
    lone_waiter waits;
    this_hub().call_later(1h, [&] { waits.wake(); });
    EXPECT_EQ(outcome_of([&] { waits.park(); }), "returned");
}

TENDRIL_HUB_TEST(errors, nobody_is_told_while_a_remote_exists) {
    lone_waiter waits;
    remote const door = this_hub().remote();
    std::thread poster;
    this_hub().call_soon([&] { poster = std::thread{[&] { door.post([&] { waits.wake(); }); }}; });
    EXPECT_EQ(outcome_of([&] { waits.park(); }), "returned");
    poster.join();
}

TENDRIL_HUB_TEST(errors, main_is_told_when_the_last_remote_goes) {
    lone_waiter waits;
    std::thread holder;
    this_hub().call_soon(
        [&] { holder = std::thread{[door = this_hub().remote()]() mutable { door = {}; }}; });
    EXPECT_EQ(outcome_of([&] { waits.park(); }), "would block forever");
    holder.join();
}

TENDRIL_HUB_TEST(errors, nobody_is_told_while_asio_has_something_to_do) {
    lone_waiter waits;
    boost::asio::steady_timer timer{this_hub().context(), 1us};
    timer.async_wait(
        [&](auto const&) { boost::asio::post(this_hub().context(), [&] { waits.wake(); }); });
    EXPECT_EQ(outcome_of([&] { waits.park(); }), "returned");
}

TENDRIL_HUB_TEST(errors, nobody_is_told_while_another_greenlet_can_run) {
    lone_waiter waits;
    auto const other = this_hub().spawn_raw([&] {
        for (int turn = 0; turn < 5000; ++turn) {
            yield();
        }
        waits.wake();
    });
    EXPECT_EQ(outcome_of([&] { waits.park(); }), "returned");
}

TENDRIL_TEST(errors, the_main_greenlet_of_a_run_inside_a_greenlet_is_told) {
    std::string outcome;
    greenlet g{[&] { run([&] { outcome = outcome_of([] { sleep_until(deadline::never()); }); }); }};
    g.switch_to();
    EXPECT_EQ(outcome, "would block forever");
}

TENDRIL_HUB_TEST(errors, an_error_handler_may_set_another_one) {
    transcript seen;
    auto const keep_word = [&](char const* who) {
        return [&seen, who, text = std::string(100, 'x')](std::exception_ptr, std::string_view) {
            seen.push_back(who);
            EXPECT_EQ(text, std::string(100, 'x'));
        };
    };
    this_hub().set_error_handler(
        [&, next = keep_word("second"), first = keep_word("first")](auto error, auto whose) {
            auto const last = first;
            this_hub().set_error_handler(next);
            last(error, whose);
        });
    this_hub().report_error(std::make_exception_ptr(misuse{"one"}), "a test");
    this_hub().report_error(std::make_exception_ptr(misuse{"two"}), "a test");
    EXPECT_EQ(seen, (transcript{"first", "second"}));
}

TENDRIL_HUB_TEST(errors, what_is_reported_in_an_error_handler_does_not_come_back_to_it) {
    int calls = 0;
    this_hub().set_error_handler([&](auto error, auto) {
        ++calls;
        this_hub().report_error(error, "its own handler (this line belongs here)");
    });
    this_hub().report_error(std::make_exception_ptr(misuse{"one"}), "a test");
    this_hub().report_error(std::make_exception_ptr(misuse{"two"}), "a test");
    EXPECT_EQ(calls, 2);
}

TENDRIL_HUB_TEST(errors, a_handler_that_posts_itself_does_not_keep_the_others_waiting) {
    bool over = false;
    unique_function<void()> again;
    again = [&] {
        if (!over) {
            boost::asio::post(this_hub().context(), [&] { again(); });
        }
    };
    again();
    for (int turn = 0; turn < 5; ++turn) {
        yield();
    }
    over = true;
    sleep_for(1ms);
}

// It can be told nothing there, but somebody may hear of it and come to its help.
TENDRIL_TEST(errors, main_that_waits_in_vain_in_cleanup_is_reported_once) {
    transcript seen;
    std::thread helper;
    run([&] {
        lone_waiter* waiting = nullptr;
        this_hub().set_error_handler([&](std::exception_ptr error, std::string_view whose) {
            seen.push_back(std::string{whose} + ": " + describe(error).substr(0, 28));
            helper = std::thread{[&waiting, door = this_hub().remote()] {
                door.post([&waiting] { waiting->wake(); });
            }};
        });
        try {
            scope_exit const cleanup{[&] {
                lone_waiter me{"help"};
                waiting = &me;
                me.park();
            }};
            throw 7;
        } catch (int) {
            seen.push_back("went on");
        }
    });
    helper.join();
    EXPECT_EQ(seen, (transcript{"the hub: tendril::would_block_forever", "went on"}));
}
