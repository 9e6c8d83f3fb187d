// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/task/future.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::outcome_of;
using test::transcript;

// A promise that somebody waits for, and what that one gets.
struct awaited_promise {
    awaited_promise() {
        start(reader, [this] { value = answer.get(); });
        yield();
    }
    promise<int> given;
    future<int> answer = given.get_future();
    int value = 0;
    attempt reader;
};

static_assert(std::is_copy_constructible_v<promise<std::unique_ptr<int>>>);
static_assert(std::is_copy_constructible_v<future<std::unique_ptr<int>>>);
static_assert(std::is_same_v<decltype(std::declval<future<int>&>().get()), int&>);
static_assert(std::is_same_v<decltype(std::declval<future<int>>().get()), int>);
static_assert(std::is_same_v<decltype(std::declval<future<void>&>().get()), void>);
static_assert(std::is_base_of_v<misuse, already_settled>);
static_assert(std::is_base_of_v<std::runtime_error, broken_promise>);

}  // namespace

TENDRIL_HUB_TEST(future, get_waits_for_the_value) {
    awaited_promise p;
    EXPECT_EQ(p.reader.outcome, "waits");
    EXPECT_FALSE(p.answer.done());
    p.given.set_value(7);
    EXPECT_TRUE(p.answer.done());
    EXPECT_TRUE(p.answer.succeeded());
    p.reader.run_by.join();
    EXPECT_EQ(p.value, 7);
    EXPECT_EQ(p.reader.outcome, "returned");
}

TENDRIL_HUB_TEST(future, get_returns_the_same_value_to_all_as_often_as_they_ask) {
    promise<std::string> p;
    future<std::string> const a = p.get_future();
    future<std::string> const b = p.get_future();
    p.set_value("once");
    EXPECT_EQ(&a.get(), &b.get());
    EXPECT_EQ(&a.get(), &a.get());
    EXPECT_EQ(p.get_future().get(), "once");
    EXPECT_EQ(a.get(), "once");
    EXPECT_EQ(a, b);
}

TENDRIL_HUB_TEST(future, get_of_a_handle_that_goes_away_takes_a_value_that_cannot_be_copied) {
    promise<std::unique_ptr<int>> p;
    p.set_value(std::make_unique<int>(7));
    future<std::unique_ptr<int>> const kept = p.get_future();
    std::unique_ptr<int> const taken = p.get_future().get();
    EXPECT_EQ(*taken, 7);
    EXPECT_EQ(kept.get(), nullptr);
}

TENDRIL_HUB_TEST(future, get_throws_the_error_each_time) {
    promise<int> p;
    future<int> const f = p.get_future();
    p.set_exception(std::runtime_error{"broken"});
    EXPECT_EQ(outcome_of([&] { f.get(); }), "broken");
    EXPECT_EQ(outcome_of([&] { f.get(); }), "broken");
    EXPECT_EQ(outcome_of([&] { p.get_future().get(); }), "broken");
    EXPECT_EQ(outcome_of([&] { f.try_get(); }), "broken");
    EXPECT_EQ(describe(f.exception()), "std::runtime_error: broken");
    EXPECT_FALSE(f.succeeded());
    EXPECT_FALSE(f.was_cancelled());
}

TENDRIL_HUB_TEST(future, one_without_a_value_arrives_too) {
    promise<void> p;
    future<void> const f = p.get_future();
    EXPECT_FALSE(f.try_get());
    EXPECT_FALSE(f.get_for(1ms));
    p.set_value();
    f.get();
    EXPECT_TRUE(f.try_get());
    EXPECT_TRUE(f.get_for(1ms));
    EXPECT_FALSE(p.try_set_value());
}

TENDRIL_HUB_TEST(future, wait_never_throws_the_error) {
    promise<int> p;
    future<int> const f = p.get_future();
    p.set_exception(std::runtime_error{"broken"});
    f.wait();
    EXPECT_TRUE(f.wait_for(1ms));
    EXPECT_NE(f.exception(), nullptr);
}

