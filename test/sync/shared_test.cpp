// SPDX-License-Identifier: BSL-1.0
//
// The thread-safe family among the greenlets of one hub: what it shares with its local relatives.
#include <harness/tasks.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/time/sleep.hpp>
#include <tendril/time/timeout.hpp>

#include <functional>
#include <limits>
#include <memory>
#include <system_error>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::contains;
using test::misuse_of;
using test::outcome_of;
using test::transcript;
using test::wish;

// How a call ends, with a word for a queue that is closed.
template <typename F>
std::string end_of(F&& function) {
    return outcome_of([&] {
        try {
            function();
        } catch (std::system_error const& error) {
            throw error.code() == errc::closed ? std::string{"closed"} : std::string{error.what()};
        }
    });
}

// A greenlet that notes how a call has ended.
template <typename F>
greenlet noting(transcript& seen, std::string word, F function) {
    return this_hub().spawn_raw([&seen, word = std::move(word), function]() mutable {
        seen.push_back(word + " " + end_of(function));
    });
}

}  // namespace

// Event.

TENDRIL_ORDERED_HUB_TEST(shared, an_event_wakes_all_who_wait_in_the_order_they_came) {
    shared_event e;
    transcript seen;
    for (char const* word : {"a", "b", "c"}) {
        noting(seen, word, [&] { e.wait(); });
    }
    yield();
    EXPECT_EQ(e.waiting(), 3U);
    e.set();
    EXPECT_EQ(seen, transcript{});
    yield();
    EXPECT_EQ(seen, (transcript{"a returned", "b returned", "c returned"}));
    EXPECT_EQ(e.waiting(), 0U);
}

TENDRIL_HUB_TEST(shared, an_event_that_is_set_lets_everybody_pass_until_it_is_reset) {
    shared_event e;
    EXPECT_FALSE(e.is_set());
    e.set();
    e.set();
    EXPECT_TRUE(e.is_set());
    e.wait();
    EXPECT_TRUE(e.wait_for(1h));
    e.reset();
    EXPECT_FALSE(e.is_set());
    EXPECT_FALSE(e.wait_for(5ms));
    EXPECT_EQ(clock.elapsed(), 5ms);
}

TENDRIL_HUB_TEST(shared, a_wait_ends_well_though_the_event_was_reset_before_the_waiter_ran) {
    shared_event e;
    transcript seen;
    noting(seen, "waiter", [&] { e.wait(); });
    yield();
    e.set();
    e.reset();
    yield();
    EXPECT_EQ(seen, (transcript{"waiter returned"}));
}

// Semaphore.

TENDRIL_HUB_TEST(shared, a_semaphore_gives_as_many_permits_as_it_has) {
    shared_semaphore s{2};
    s.acquire();
    EXPECT_TRUE(s.try_acquire());
    EXPECT_FALSE(s.try_acquire());
    EXPECT_FALSE(s.try_acquire_for(5ms));
    EXPECT_EQ(s.available(), 0);
    s.release(2);
    EXPECT_EQ(s.available(), 2);
}

TENDRIL_ORDERED_HUB_TEST(shared, permits_go_to_waiters_directly_and_in_the_order_they_came) {
    shared_semaphore s{0};
    transcript seen;
    for (char const* word : {"a", "b", "c"}) {
        noting(seen, word, [&] { s.acquire(); });
    }
    yield();
    s.release(2);
    EXPECT_FALSE(s.try_acquire());
    yield();
    EXPECT_EQ(seen, (transcript{"a returned", "b returned"}));
    s.release(3);
    EXPECT_EQ(s.available(), 2);
    yield();
    EXPECT_EQ(seen.back(), "c returned");
}

TENDRIL_HUB_TEST(shared, a_semaphore_refuses_numbers_that_make_no_sense_and_changes_nothing) {
    EXPECT_THROW(shared_semaphore{-1}, misuse);
    shared_semaphore s{1};
    EXPECT_TRUE(contains(misuse_of([&] { s.release(-1); }), "negative"));
    EXPECT_TRUE(contains(
        misuse_of([&] { s.release(std::numeric_limits<std::ptrdiff_t>::max()); }), "acquire"));
    EXPECT_EQ(s.available(), 1);
}

