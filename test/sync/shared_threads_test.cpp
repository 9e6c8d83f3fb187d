// SPDX-License-Identifier: BSL-1.0
//
// The thread-safe family between hubs and plain threads.
#include <harness/greenlets.hpp>
#include <harness/hubs.hpp>
#include <tendril/hub/remote.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/time/sleep.hpp>

#include <future>
#include <limits>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::on_new_thread;
using test::outcome_of;
using test::second_thread;
using test::strand_on_new_thread;
using test::transcript;

// Blocks until so many wait.
template <typename Primitive>
void until_waiting(Primitive const& where, std::size_t count) {
    while (where.waiting() != count) {
        std::this_thread::yield();
    }
}

// Runs a function as main greenlet of a hub with the usual clock, on a thread of its own.
template <typename F>
std::thread hub_thread(F function) {
    return std::thread{[function] { run(function); }};
}

}  // namespace

// Threads without a hub.

TENDRIL_TEST(shared_threads, a_thread_without_a_hub_waits_for_any_duration) {
    using real = std::chrono::duration<double>;
    shared_event never;
    shared_event given[3];
    std::thread plain{[&] {
        EXPECT_FALSE(never.wait_for(0s));
        EXPECT_FALSE(never.wait_for(std::chrono::hours::min()));
        EXPECT_FALSE(never.wait_until(time_point::min()));
        EXPECT_THROW(never.wait_for(real{std::numeric_limits<double>::quiet_NaN()}), misuse);
        EXPECT_TRUE(given[0].wait_until(time_point::max() - 1ns));
        EXPECT_TRUE(given[1].wait_for(std::chrono::hours::max()));
        EXPECT_TRUE(given[2].wait_for(real{1e300}));
    }};
    for (shared_event& each : given) {
        until_waiting(each, 1);
        each.set();
    }
    plain.join();
}

TENDRIL_TEST(shared_threads, a_thread_without_a_hub_blocks_and_gets_no_hub) {
    shared_event e;
    shared_semaphore s{0};
    shared_queue<int> q{1};
    bool had_hub = true;
    int got = 0;
    std::thread plain{[&] {
        e.wait();
        s.acquire();
        EXPECT_TRUE(s.try_acquire_for(1h));
        got = q.get();
        had_hub = this_thread().loop != nullptr;
    }};
    until_waiting(e, 1);
    e.set();
    until_waiting(s, 1);
    s.release(2);
    until_waiting(q, 1);
    q.put(7);
    plain.join();
    EXPECT_EQ(got, 7);
    EXPECT_FALSE(had_hub);
    EXPECT_EQ(this_thread().loop, nullptr);
}

TENDRIL_TEST(shared_threads, a_thread_that_gives_up_leaves_nothing_behind) {
    shared_event e;
    shared_semaphore s{0};
    shared_queue<int> q{1};
    q.put(1);
    EXPECT_FALSE(e.wait_for(1ms));
    EXPECT_FALSE(s.try_acquire_for(0s));
    EXPECT_FALSE(s.try_acquire_until(std::chrono::steady_clock::now() - 1h));
    EXPECT_FALSE(q.put_for(-1s, 2));
    EXPECT_EQ(e.waiting() + s.waiting() + q.waiting(), 0U);
    s.release();
    EXPECT_EQ(s.available(), 1);
    EXPECT_EQ(q.get(), 1);
    EXPECT_TRUE(q.empty());
}

TENDRIL_TEST(shared_threads, threads_are_served_in_the_order_they_came) {
    shared_queue<int> q;
    std::vector<int> got(3);
    std::vector<std::thread> getters;
    for (std::size_t each = 0; each < 3; ++each) {
        getters.emplace_back([&, each] { got[each] = q.get(); });
        until_waiting(q, each + 1);
    }
    for (int item : {1, 2, 3}) {
        q.put(item);
    }
    for (std::thread& getter : getters) {
        getter.join();
    }
    EXPECT_EQ(got, (std::vector<int>{1, 2, 3}));
}

TENDRIL_TEST(shared_threads, close_wakes_threads_that_wait) {
    shared_queue<int> q;
    std::error_code end;
    std::thread getter{[&] {
        try {
            q.get();
        } catch (std::system_error const& closed) {
            end = closed.code();
        }
    }};
    until_waiting(q, 1);
    q.close();
    getter.join();
    EXPECT_EQ(end, errc::closed);
}

// A hub and a thread.

TENDRIL_TEST(shared_threads, a_greenlet_that_waits_for_a_thread_lets_its_hub_go_on) {
    shared_event e;
    shared_event seen;
    run([&] {
        int turns = 0;
        this_hub().spawn_raw([&] {
            for (; turns < 100; ++turns) {
                yield();
            }
            seen.set();
        });
        std::thread plain{[&] {
            seen.wait();
            e.set();
        }};
        e.wait();
        EXPECT_EQ(turns, 100);
        plain.join();
    });
}

