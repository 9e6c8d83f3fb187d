// SPDX-License-Identifier: BSL-1.0
#include <harness/hubs.hpp>
#include <tendril/hub/remote.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/time/sleep.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <ctime>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::contains;
using test::lone_waiter;
using test::transcript;

// How often the bell of a hub has been written to.
std::atomic<int> writes{0};

system_calls that_count_writes() {
    system_calls table = kernel();
    table.write = [](int fd, void const* data, std::size_t size) {
        ++writes;
        return real_kernel().write(fd, data, size);
    };
    writes = 0;
    return table;
}

// Waits until `count` functions have been posted that call this.
class countdown {
public:
    explicit countdown(int count) : left_{count} {}
    void one() {
        if (--left_ == 0) {
            all_.wake();
        }
    }
    void wait() { all_.park(); }

private:
    int left_;
    lone_waiter all_{"posts"};
};

std::chrono::nanoseconds processor_time() {
    timespec spent{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return std::chrono::seconds{spent.tv_sec} + std::chrono::nanoseconds{spent.tv_nsec};
}

}  // namespace

TENDRIL_HUB_TEST(remote, what_is_posted_runs_in_the_hub_soon_and_not_inside_post) {
    remote const door = this_hub().remote();
    bool inside = false;
    EXPECT_TRUE(door.post([&] { inside = this_hub().in_callback(); }));
    EXPECT_FALSE(inside);
    sleep_for(1ns);
    EXPECT_TRUE(inside);
}

TENDRIL_HUB_TEST(remote, posts_of_one_thread_run_in_their_order) {
    countdown all{100};
    std::vector<int> seen;
    std::thread poster{[&, door = this_hub().remote()] {
        for (int number = 0; number < 100; ++number) {
            door.post([&, number] {
                seen.push_back(number);
                all.one();
            });
        }
    }};
    all.wait();
    poster.join();
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
    EXPECT_EQ(seen.size(), 100U);
}

TENDRIL_HUB_TEST(remote, posts_of_several_threads_all_run_and_each_threads_in_its_order) {
    constexpr int each = 500;
    countdown all{4 * each};
    std::vector<int> seen[4];
    std::vector<std::thread> posters;
    for (auto& mine : seen) {
        posters.emplace_back([&, door = this_hub().remote()] {
            for (int number = 0; number < each; ++number) {
                EXPECT_TRUE(door.post([&, number] {
                    mine.push_back(number);
                    all.one();
                }));
            }
        });
    }
    all.wait();
    for (std::size_t at = 0; at < 4; ++at) {
        posters[at].join();
        EXPECT_TRUE(std::is_sorted(seen[at].begin(), seen[at].end()));
        EXPECT_EQ(seen[at].size(), std::size_t{each});
    }
}

TENDRIL_TEST(remote, a_post_wakes_a_hub_that_sleeps) {
    run([] {
        for (int lap = 0; lap < 50; ++lap) {
            lone_waiter waits;
            std::thread poster{
                [&, door = this_hub().remote()] { door.post([&] { waits.wake(); }); }};
            waits.park();
            poster.join();
        }
    });
}

TENDRIL_TEST(remote, a_post_wakes_a_hub_that_sleeps_until_a_moment) {
    run([] {
        lone_waiter waits;
        std::thread poster{[&, door = this_hub().remote()] { door.post([&] { waits.wake(); }); }};
        EXPECT_TRUE(waits.park_until(deadline::after(1h)));
        poster.join();
    });
}

TENDRIL_TEST(remote, two_hubs_can_throw_a_ball_to_each_other) {
    struct player {
        void play() {
            run([&] {
                lone_waiter end{"the end of the game"};
                over = &end;
                door.set_value(this_hub().remote());
                end.park();
            });
        }
        void catch_ball(player& from, int left) {
            from.own.post([this, &from, left] {
                left == 0 ? from.end_game(*this) : from.catch_ball(*this, left - 1);
            });
        }
        void end_game(player& other) {
            other.own.post([&] { other.over->wake(); });
            over->wake();
        }
        std::promise<remote> door;
        remote own;
        lone_waiter* over = nullptr;
    };
    player one;
    player two;
    std::thread first{[&] { one.play(); }};
    std::thread second{[&] { two.play(); }};
    one.own = one.door.get_future().get();
    two.own = two.door.get_future().get();
    one.catch_ball(two, 200);
    first.join();
    second.join();
}

