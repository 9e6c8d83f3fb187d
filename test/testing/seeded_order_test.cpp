// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/channel/queue.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/sync/mutex.hpp>
#include <tendril/sync/semaphore.hpp>
#include <tendril/testing/seeded_order.hpp>

#include <cstdlib>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::failed_seed;
using tendril::testing::for_each_seed;
using tendril::testing::forced_switches;
using tendril::testing::seeded_order;
using tendril::testing::wanted_seed;
using test::transcript;
using test::virtual_clock;

// Sets TENDRIL_SEED until the end of the scope, or takes it away.
class seed_in_environment {
public:
    explicit seed_in_environment(char const* text) {
        if (char const* const former = std::getenv("TENDRIL_SEED")) {
            former_ = former;
        }
        set(text);
    }
    seed_in_environment(seed_in_environment const&) = delete;
    seed_in_environment& operator=(seed_in_environment const&) = delete;
    ~seed_in_environment() { set(former_ ? former_->c_str() : nullptr); }

private:
    static void set(char const* text) {
        if (text == nullptr) {
            ::unsetenv("TENDRIL_SEED");
        } else {
            ::setenv("TENDRIL_SEED", text, 1);
        }
    }
    std::optional<std::string> former_;
};

// What a program of many greenlets and all primitives does in such an order.
transcript deeds_in(ready_order& order) {
    transcript seen;
    virtual_clock clock;
    run({.clock = &clock, .order = &order}, [&] {
        mutex one_at_a_time;
        counting_semaphore<> two{2};
        queue<int> items{2};
        event start;
        std::vector<task<void>> all;
        for (int number = 0; number < 8; ++number) {
            all.push_back(spawn([&, number] {
                start.wait();
                two.acquire();
                {
                    std::lock_guard const lock{one_at_a_time};
                    seen.push_back("lock " + std::to_string(number));
                    sleep_for(std::chrono::milliseconds{number % 3});
                }
                two.release();
                items.put(number);
                seen.push_back("put " + std::to_string(number));
            }));
        }
        start.set();
        for (int count = 0; count < 8; ++count) {
            seen.push_back("got " + std::to_string(items.get()));
        }
        for (auto const& each : all) {
            each.join();
        }
    });
    return seen;
}

// Whether the caller lets others run in a call that need not wait.
bool switches_in_a_call(forced_switches forced) {
    seeded_order order{1, forced};
    bool ran = false;
    virtual_clock clock;
    run({.clock = &clock, .order = &order}, [&] {
        mutex free;
        spawn([&] { ran = true; });
        for (int step = 0; step < 64 && !ran; ++step) {
            free.lock();
            free.unlock();
        }
    });
    return ran;
}

}  // namespace

TENDRIL_TEST(seeded_order, the_same_seed_makes_the_same_run_100_times_of_100) {
    seeded_order first{42};
    transcript const expected = deeds_in(first);
    int same = 0;
    for (int time = 0; time < 100; ++time) {
        seeded_order again{42};
        same += deeds_in(again) == expected && again.trace() == first.trace() ? 1 : 0;
    }
    EXPECT_EQ(same, 100);
    EXPECT_GT(first.decisions(), 50U);
}

TENDRIL_TEST(seeded_order, other_seeds_make_other_runs) {
    std::set<std::uint64_t> traces;
    std::set<transcript> runs;
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        seeded_order order{seed};
        runs.insert(deeds_in(order));
        traces.insert(order.trace());
    }
    EXPECT_EQ(traces.size(), 50U);
    EXPECT_GT(runs.size(), 40U);
}

TENDRIL_TEST(seeded_order, chooses_everybody_some_time) {
    seeded_order order{1};
    std::set<std::size_t> chosen;
    for (int time = 0; time < 100; ++time) {
        chosen.insert(order.choose(5));
    }
    EXPECT_EQ(chosen, (std::set<std::size_t>{0, 1, 2, 3, 4}));
}

TENDRIL_TEST(seeded_order, calls_that_need_not_wait_switch_all_the_same) {
    EXPECT_FALSE(switches_in_a_call(forced_switches::none));
    EXPECT_TRUE(switches_in_a_call(forced_switches::half));
    EXPECT_TRUE(switches_in_a_call(forced_switches::all));
}