TENDRIL_HUB_TEST(future, waits_with_a_limit_give_up_at_it) {
    promise<int> p;
    future<int> const f = p.get_future();
    auto const before = clock.elapsed();
    EXPECT_FALSE(f.wait_for(5ms));
    EXPECT_EQ(f.get_for(5ms), nullptr);
    EXPECT_EQ(f.get_until(now() + 5ms), nullptr);
    EXPECT_FALSE(f.wait_until(now() + 5ms));
    EXPECT_EQ(clock.elapsed() - before, 20ms);
    p.set_value(7);
    EXPECT_EQ(*f.get_for(5ms), 7);
    EXPECT_EQ(*f.get_until(now()), 7);
}

TENDRIL_HUB_TEST(future, any_duration_will_do_as_a_limit) {
    promise<void> never;
    future<void> const f = never.get_future();
    test::expect_no_time_is_enough(clock, [&](auto const& limit) { return f.wait_for(limit); });
    promise<void> p;
    test::expect_an_age_is_enough(
        [&](auto const& limit) {
            p = promise<void>{};
            return p.get_future().wait_for(limit);
        },
        [&] { p.set_value(); });
}

TENDRIL_HUB_TEST(future, try_get_does_not_wait) {
    promise<int> p;
    EXPECT_EQ(p.get_future().try_get(), nullptr);
    p.set_value(7);
    EXPECT_EQ(*p.get_future().try_get(), 7);
}

TENDRIL_ORDERED_HUB_TEST(future, readers_go_on_in_the_order_they_came) {
    promise<void> p;
    transcript seen;
    attempt readers[3];
    for (int i = 0; i < 3; ++i) {
        start(readers[i], [&seen, i, f = p.get_future()] {
            f.get();
            seen.push_back(std::to_string(i));
        });
    }
    yield();
    p.set_value();
    seen.push_back("set");
    yield();
    EXPECT_EQ(seen, (transcript{"set", "0", "1", "2"}));
}

TENDRIL_HUB_TEST(future, what_is_given_twice_is_refused_and_changes_nothing) {
    promise<int> p;
    future<int> const f = p.get_future();
    p.set_value(1);
    EXPECT_THROW(p.set_value(2), already_settled);
    EXPECT_THROW(p.set_exception(std::runtime_error{"late"}), already_settled);
    EXPECT_FALSE(p.try_set_value(2));
    EXPECT_FALSE(p.try_set_exception(std::runtime_error{"late"}));
    EXPECT_EQ(f.get(), 1);
    EXPECT_TRUE(p.settled());
}

TENDRIL_HUB_TEST(future, of_several_producers_the_first_decides) {
    promise<int> const p;
    promise<int> const same = p;
    EXPECT_TRUE(same.try_set_value(1));
    EXPECT_FALSE(p.try_set_value(2));
    EXPECT_EQ(p.get_future().get(), 1);
    EXPECT_EQ(p, same);
}

TENDRIL_HUB_TEST(future, a_value_whose_making_throws_changes_nothing) {
    struct fragile {
        explicit fragile(bool breaks) {
            if (breaks) {
                throw std::runtime_error{"no value"};
            }
        }
    };
    promise<fragile> p;
    EXPECT_EQ(outcome_of([&] { p.set_value(true); }), "no value");
    EXPECT_FALSE(p.settled());
    p.set_value(false);
    EXPECT_TRUE(p.get_future().succeeded());
}

TENDRIL_HUB_TEST(future, may_be_given_in_a_callback_of_the_hub_and_before_there_is_one) {
    promise<int> p;
    this_hub().call_soon([&] { p.set_value(7); });
    EXPECT_EQ(p.get_future().get(), 7);
}

TENDRIL_TEST(future, may_be_given_before_there_is_a_hub_and_read_after_it_has_gone) {
    promise<int> p;
    future<int> const f = p.get_future();
    p.set_value(7);
    run([&] { EXPECT_EQ(f.get(), 7); });
    EXPECT_EQ(*f.try_get(), 7);
}

TENDRIL_HUB_TEST(future, the_last_promise_that_goes_unset_is_broken) {
    auto p = std::make_unique<promise<int>>();
    auto copy = std::make_unique<promise<int>>(*p);
    future<int> const f = p->get_future();
    p.reset();
    EXPECT_FALSE(f.done());
    copy.reset();
    EXPECT_TRUE(f.done());
    EXPECT_THROW(f.get(), broken_promise);
    EXPECT_THROW(f.try_get(), broken_promise);
    EXPECT_TRUE(test::contains(describe(f.exception()), "broken_promise"));
    EXPECT_FALSE(f.succeeded());
    EXPECT_FALSE(f.was_cancelled());
}