TENDRIL_HUB_TEST(remote, a_burst_to_a_busy_hub_does_not_ring_the_bell) {
    system_calls const table = that_count_writes();
    replaced_system_calls const until_end{table};
    remote const door = this_hub().remote();
    int calls = 0;
    for (int number = 0; number < 1000; ++number) {
        door.post([&] { ++calls; });
    }
    sleep_for(1us);
    EXPECT_EQ(calls, 1000);
    EXPECT_EQ(writes, 0);
}

TENDRIL_TEST(remote, a_burst_to_a_sleeping_hub_rings_the_bell_once) {
    system_calls const table = that_count_writes();
    replaced_system_calls const until_end{table};
    run([] {
        // The first function keeps the hub awake until all others have been posted.
        countdown all{1000};
        std::promise<void> posted;
        std::future<void> all_posted = posted.get_future();
        std::thread poster{[&, door = this_hub().remote()] {
            door.post([&] {
                all_posted.wait();
                all.one();
            });
            for (int number = 1; number < 1000; ++number) {
                door.post([&] { all.one(); });
            }
            posted.set_value();
        }};
        all.wait();
        poster.join();
        EXPECT_LE(writes, 1);
    });
}

TENDRIL_HUB_TEST(remote, an_error_in_what_was_posted_is_reported_and_the_next_runs) {
    transcript errors;
    test::collect_errors(errors);
    bool called = false;
    remote const door = this_hub().remote();
    door.post([] { throw std::runtime_error{"broken"}; });
    door.post([&] { called = true; });
    sleep_for(1ns);
    EXPECT_EQ(
        errors,
        (transcript{"a function that another thread has posted: std::runtime_error: broken"}));
    EXPECT_TRUE(called);
}

TENDRIL_HUB_TEST(remote, what_was_posted_must_not_park) {
    transcript errors;
    test::collect_errors(errors);
    this_hub().remote().post([] { sleep_for(1ms); });
    sleep_for(1ns);
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_TRUE(contains(errors[0], "must not wait")) << errors[0];
}

TENDRIL_HUB_TEST(remote, what_was_posted_may_make_greenlets_and_post_again) {
    transcript seen;
    remote const door = this_hub().remote();
    door.post([&] {
        this_hub().spawn_raw([&] { seen.push_back("greenlet"); });
        door.post([&] { seen.push_back("second post"); });
        seen.push_back("first post");
    });
    sleep_for(1ns);
    EXPECT_EQ(seen, (transcript{"first post", "greenlet", "second post"}));
}

TENDRIL_HUB_TEST(remote, what_was_posted_is_destroyed_after_its_call) {
    auto const captured = std::make_shared<int>(1);
    this_hub().remote().post([captured] {});
    EXPECT_EQ(captured.use_count(), 2);
    sleep_for(1ns);
    EXPECT_EQ(captured.use_count(), 1);
}

// Doors to nowhere.

TENDRIL_TEST(remote, a_door_to_nowhere_refuses_every_post) {
    auto const captured = std::make_shared<int>(1);
    remote const nowhere;
    EXPECT_FALSE(nowhere.post([captured] {}));
    EXPECT_EQ(captured.use_count(), 1);
    remote const copy = nowhere;
    EXPECT_FALSE(copy.post([] {}));
}

TENDRIL_TEST(remote, a_door_may_outlive_its_hub_and_refuses_then) {
    auto const captured = std::make_shared<int>(1);
    remote door;
    run([&] { door = this_hub().remote(); });
    EXPECT_FALSE(door.post([captured] {}));
    EXPECT_EQ(captured.use_count(), 1);
    remote const copy = door;
    EXPECT_FALSE(copy.post([] {}));
    door = {};
}