// Queue.

TENDRIL_HUB_TEST(shared, items_leave_a_queue_in_the_order_they_came) {
    shared_queue<std::unique_ptr<int>> q;
    q.put(std::make_unique<int>(1));
    EXPECT_TRUE(q.try_put(std::make_unique<int>(2)));
    EXPECT_EQ(q.size(), 2U);
    EXPECT_EQ(*q.get(), 1);
    EXPECT_EQ(**q.try_get(), 2);
    EXPECT_TRUE(q.empty());
    EXPECT_FALSE(q.try_get());
    EXPECT_FALSE(q.get_for(5ms));
    EXPECT_EQ(clock.elapsed(), 5ms);
}

TENDRIL_ORDERED_HUB_TEST(shared, items_go_to_getters_directly_and_in_the_order_they_came) {
    shared_queue<int> q;
    transcript seen;
    for (char const* word : {"a", "b"}) {
        this_hub().spawn_raw([&, word] { seen.push_back(word + std::to_string(q.get())); });
    }
    yield();
    q.put(1);
    q.put(2);
    EXPECT_FALSE(q.try_get());
    yield();
    EXPECT_EQ(seen, (transcript{"a1", "b2"}));
}

TENDRIL_ORDERED_HUB_TEST(
    shared, a_queue_with_a_bound_makes_putters_wait_and_lets_them_in_in_order) {
    shared_queue<int> q{1};
    transcript seen;
    q.put(1);
    int refused = 9;
    EXPECT_EQ(q.capacity(), 1U);
    EXPECT_FALSE(q.try_put(std::move(refused)));
    EXPECT_FALSE(q.put_for(5ms, 9));
    noting(seen, "2", [&] { q.put(2); });
    noting(seen, "3", [&] { q.put(3); });
    yield();
    EXPECT_EQ(q.get(), 1);
    EXPECT_EQ(q.size(), 1U);
    yield();
    EXPECT_EQ(seen, (transcript{"2 returned"}));
    EXPECT_EQ(q.get(), 2);
    EXPECT_EQ(q.get(), 3);
    yield();
    EXPECT_EQ(seen, (transcript{"2 returned", "3 returned"}));
}

TENDRIL_HUB_TEST(shared, a_queue_that_is_refused_an_item_leaves_it_as_it_was) {
    shared_queue<std::unique_ptr<int>> q{1};
    q.put(nullptr);
    auto item = std::make_unique<int>(7);
    EXPECT_FALSE(q.try_put(std::move(item)));
    EXPECT_EQ(*item, 7);  // NOLINT: that is the question
}

TENDRIL_HUB_TEST(shared, a_closed_queue_takes_nothing_and_gives_what_it_has) {
    shared_queue<int> q;
    q.put(1);
    EXPECT_FALSE(q.closed());
    q.close();
    q.close();
    EXPECT_TRUE(q.closed());
    EXPECT_EQ(end_of([&] { q.put(2); }), "closed");
    EXPECT_EQ(end_of([&] { q.put_for(1s, 2); }), "closed");
    EXPECT_FALSE(q.try_put(2));
    EXPECT_EQ(q.get(), 1);
    EXPECT_EQ(end_of([&] { q.get(); }), "closed");
    EXPECT_EQ(end_of([&] { q.get_for(1s); }), "closed");
    EXPECT_FALSE(q.try_get());
}

TENDRIL_ORDERED_HUB_TEST(shared, close_tells_all_who_wait_for_a_queue) {
    shared_queue<int> empty;
    shared_queue<int> full{1};
    full.put(1);
    transcript seen;
    noting(seen, "getter", [&] { empty.get(); });
    noting(seen, "putter", [&] { full.put(2); });
    yield();
    empty.close();
    full.close();
    yield();
    EXPECT_EQ(seen, (transcript{"getter closed", "putter closed"}));
    EXPECT_EQ(full.size(), 1U);
}

// What interrupts.

