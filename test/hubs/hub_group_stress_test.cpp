// SPDX-License-Identifier: BSL-1.0
//
// The shared family between four threads, two of them hubs of a group. Nobody here has a limit that
// could hide a lost wake: where one is lost, the test hangs. Short usually; `./dev test --stress`
// makes it long. What is between the calls, and so the order of those of different threads, is
// chosen by seeds, and the counts are printed.
#include <harness/hubs.hpp>
#include <harness/stress.hpp>
#include <tendril/hubs/hub_group.hpp>
#include <tendril/support/random.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/time/sleep.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <iostream>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

constexpr std::size_t parties = 4;

// Calls a function with the numbers 0 to 3: two on hubs, two on plain threads. Waits for all.
template <typename F>
void on_four_threads(F const& part) {
    hub_group hubs{{.size = 2}};
    auto const first = hubs.spawn_on(0, std::ref(part), 0U);
    auto const second = hubs.spawn_on(1, std::ref(part), 1U);
    {
        std::jthread const third{[&] { part(2U); }};
        std::jthread const fourth{[&] { part(3U); }};
    }
    first.get();
    second.get();
}

// What a thread does between two calls.
class pauses {
public:
    explicit pauses(std::uint64_t seed) : random_{seed} {}

    void between_calls() {
        std::uint64_t const choice = random_.next() % 16;
        if (choice == 0) {
            std::this_thread::yield();
        } else if (choice == 1 && hub::of(this_thread()) != nullptr) {
            yield();
        }
    }
    std::uint64_t next() { return random_.next(); }

private:
    seeded_random random_;
};

int stress_laps(int usually, int when_stressed) {
    int const count = test::laps(TENDRIL_TSAN ? usually / 4 : usually, when_stressed);
    std::cout << "    " << count << " laps\n";
    return count;
}

// A ring of queues with room for one item each, so that nearly every call has to wait.
struct ring {
    void take_part(std::size_t who, int laps, std::uint64_t seed) {
        pauses between{seed + who};
        for (int lap = 0; lap < laps; ++lap) {
            int const item = queues[who].get();
            between.between_calls();
            queues[(who + 1) % parties].put(item + 1);
        }
    }
    std::array<shared_queue<int>, parties> queues{
        shared_queue<int>{1}, shared_queue<int>{1}, shared_queue<int>{1}, shared_queue<int>{1}};
};

}  // namespace

