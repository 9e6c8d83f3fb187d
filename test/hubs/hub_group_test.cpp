// SPDX-License-Identifier: BSL-1.0
#include <harness/hubs.hpp>
#include <tendril/hubs/hub_group.hpp>
#include <tendril/scope/cancel_scope.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/threads/run_in_thread.hpp>
#include <tendril/time/sleep.hpp>

#include <sched.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::contains;
using test::misuse_of;

std::string name_of_thread() {
    std::array<char, 16> name{};
    ::pthread_getname_np(::pthread_self(), name.data(), name.size());
    return name.data();
}

}  // namespace

TENDRIL_TEST(hub_group, has_a_thread_with_a_hub_and_a_number_for_each) {
    hub_group hubs{{.size = 3, .name = "worker"}};
    EXPECT_EQ(hubs.size(), 3U);
    EXPECT_EQ(hubs.index_here(), std::nullopt);
    std::set<std::thread::id> threads;
    for (std::size_t index = 0; index < hubs.size(); ++index) {
        auto const seen = hubs.spawn_on(index, [&] {
            return std::tuple{std::this_thread::get_id(), hubs.index_here(), name_of_thread()};
        });
        auto const& [thread, here, name] = seen.get();
        EXPECT_EQ(here, index);
        EXPECT_EQ(name, "worker " + std::to_string(index));
        threads.insert(thread);
    }
    EXPECT_EQ(threads.size(), 3U);
    EXPECT_TRUE(contains(misuse_of([&] { hubs.spawn_on(3, [] {}); }), "no hub of this number"));
}

TENDRIL_TEST(hub_group, has_as_many_hubs_as_there_are_usable_processors) {
    cpu_set_t usable;
    ASSERT_EQ(::sched_getaffinity(0, sizeof usable, &usable), 0);
    hub_group hubs;
    EXPECT_EQ(hubs.size(), static_cast<std::size_t>(CPU_COUNT(&usable)));
}

TENDRIL_TEST(hub_group, a_long_name_is_cut_and_keeps_the_number) {
    hub_group hubs{{.size = 1, .name = "a name that is far too long"}};
    EXPECT_EQ(hubs.spawn(name_of_thread).get(), "a name that i 0");
}

TENDRIL_TEST(hub_group, pins_each_thread_to_one_processor_when_asked) {
    hub_group hubs{{.size = 3, .pinned = true}};
    auto const allowed = hubs.for_each_hub([](std::size_t) {
        cpu_set_t usable;
        ::sched_getaffinity(0, sizeof usable, &usable);
        return CPU_COUNT(&usable);
    });
    EXPECT_EQ(allowed, (std::vector<int>{1, 1, 1}));
}

TENDRIL_TEST(hub_group, makes_each_hub_with_options_of_its_own) {
    std::array<test::virtual_clock, 2> clocks;
    hub_group hubs{{.size = 2, .options_for = [&](std::size_t index) {
                        return hub_options{.clock = &clocks[index]};
                    }}};
    // Nobody waits for a real hour.
    hubs.for_each_hub([](std::size_t) { sleep_for(1h); });
}

TENDRIL_HUB_TEST(hub_group, results_come_back_to_a_greenlet_of_another_hub) {
    hub_group hubs{{.size = 2}};
    // Ends only if this hub goes on while the caller waits.
    shared_event go_on;
    auto const other = spawn([&] { go_on.set(); });
    auto const add = [&](int left, int right) {
        go_on.wait();
        return left + right;
    };
    EXPECT_EQ(hubs.spawn(add, 40, 2).get(), 42);
    other.join();
    auto const fails = hubs.spawn([] { throw std::runtime_error{"no luck"}; });
    EXPECT_EQ(test::outcome_of([&] { fails.get(); }), "no luck");
    auto const lost = hubs.spawn([]() -> int { throw cancelled{}; });
    EXPECT_THROW(lost.get(), task_cancelled);
}

TENDRIL_TEST(hub_group, a_task_on_one_hub_waits_for_one_on_another) {
    hub_group hubs{{.size = 2}};
    auto const outer = hubs.spawn_on(0, [&] {
        auto const inner = hubs.spawn_on(1, [&] { return *hubs.index_here(); });
        return 10 * *hubs.index_here() + inner.get();
    });
    EXPECT_EQ(outer.get(), 1U);
    // Also for one on the same hub.
    auto const same = hubs.spawn_on(0, [&] { return hubs.spawn_on(0, [] { return 7; }).get(); });
    EXPECT_EQ(same.get(), 7);
}

TENDRIL_TEST(hub_group, gives_a_task_to_the_hub_with_the_fewest) {
    hub_group hubs{{.size = 4}};
    shared_event over;
    std::vector<shared_future<void>> waiting;
    // Two on the first, one on the second.
    for (std::size_t const index : {0U, 0U, 1U}) {
        waiting.push_back(hubs.spawn_on(index, [&] { over.wait(); }));
    }
    for (int number = 0; number < 9; ++number) {
        waiting.push_back(hubs.spawn([&] { over.wait(); }));
    }
    for (hub_load const& each : hubs.statistics()) {
        EXPECT_EQ(each.tasks, 3U);
    }
    over.set();
    for (auto const& each : waiting) {
        each.get();
    }
    for (hub_load const& each : hubs.statistics()) {
        EXPECT_EQ(each.tasks, 0U);
        EXPECT_EQ(each.completed, 3U);
    }
}

TENDRIL_TEST(hub_group, tasks_that_end_at_once_go_round) {
    hub_group hubs{{.size = 2}};
    for (int number = 0; number < 100; ++number) {
        hubs.spawn([] {}).get();
    }
    EXPECT_EQ(hubs.statistics()[0].completed, 50U);
    EXPECT_EQ(hubs.statistics()[1].completed, 50U);
}