TENDRIL_ORDERED_HUB_TEST(shared, who_waits_is_interrupted_and_leaves_nothing_behind) {
    shared_event e;
    shared_semaphore s{0};
    shared_queue<int> q{1};
    q.put(1);
    transcript seen;
    greenlet const waiting[] = {
        noting(seen, "event", [&] { e.wait(); }),
        noting(seen, "semaphore", [&] { s.acquire(); }),
        noting(seen, "queue", [&] { q.put(2); }),
    };
    yield();
    wish stop[] = {wish{"stopped"}, wish{"stopped"}, wish{"stopped"}};
    for (int each = 0; each < 3; ++each) {
        request(*waiting[each].block(), stop[each]);
    }
    yield();
    EXPECT_EQ(seen, (transcript{"event stopped", "semaphore stopped", "queue stopped"}));
    EXPECT_EQ(e.waiting() + s.waiting() + q.waiting(), 0U);
    EXPECT_EQ(q.size(), 1U);
}

TENDRIL_HUB_TEST(shared, an_outer_limit_passes_through) {
    shared_event e;
    EXPECT_EQ(outcome_of([&] { with_timeout(5ms, [&] { e.wait_for(1h); }); }), "timed out");
    EXPECT_EQ(e.waiting(), 0U);
}

TENDRIL_HUB_TEST(shared, calls_that_may_wait_look_for_cancellation_even_if_they_need_not) {
    shared_event e;
    e.set();
    shared_semaphore s{1};
    shared_queue<int> q;
    q.put(1);
    std::function<void()> const calls[] = {
        [&] { e.wait(); }, [&] { s.acquire(); }, [&] { q.put(2); }, [&] { q.get(); }};
    for (auto const& each : calls) {
        wish stop{"stopped"};
        request(test::self(), stop);
        EXPECT_EQ(outcome_of(each), "stopped");
    }
    EXPECT_EQ(s.available(), 1);
    EXPECT_EQ(q.size(), 1U);
}

TENDRIL_HUB_TEST(shared, calls_that_never_wait_do_not_look_for_cancellation) {
    shared_event e;
    shared_semaphore s{1};
    shared_queue<int> q;
    wish stop{"stopped"};
    request(test::self(), stop);
    e.set();
    e.reset();
    EXPECT_TRUE(s.try_acquire());
    s.release();
    EXPECT_TRUE(q.try_put(1));
    EXPECT_TRUE(q.try_get());
    q.close();
    EXPECT_EQ(test::sleep_outcome(), "stopped");
}

TENDRIL_HUB_TEST(shared, a_callback_may_give_and_must_not_wait) {
    shared_event e;
    std::string text;
    this_hub().call_soon([&] {
        text = misuse_of([&] { e.wait(); });
        e.set();
    });
    e.wait();
    EXPECT_TRUE(contains(text, "try_")) << text;
    EXPECT_EQ(e.waiting(), 0U);
}

TENDRIL_HUB_TEST(shared, takes_any_duration) {
    shared_event e;
    auto const is_set = [&](auto limit) {
        e.reset();
        return e.wait_for(limit);
    };
    test::expect_no_time_is_enough(clock, is_set);
    test::expect_an_age_is_enough(is_set, [&] { e.set(); });
    shared_semaphore s{0};
    auto const has_permit = [&](auto limit) { return s.try_acquire_for(limit); };
    test::expect_no_time_is_enough(clock, has_permit);
    test::expect_an_age_is_enough(has_permit, [&] { s.release(); });
}

TENDRIL_HUB_TEST(shared, put_and_get_take_any_duration) {
    shared_queue<int> q{1};
    auto const has_item = [&](auto limit) { return q.get_for(limit).has_value(); };
    test::expect_no_time_is_enough(clock, has_item);
    test::expect_an_age_is_enough(has_item, [&] { q.try_put(1); });
    q.try_put(1);
    auto const has_room = [&](auto limit) { return q.put_for(limit, 2); };
    test::expect_no_time_is_enough(clock, has_room);
    test::expect_an_age_is_enough(has_room, [&] { q.try_get(); });
}

TENDRIL_TEST(shared, an_event_stops_the_program_when_it_is_destroyed_while_somebody_waits) {
    EXPECT_DEATH(
        run([] {
            auto e = std::make_unique<shared_event>();
            this_hub().spawn_raw([&] { e->wait(); });
            yield();
            delete e.release();
        }),
        "a shared_event was destroyed while");
}