TENDRIL_TEST(hub_group_stress, no_wake_of_a_queue_is_lost_and_every_item_goes_round) {
    // Each lap is four gets and four puts. A hundred million wakes, each of them counted, are in
    // hub_group_wakes_test.cpp.
    int const laps = stress_laps(5'000, 1'000'000);
    ring r;
    r.queues[0].put(0);
    r.queues[2].put(0);
    on_four_threads([&](std::size_t who) { r.take_part(who, laps, 1); });
    std::vector<int> left;
    for (auto& queue : r.queues) {
        while (auto const item = queue.try_get()) {
            left.push_back(*item);
        }
    }
    ASSERT_EQ(left.size(), 2U);
    EXPECT_EQ(left[0] + left[1], 4 * laps);
}

TENDRIL_TEST(hub_group_stress, every_item_of_a_queue_is_got_once_by_one_of_many) {
    int const items = stress_laps(4'000, 5'000'000);
    shared_queue<int> q{3};
    std::atomic<std::size_t> putting{2};
    std::array<std::vector<bool>, parties> got;
    got.fill(std::vector<bool>(static_cast<std::size_t>(items)));
    std::atomic<long> count{0};
    // A hub and a thread put the even and the odd numbers; the other two get them.
    on_four_threads([&](std::size_t who) {
        pauses between{10 + who};
        if (who % 2 == 0) {
            std::vector<int> some;
            for (int item = static_cast<int>(who / 2); item < items; item += 2) {
                some.push_back(item);
                if (between.next() % 3 == 0) {
                    between.between_calls();
                    q.put_all(some);
                }
            }
            q.put_all(some);
            if (--putting == 0) {
                q.close();
            }
            return;
        }
        try {
            while (true) {
                for (int const each : q.get_some(1 + between.next() % 5)) {
                    got[who][static_cast<std::size_t>(each)] = true;
                    ++count;
                }
                between.between_calls();
            }
        } catch (std::system_error const& closed) {
            EXPECT_EQ(closed.code(), errc::closed);
        }
    });
    EXPECT_EQ(count, items);
    for (std::size_t item = 0; item < static_cast<std::size_t>(items); ++item) {
        EXPECT_NE(got[1][item], got[3][item]) << item;
    }
}

TENDRIL_TEST(hub_group_stress, no_wake_of_an_event_is_lost) {
    int const laps = stress_laps(3'000, 5'000'000);
    std::array<shared_event, 2> go;
    shared_semaphore arrived{0};
    on_four_threads([&](std::size_t who) {
        pauses between{20 + who};
        for (int lap = 0; lap < laps; ++lap) {
            std::size_t const now = static_cast<std::size_t>(lap) % 2;
            between.between_calls();
            if (who != static_cast<std::size_t>(lap) % parties) {
                arrived.release();
                go[now].wait();
                continue;
            }
            for (std::size_t others = 1; others < parties; ++others) {
                arrived.acquire();
            }
            // All are past the last lap's event, so it may be used again.
            go[1 - now].reset();
            go[now].set();
        }
    });
    EXPECT_EQ(arrived.available(), 0);
    EXPECT_EQ(go[0].waiting() + go[1].waiting(), 0U);
}

TENDRIL_TEST(hub_group_stress, permits_are_neither_lost_nor_doubled) {
    int const laps = stress_laps(3'000, 5'000'000);
    shared_semaphore permits{2};
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    on_four_threads([&](std::size_t who) {
        pauses between{30 + who};
        for (int lap = 0; lap < laps; ++lap) {
            if (between.next() % 4 != 0) {
                permits.acquire();
            } else if (!permits.try_acquire_for(std::chrono::microseconds{between.next() % 20})) {
                continue;
            }
            int const now = ++inside;
            most = std::max(most.load(), now);
            between.between_calls();
            --inside;
            permits.release();
        }
    });
    EXPECT_LE(most, 2);
    EXPECT_EQ(permits.available(), 2);
    EXPECT_EQ(permits.waiting(), 0U);
}

TENDRIL_TEST(hub_group_stress, every_reader_of_a_future_sees_the_one_value) {
    int const laps = stress_laps(2'000, 1'000'000);
    std::vector<shared_promise<int>> promises;
    promises.reserve(static_cast<std::size_t>(laps));
    for (int lap = 0; lap < laps; ++lap) {
        promises.emplace_back();
    }
    std::atomic<long> seen{0};
    std::atomic<long> given{0};
    on_four_threads([&](std::size_t who) {
        pauses between{40 + who};
        for (int lap = 0; lap < laps; ++lap) {
            auto const& each = promises[static_cast<std::size_t>(lap)];
            if (who == static_cast<std::size_t>(lap) % parties || between.next() % 8 == 0) {
                given += each.try_set_value(lap) ? 1 : 0;
            }
            between.between_calls();
            seen += each.get_future().get() == lap ? 1 : 0;
        }
    });
    EXPECT_EQ(given, laps);
    EXPECT_EQ(seen, 4L * laps);
}

TENDRIL_TEST(hub_group_stress, four_threads_spawn_and_cancel_and_every_task_ends_once) {
    int const laps = stress_laps(1'000, 500'000);
    hub_group hubs{{.size = 2}};
    auto const token = std::make_shared<int>(1);
    std::atomic<long> done{0};
    std::atomic<long> cancelled_ones{0};
    on_four_threads([&](std::size_t who) {
        pauses between{50 + who};
        for (int lap = 0; lap < laps; ++lap) {
            auto const spawned = hubs.spawn([token, turns = between.next() % 4] {
                for (std::uint64_t turn = 0; turn < turns; ++turn) {
                    yield();
                }
                return *token;
            });
            between.between_calls();
            if (between.next() % 3 == 0) {
                spawned.cancel();
            }
            spawned.wait();
            ++(spawned.was_cancelled() ? cancelled_ones : done);
        }
    });
    EXPECT_TRUE(hubs.stop(1h));
    EXPECT_EQ(done + cancelled_ones, 4L * laps);
    EXPECT_EQ(token.use_count(), 1);
    for (hub_load const& each : hubs.statistics()) {
        EXPECT_EQ(each.tasks, 0U);
    }
}

TENDRIL_TEST(hub_group_stress, a_group_that_is_stopped_while_four_threads_spawn_forgets_no_task) {
    int const laps = stress_laps(60, 2'000);
    for (int lap = 0; lap < laps; ++lap) {
        std::atomic<long> begun{0};
        std::atomic<long> ended{0};
        std::array<std::vector<shared_future<void>>, parties> futures;
        hub_group hubs{{.size = 2}};
        std::vector<std::jthread> spawners;
        for (std::size_t who = 0; who < parties; ++who) {
            spawners.emplace_back([&, who] {
                static_cast<void>(test::outcome_of([&] {
                    for (int number = 0; number < 300; ++number) {
                        futures[who].push_back(hubs.spawn([&] {
                            ++begun;
                            yield();
                            ++ended;
                        }));
                    }
                }));
            });
        }
        std::this_thread::yield();
        hubs.stop(1h);
        spawners.clear();
        std::size_t count = 0;
        for (auto const& each : futures) {
            count += each.size();
            EXPECT_TRUE(
                std::all_of(each.begin(), each.end(), [](auto const& f) { return f.succeeded(); }));
        }
        EXPECT_EQ(begun, ended);
        EXPECT_EQ(static_cast<std::size_t>(ended), count);
    }
}