TENDRIL_TEST(hub_group, counts_the_processor_time_of_each_thread) {
    hub_group hubs{{.size = 2}};
    hubs.spawn_on(
            1,
            [] {
                timespec used{};
                while (used.tv_sec == 0 && used.tv_nsec < 20'000'000) {
                    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
                }
            })
        .get();
    EXPECT_GE(hubs.statistics()[1].processor_time, 20ms);
    hubs.close();
    EXPECT_GE(hubs.statistics()[1].processor_time, 20ms);
    EXPECT_GT(hubs.statistics()[0].processor_time, 0ns);
}

TENDRIL_TEST(hub_group, calls_a_function_once_on_every_hub) {
    hub_group hubs{{.size = 3}};
    EXPECT_EQ(
        hubs.for_each_hub([&](std::size_t index) { return 10 * index + *hubs.index_here(); }),
        (std::vector<std::size_t>{0, 11, 22}));
    std::atomic<int> calls{0};
    hubs.for_each_hub([&calls](std::size_t) { ++calls; });
    EXPECT_EQ(calls, 3);
    // Also from a hub of the group.
    auto const inside = hubs.spawn([&] { hubs.for_each_hub([&](std::size_t) { ++calls; }); });
    inside.get();
    EXPECT_EQ(calls, 6);
}

TENDRIL_TEST(hub_group, for_each_hub_waits_for_all_and_throws_the_first_error) {
    hub_group hubs{{.size = 3}};
    std::atomic<int> ended{0};
    auto const work = [&ended](std::size_t index) {
        scope_exit const count{[&] { ++ended; }};
        if (index == 0) {
            sleep_for(5ms);
        } else {
            throw std::runtime_error{"hub " + std::to_string(index)};
        }
    };
    EXPECT_EQ(test::outcome_of([&] { hubs.for_each_hub(work); }), "hub 1");
    EXPECT_EQ(ended, 3);
}

TENDRIL_TEST(hub_group, for_each_hub_that_is_interrupted_cancels_the_calls) {
    hub_group hubs{{.size = 2}};
    std::atomic<int> begun{0};
    std::atomic<int> stopped{0};
    run([&] {
        auto const caller = spawn([&] {
            hubs.for_each_hub([&](std::size_t) {
                ++begun;
                stopped += test::outcome_of([] { sleep_for(1h); }) == "cancelled" ? 1 : 0;
            });
        });
        while (begun < 2) {
            sleep_for(100us);
        }
        caller.cancel();
        caller.join();
        EXPECT_TRUE(caller.was_cancelled());
    });
    hubs.stop(1h);
    EXPECT_EQ(stopped, 2);
}

TENDRIL_TEST(hub_group, its_door_posts_to_one_hub) {
    hub_group hubs{{.size = 2}};
    shared_promise<std::optional<std::size_t>> where;
    EXPECT_TRUE(hubs.door(1).post([&] { where.set_value(hubs.index_here()); }));
    EXPECT_EQ(where.get_future().get(), 1U);
    hubs.close();
    EXPECT_FALSE(hubs.door(1).post([] {}));
}

TENDRIL_TEST(hub_group, hubs_share_one_pool_of_threads) {
    hub_group hubs{{.size = 2}};
    thread_pool pool{{.maximum_size = 1}};
    auto const where = hubs.for_each_hub(
        [&](std::size_t) { return pool.run([] { return std::this_thread::get_id(); }); });
    EXPECT_EQ(where[0], where[1]);
    auto const sum = hubs.for_each_hub(
        [](std::size_t index) { return run_in_thread([=] { return index + 1; }); });
    EXPECT_EQ(sum, (std::vector<std::size_t>{1, 2}));
    EXPECT_EQ(pool.statistics().completed, 2U);
}

TENDRIL_TEST(hub_group, is_not_made_when_the_system_gives_no_thread) {
    static std::atomic<int> left;
    left = 2;
    auto const usual = detail::make_pool_thread.exchange(
        [](pthread_t* made, pthread_attr_t const* how, void* (*run)(void*), void* argument) {
            return left-- == 0 ? EAGAIN : ::pthread_create(made, how, run, argument);
        });
    try {
        hub_group const hubs{{.size = 4}};
        ADD_FAILURE() << "it was made";
    } catch (std::system_error const& error) {
        EXPECT_EQ(error.code().value(), EAGAIN);
        EXPECT_TRUE(contains(error.what(), "making a thread"));
    }
    detail::make_pool_thread = usual;
}

TENDRIL_TEST(hub_group, is_not_made_when_a_hub_cannot_be) {
    auto const refuse = [](std::size_t index) {
        return index == 0 ? throw std::runtime_error{"no options"} : hub_options{};
    };
    EXPECT_EQ(
        test::outcome_of([&] { hub_group{{.size = 3, .options_for = refuse}}; }), "no options");
}

TENDRIL_TEST(hub_group, is_refused_in_a_callback) {
    run([] {
        std::string text;
        this_hub().call_soon([&] { text = misuse_of([] { hub_group const hubs{{.size = 1}}; }); });
        yield();
        EXPECT_NE(text, "");
    });
}

TENDRIL_HUB_TEST(hub_group, a_virtual_clock_stands_still_while_its_greenlets_wait_for_a_group) {
    hub_group hubs{{.size = 1}};
    auto const before = this_hub().now();
    auto const limit = spawn([] { sleep_for(1h); });
    hubs.for_each_hub([](std::size_t) { sleep_for(2ms); });
    EXPECT_EQ(this_hub().now(), before);
    limit.cancel();
    limit.join();
}