TENDRIL_TEST(seeded_order, forces_none_half_or_all_switches) {
    auto const forced_of_1000 = [](forced_switches forced) {
        seeded_order order{7, forced};
        int count = 0;
        for (int time = 0; time < 1000; ++time) {
            count += order.switches_now() ? 1 : 0;
        }
        return count;
    };
    EXPECT_EQ(forced_of_1000(forced_switches::none), 0);
    EXPECT_EQ(forced_of_1000(forced_switches::all), 1000);
    EXPECT_NEAR(forced_of_1000(forced_switches::half), 500, 100);
}

TENDRIL_TEST(seeded_order, a_greenlet_that_is_cancelled_hears_of_it_behind_the_forced_switch) {
    seeded_order order{1, forced_switches::all};
    virtual_clock clock;
    run({.clock = &clock, .order = &order}, [&] {
        test::wish stop{"stop"};
        mutex free;
        auto& main = test::self();
        this_hub().spawn_raw([&] { request(main, stop); });
        EXPECT_EQ(test::outcome_of([&] { free.lock(); }), "stop");
        EXPECT_TRUE(free.try_lock());
        free.unlock();
    });
}

TENDRIL_TEST(seeded_order, who_yields_lets_all_run_who_are_ready_in_every_order) {
    seed_in_environment const none{nullptr};
    for_each_seed(100, [](seeded_order& order) {
        int ran = 0;
        virtual_clock clock;
        run({.clock = &clock, .order = &order}, [&] {
            mutex free;
            for (int count = 0; count < 5; ++count) {
                this_hub().spawn_raw([&] {
                    free.lock();
                    free.unlock();
                    ++ran;
                    sleep_for(1h);
                });
            }
            yield();
            EXPECT_EQ(ran, 5);
        });
    });
}

TENDRIL_TEST(seeded_order, the_main_greenlet_switches_as_usual_when_the_hub_has_closed) {
    control_block const& main = *this_thread().current;
    switches_in_a_call(forced_switches::all);
    EXPECT_EQ(main.pending, 0U);
}

// Many seeds.

TENDRIL_TEST(seeded_order, for_each_seed_counts_from_one) {
    seed_in_environment const none{nullptr};
    std::vector<std::uint64_t> seeds;
    EXPECT_EQ(for_each_seed(3, [&](seeded_order& order) { seeds.push_back(order.seed()); }), 3U);
    EXPECT_EQ(seeds, (std::vector<std::uint64_t>{1, 2, 3}));
    EXPECT_EQ(for_each_seed(0, [&](seeded_order&) {}), 0U);
}

TENDRIL_TEST(seeded_order, for_each_seed_runs_the_one_of_the_environment_alone) {
    seed_in_environment const wanted{"812"};
    std::vector<std::uint64_t> seeds;
    EXPECT_EQ(for_each_seed(3, [&](seeded_order& order) { seeds.push_back(order.seed()); }), 1U);
    EXPECT_EQ(seeds, std::vector<std::uint64_t>{812});
}

TENDRIL_TEST(seeded_order, an_exception_passes_and_its_seed_is_printed) {
    seed_in_environment const none{nullptr};
    ::testing::internal::CaptureStderr();
    EXPECT_THROW(
        for_each_seed(
            9,
            [](seeded_order& order) {
                if (order.seed() == 5) {
                    throw std::out_of_range{"five"};
                }
            }),
        std::out_of_range);
    EXPECT_EQ(
        ::testing::internal::GetCapturedStderr(),
        "seed 5 fails; replay it alone with TENDRIL_SEED=5\n");
}

TENDRIL_TEST(seeded_order, a_function_that_returns_false_fails_with_its_seed) {
    seed_in_environment const none{nullptr};
    ::testing::internal::CaptureStderr();
    std::uint64_t failed = 0;
    try {
        for_each_seed(9, [](seeded_order& order) { return order.seed() < 4; });
    } catch (failed_seed const& failure) {
        failed = failure.seed();
    }
    EXPECT_EQ(failed, 4U);
    EXPECT_NE(::testing::internal::GetCapturedStderr(), "");
}

TENDRIL_TEST(seeded_order, a_seed_that_is_no_number_is_refused) {
    for (char const* text : {"", "x", "1x", "-1", "99999999999999999999"}) {
        seed_in_environment const wrong{text};
        EXPECT_THROW(wanted_seed(), misuse) << text;
    }
}