TENDRIL_TEST(shared_threads, a_greenlet_and_a_thread_stand_in_one_queue) {
    shared_semaphore s{0};
    transcript seen;
    run([&] {
        second_thread elsewhere;
        std::thread plain;
        this_hub().spawn_raw([&] {
            s.acquire();
            seen.push_back("greenlet");
        });
        yield();
        plain = std::thread{[&] { s.acquire(); }};
        until_waiting(s, 2);
        elsewhere.run([&] { s.release(); });
        EXPECT_EQ(s.waiting(), 2U);  // the greenlet has been given it and has not run
        yield();
        sleep_for(1ms);
        EXPECT_EQ(seen, (transcript{"greenlet"}));
        elsewhere.run([&] { s.release(); });
        plain.join();
    });
    EXPECT_EQ(s.available(), 0);
}

TENDRIL_HUB_TEST(shared_threads, while_a_greenlet_waits_main_is_not_told_that_it_waits_for_ever) {
    shared_event e;
    std::thread plain{[&] {
        until_waiting(e, 1);
        e.set();
    }};
    EXPECT_EQ(outcome_of([&] { e.wait(); }), "returned");
    plain.join();
    EXPECT_EQ(outcome_of([] { sleep_until(deadline::never()); }), "would block forever");
}

TENDRIL_HUB_TEST(shared_threads, a_virtual_clock_does_not_wait_for_other_threads) {
    shared_event e;
    EXPECT_FALSE(e.wait_for(24h));
    EXPECT_EQ(clock.elapsed(), 24h);
}

TENDRIL_HUB_TEST(shared_threads, what_another_thread_has_given_beats_a_limit_that_is_over) {
    shared_semaphore s{0};
    second_thread elsewhere;
    bool has_it = false;
    this_hub().spawn_raw([&] { has_it = s.try_acquire_for(1ms); });
    yield();
    clock.advance(1h);
    elsewhere.run([&] { s.release(); });
    sleep_for(1ns);
    EXPECT_TRUE(has_it);
    EXPECT_EQ(s.available(), 0);
}

TENDRIL_HUB_TEST(shared_threads, a_limit_that_came_first_leaves_the_permit) {
    shared_semaphore s{0};
    EXPECT_FALSE(s.try_acquire_for(1ms));
    on_new_thread([&] { s.release(); });
    EXPECT_EQ(s.available(), 1);
}

// Two hubs.

TENDRIL_TEST(shared_threads, two_hubs_throw_a_ball_through_queues) {
    shared_queue<int> there;
    shared_queue<int> back;
    int last = -1;
    std::thread first = hub_thread([&] {
        for (int ball = there.get(); ball > 0; ball = there.get()) {
            back.put(ball - 1);
        }
        back.close();
    });
    std::thread second = hub_thread([&] {
        there.put(201);
        try {
            while (true) {
                last = back.get();
                there.put(last - 1);
            }
        } catch (std::system_error const&) {}
    });
    first.join();
    second.join();
    EXPECT_EQ(last, 0);
}

TENDRIL_TEST(shared_threads, each_waiter_is_woken_on_its_own_thread) {
    shared_event e;
    std::vector<std::thread> hubs;
    std::atomic<int> at_home{0};
    for (int each = 0; each < 2; ++each) {
        hubs.push_back(hub_thread([&] {
            auto const home = std::this_thread::get_id();
            e.wait();
            at_home += std::this_thread::get_id() == home ? 1 : 0;
        }));
    }
    until_waiting(e, 2);
    e.set();
    for (std::thread& each : hubs) {
        each.join();
    }
    EXPECT_EQ(at_home, 2);
}

TENDRIL_TEST(shared_threads, an_event_may_go_as_soon_as_its_wait_has_returned) {
    for (int lap = 0; lap < 200; ++lap) {
        std::promise<shared_event*> made;
        std::thread waits = hub_thread([&] {
            shared_event mine;
            made.set_value(&mine);
            mine.wait();
        });
        made.get_future().get()->set();
        waits.join();
    }
}

// Ends of hubs.

TENDRIL_TEST(shared_threads, a_greenlet_that_the_close_of_its_hub_ends_leaves_the_queue) {
    shared_semaphore s{0};
    on_new_thread([&] {
        run([&] {
            this_hub().spawn_raw([&] { s.acquire(); });
            yield();
            EXPECT_EQ(s.waiting(), 1U);
        });
        EXPECT_EQ(s.waiting(), 0U);
    });
    s.release();
    EXPECT_EQ(s.available(), 1);
}

TENDRIL_TEST(shared_threads, a_permit_passes_by_one_that_its_hub_has_left_behind) {
    shared_semaphore s{0};
    strand_on_new_thread([&] {
        this_hub().set_error_handler([](std::exception_ptr, std::string_view) {});
        this_hub().spawn_raw([&] {
            while (true) {
                try {
                    s.acquire();
                } catch (greenlet_exit const&) {}
            }
        });
        yield();
    });
    EXPECT_EQ(s.waiting(), 0U);
    s.release();
    EXPECT_EQ(s.available(), 1);
}

// What the local family says to a second thread.

TENDRIL_HUB_TEST(shared_threads, the_local_family_refuses_what_this_one_allows) {
    event local;
    shared_event shared;
    transcript seen;
    this_hub().spawn_raw([&] {
        local.wait();
        seen.push_back("local");
    });
    this_hub().spawn_raw([&] {
        shared.wait();
        seen.push_back("shared");
    });
    yield();
    EXPECT_EQ(test::outcome_elsewhere([&] { local.set(); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { shared.set(); }), "returned");
    sleep_for(1ns);
    EXPECT_EQ(seen, (transcript{"shared"}));
    local.set();
    yield();
}
