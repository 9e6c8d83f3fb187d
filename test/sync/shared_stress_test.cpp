// SPDX-License-Identifier: BSL-1.0
//
// Real threads, real races. Short usually; `./dev test --stress` makes them long.
#include <harness/hubs.hpp>
#include <harness/stress.hpp>
#include <tendril/hub/remote.hpp>
#include <tendril/support/random.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/time/sleep.hpp>

#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::laps;

// Puts and gets of all sides of one queue, as counts and sums.
struct ledger {
    std::atomic<long> put{0};
    std::atomic<long> put_sum{0};
    std::atomic<long> got{0};
    std::atomic<long> got_sum{0};

    void has_put(int item) {
        ++put;
        put_sum += item;
    }
    void has_got(int item) {
        ++got;
        got_sum += item;
    }
};

// Puts and gets with and without limits until all is done. Some limits are too short on purpose.
void trade(shared_queue<int>& with, ledger& book, int items, std::uint64_t seed) {
    seeded_random random{seed};
    for (int item = 0; item < items; ++item) {
        auto const patience = std::chrono::microseconds{random.next() % 50};
        bool const impatient = random.next() % 2 == 0;
        if (impatient && with.put_for(patience, item)) {
            book.has_put(item);
        } else if (!impatient && with.try_put(item)) {
            book.has_put(item);
        }
        if (auto const got = random.next() % 2 == 0 ? with.get_for(patience) : with.try_get()) {
            book.has_got(*got);
        }
    }
}

}  // namespace

TENDRIL_TEST(shared_stress, two_hubs_and_two_threads_lose_and_double_no_item) {
    int const items = laps(1'000, 200'000);
    shared_queue<int> q{3};
    ledger book;
    std::vector<std::thread> traders;
    for (std::uint64_t hub = 0; hub < 2; ++hub) {
        traders.emplace_back([&, hub, items] {
            run([&] {
                for (std::uint64_t each = 0; each < 4; ++each) {
                    this_hub().spawn_raw([&, each] { trade(q, book, items, 10 * hub + each); });
                }
                trade(q, book, items, 100 + hub);
                while (this_hub().statistics().greenlets > 1) {
                    sleep_for(100us);
                }
            });
        });
        traders.emplace_back([&, hub, items] { trade(q, book, items, 1000 + hub); });
    }
    for (std::thread& each : traders) {
        each.join();
    }
    while (auto const left = q.try_get()) {
        book.has_got(*left);
    }
    EXPECT_EQ(book.put, book.got);
    EXPECT_EQ(book.put_sum, book.got_sum);
    EXPECT_GT(book.put, 0);
    EXPECT_EQ(q.waiting(), 0U);
}

TENDRIL_TEST(shared_stress, permits_stay_constant_when_waiters_are_cancelled_at_any_moment) {
    int const all = laps(2'000, 300'000);
    shared_semaphore s{1};
    std::atomic<bool> over{false};
    std::thread other{[&] {
        while (!over) {
            if (s.try_acquire_for(10us)) {
                s.release();
            }
        }
    }};
    run([&] {
        for (int lap = 0; lap < all; ++lap) {
            test::wish stop{"stopped"};
            bool ended = false;
            auto const waits = this_hub().spawn_raw([&] {
                std::string const end = test::outcome_of([&] {
                    s.acquire();
                    s.release();
                    sleep_for(1h);
                });
                EXPECT_EQ(end, "stopped");
                ended = true;
            });
            for (int turn = lap % 5; turn >= 0; --turn) {
                yield();
            }
            request(*waits.block(), stop);
            while (!ended) {
                sleep_for(1us);
            }
        }
    });
    over = true;
    other.join();
    EXPECT_EQ(s.available(), 1);
    EXPECT_EQ(s.waiting(), 0U);
}

TENDRIL_TEST(shared_stress, no_wake_up_is_lost_between_timed_and_untimed_waits) {
    int const all = laps(50'000, 500'000);
    shared_semaphore there{0};
    shared_semaphore back{0};
    std::thread plain{[&, all] {
        for (int lap = 0; lap < all; ++lap) {
            if (lap % 3 == 0) {
                ASSERT_TRUE(there.try_acquire_for(1h));
            } else {
                there.acquire();
            }
            back.release();
        }
    }};
    run([&] {
        for (int lap = 0; lap < all; ++lap) {
            there.release();
            if (lap % 2 == 0) {
                back.acquire();
            } else {
                ASSERT_TRUE(back.try_acquire_for(1h));
            }
        }
    });
    plain.join();
}

TENDRIL_TEST(shared_stress, a_wake_up_never_reaches_the_next_wait_in_the_same_frame) {
    int const all = laps(10'000, 500'000);
    shared_semaphore s{0};
    std::atomic<long> released{0};
    std::atomic<bool> over{false};
    std::thread plain{[&] {
        while (!over) {
            if (s.waiting() != 0) {
                s.release();
                ++released;
            }
        }
    }};
    long acquired = 0;
    run([&] {
        // The same frame at the same address again and again, and a limit that comes any time.
        for (int lap = 0; lap < all; ++lap) {
            acquired += s.try_acquire_for(std::chrono::nanoseconds{lap % 3000}) ? 1 : 0;
        }
    });
    over = true;
    plain.join();
    EXPECT_EQ(released, acquired + s.available());
}

TENDRIL_TEST(shared_stress, a_semaphore_bounds_what_two_threads_may_have_posted) {
    int const each = laps(20'000, 5'000'000);
    constexpr int window = 256;
    shared_semaphore room{window};
    std::atomic<int> outstanding{0};
    std::atomic<int> most{0};
    run([&, each] {
        test::lone_waiter all{"all posts"};
        int calls = 0;
        std::thread posters[2];
        for (std::thread& poster : posters) {
            poster = std::thread{[&, each, door = this_hub().remote()] {
                for (int number = 0; number < each; ++number) {
                    room.acquire();
                    int const now = ++outstanding;
                    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {}
                    door.post([&, each] {
                        --outstanding;
                        room.release();
                        if (++calls == 2 * each) {
                            all.wake();
                        }
                    });
                }
            }};
        }
        all.park();
        for (std::thread& poster : posters) {
            poster.join();
        }
    });
    EXPECT_LE(most, window);
    EXPECT_EQ(room.available(), window);
}