TENDRIL_HUB_TEST(future, one_that_breaks_while_somebody_waits_wakes_them) {
    auto p = std::make_unique<promise<int>>();
    attempt reader;
    start(reader, [f = p->get_future()] { f.get(); });
    yield();
    p.reset();
    reader.run_by.join();
    EXPECT_TRUE(test::contains(reader.outcome, "the last one has gone without a value"));
}

TENDRIL_HUB_TEST(future, the_last_reader_may_go_while_somebody_waits_through_a_copy) {
    auto p = std::make_unique<promise<int>>();
    auto f = std::make_unique<future<int>>(p->get_future());
    attempt reader;
    start(reader, [&f] { f->get(); });
    yield();
    future<int> other;
    *f = other;  // The one that waits keeps what it waits for.
    p.reset();
    reader.run_by.join();
    EXPECT_TRUE(test::contains(reader.outcome, "the last one has gone without a value"));
}

TENDRIL_HUB_TEST(future, empty_handles_are_refused) {
    future<int> const none;
    EXPECT_FALSE(none.valid());
    EXPECT_TRUE(test::contains(test::misuse_of([&] { none.get(); }), "empty future"));
    EXPECT_EQ(outcome_of([&] { none.wait(); }), "misuse");
    EXPECT_EQ(outcome_of([&] { none.done(); }), "misuse");
    EXPECT_EQ(outcome_of([&] { none.cancel(); }), "misuse");
    EXPECT_EQ(outcome_of([&] { none.on_done([] {}); }), "misuse");
    promise<int> p;
    promise<int> const moved{std::move(p)};
    EXPECT_TRUE(test::contains(test::misuse_of([&] { p.set_value(1); }), "moved from"));
    EXPECT_EQ(outcome_of([&] { p.get_future(); }), "misuse");
    EXPECT_EQ(outcome_of([&] { moved.set_exception(std::exception_ptr{}); }), "misuse");
    EXPECT_FALSE(moved.settled());
}

TENDRIL_HUB_TEST(future, another_thread_is_refused_and_changes_nothing) {
    promise<int> p;
    future<int> const f = p.get_future();
    EXPECT_EQ(test::outcome_elsewhere([&] { p.set_value(1); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { p.set_exception(1); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { f.cancel(); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { f.on_done([] {}); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { run([&] { f.get(); }); }), "wrong thread");
    EXPECT_FALSE(f.done());
    p.set_value(7);
    EXPECT_EQ(test::outcome_elsewhere([&] { run([&] { f.get(); }); }), "returned");
}

TENDRIL_HUB_TEST(future, waiting_in_a_callback_is_refused) {
    promise<int> p;
    std::string outcome;
    this_hub().call_soon([&] { outcome = outcome_of([&] { p.get_future().get(); }); });
    yield();
    EXPECT_EQ(outcome, "misuse");
}

TENDRIL_HUB_TEST(future, one_that_nobody_gives_is_waited_for_in_vain_by_name) {
    promise<int> p{"the price"};
    try {
        p.get_future().get();
        ADD_FAILURE();
    } catch (would_block_forever const& error) {
        EXPECT_TRUE(test::contains(error.what(), "the price")) << error.what();
    }
}

TENDRIL_TEST(future, a_promise_that_goes_on_another_thread_while_somebody_waits_stops_the_program) {
    auto const drop_elsewhere = [] {
        test::run_on_new_thread([] {
            promise<int> p;
            attempt reader;
            start(reader, [f = p.get_future()] { f.get(); });
            yield();
            std::thread{[taken = std::move(p)] {}}.join();
        });
    };
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(drop_elsewhere(), "a promise of another thread was destroyed while");
}

TENDRIL_HUB_TEST(future, the_loop_can_be_run_until_it_is_done) {
    promise<int> p;
    future<int> const f = p.get_future();
    this_hub().call_later(1h, [&] { p.set_value(7); });
    EXPECT_EQ(this_hub().run_until_complete(f), 7);
    EXPECT_EQ(this_hub().run_until_complete(p.get_future()), 7);
}