TENDRIL_TEST(remote, a_post_that_is_accepted_is_called_even_if_the_hub_closes) {
    std::atomic<int> accepted{0};
    int calls = 0;
    std::thread poster;
    run([&] {
        std::promise<void> first;
        poster = std::thread{[&, door = this_hub().remote()] {
            while (door.post([&calls] { ++calls; })) {
                if (++accepted == 1) {
                    first.set_value();
                }
            }
        }};
        first.get_future().wait();
    });
    poster.join();
    EXPECT_EQ(calls, accepted);
}

TENDRIL_HUB_TEST(remote, copies_and_moves_are_doors_to_the_same_hub) {
    int calls = 0;
    remote door = this_hub().remote();
    remote copy = door;
    remote moved = std::move(door);
    EXPECT_FALSE(door.post([] {}));  // NOLINT: that is the question
    EXPECT_TRUE(copy.post([&] { ++calls; }));
    EXPECT_TRUE(moved.post([&] { ++calls; }));
    copy = moved;
    EXPECT_TRUE(copy.post([&] { ++calls; }));
    sleep_for(1ns);
    EXPECT_EQ(calls, 3);
}

TENDRIL_HUB_TEST(remote, a_hub_can_have_doors_again_after_the_last_one_went) {
    for (int lap = 0; lap < 3; ++lap) {
        int calls = 0;
        this_hub().remote().post([&] { ++calls; });
        EXPECT_EQ(test::outcome_of([] { sleep_until(deadline::never()); }), "would block forever");
        EXPECT_EQ(calls, 1);
    }
}

// Sleep.

TENDRIL_TEST(remote, an_idle_hub_uses_no_processor_time) {
    run([] {
        lone_waiter waits;
        std::thread poster{[&, door = this_hub().remote()] {
            std::mutex m;
            std::condition_variable never;
            std::unique_lock lock{m};
            never.wait_for(lock, 100ms);
            door.post([&] { waits.wake(); });
        }};
        auto const before = processor_time();
        waits.park();
        EXPECT_LT(processor_time() - before, 10ms);
        poster.join();
    });
}

TENDRIL_TEST(remote, a_last_handle_that_another_thread_drops_wakes_the_hub) {
    run([] {
        bool ended = false;
        lone_waiter end{"the end of the greenlet"};
        auto left = std::make_unique<greenlet>([&] {
            scope_exit const note{[&] {
                ended = true;
                end.wake();
            }};
            greenlet::current().parent().switch_to();
        });
        left->switch_to();
        std::thread dropper{[&] { left.reset(); }};
        EXPECT_TRUE(end.park_until(deadline::after(20s)));
        EXPECT_TRUE(ended);
        dropper.join();
    });
}

TENDRIL_TEST(remote, a_hub_refuses_other_threads) {
    run([] {
        hub& mine = this_hub();
        std::thread{[&] {
            EXPECT_THROW(mine.call_soon([] {}), wrong_thread);
            EXPECT_THROW(mine.call_later(1ms, [] {}), wrong_thread);
            EXPECT_THROW(mine.spawn_raw([] {}), wrong_thread);
            EXPECT_THROW(mine.remote(), wrong_thread);
            EXPECT_THROW(mine.close(), wrong_thread);
        }}.join();
    });
}

TENDRIL_TEST(remote, what_was_posted_before_the_first_turn_of_the_hub_is_called) {
    hub mine;
    lone_waiter called;
    EXPECT_TRUE(mine.remote().post([&] { called.wake(); }));
    EXPECT_TRUE(called.park_until(deadline::after(1h)));
}

TENDRIL_TEST(remote, a_post_wakes_a_hub_that_would_sleep_for_centuries) {
    run([] {
        lone_waiter waits;
        std::thread poster{[&, door = this_hub().remote()] { door.post([&] { waits.wake(); }); }};
        EXPECT_TRUE(waits.park_until(deadline::at(time_point::max() - 1ns)));
        poster.join();
    });
}
