// SPDX-License-Identifier: BSL-1.0
//
// How a group ends: with grace and without, from outside and from inside, twice, and by an error.
#include <harness/forking.hpp>
#include <harness/hubs.hpp>
#include <tendril/hubs/hub_group.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/time/sleep.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::misuse_of;
using test::outcome_of;
using test::transcript;

bool refuses_tasks(hub_group& hubs) {
    try {
        hubs.spawn([] {});
        return false;
    } catch (std::system_error const& error) {
        return error.code() == errc::closed;
    }
}

// A task that waits for ever, and counts itself when it is told to leave.
struct waiting_task {
    void operator()() const {
        begun->release();
        if (outcome_of([] { sleep_for(1h); }) == "cancelled") {
            ++*told;
            throw cancelled{};
        }
    }
    std::atomic<int>* told;
    shared_semaphore* begun;
};

}  // namespace

TENDRIL_TEST(hub_group_stop, waits_for_the_tasks_that_are_there) {
    hub_group hubs{{.size = 2}};
    std::atomic<int> ended{0};
    for (int number = 0; number < 10; ++number) {
        hubs.spawn([&] {
            sleep_for(3ms);
            ++ended;
        });
    }
    EXPECT_TRUE(hubs.stop(1h));
    EXPECT_EQ(ended, 10);
    EXPECT_TRUE(hubs.closed());
    EXPECT_TRUE(refuses_tasks(hubs));
    EXPECT_TRUE(hubs.stop(1h)) << "a second stop returns the same";
    hubs.join();
}

TENDRIL_TEST(hub_group_stop, cancels_after_the_grace_what_has_not_ended) {
    hub_group hubs{{.size = 2}};
    std::atomic<int> told{0};
    shared_semaphore begun{0};
    std::vector<shared_future<void>> all;
    for (int number = 0; number < 6; ++number) {
        all.push_back(hubs.spawn(waiting_task{&told, &begun}));
        begun.acquire();
    }
    EXPECT_FALSE(hubs.stop(2ms));
    EXPECT_EQ(told, 6);
    for (auto const& each : all) {
        EXPECT_TRUE(each.was_cancelled());
    }
}

TENDRIL_TEST(hub_group_stop, a_task_that_swallows_its_cancel_is_ended_by_an_exit) {
    hub_group hubs{{.size = 1}};
    shared_event begun;
    std::atomic<bool> exited{false};
    auto const stubborn = hubs.spawn([&] {
        begun.set();
        static_cast<void>(outcome_of([] { sleep_for(1h); }));
        exited = outcome_of([] { sleep_for(1h); }) == "exit";
        throw greenlet_exit{};
    });
    begun.wait();
    hubs.close();
    EXPECT_TRUE(exited);
    EXPECT_TRUE(stubborn.was_cancelled());
}

TENDRIL_TEST(hub_group_stop, what_tasks_have_spawned_ends_with_its_hub) {
    auto const token = std::make_shared<int>(1);
    hub_group hubs{{.size = 1}};
    hubs.spawn([token] { spawn([token] { sleep_for(1h); }); }).get();
    EXPECT_TRUE(hubs.stop(1h));
    EXPECT_EQ(token.use_count(), 1);
}

TENDRIL_TEST(hub_group_stop, a_second_stop_shortens_the_grace_of_the_first) {
    hub_group hubs{{.size = 2}};
    std::atomic<int> told{0};
    shared_semaphore begun{0};
    hubs.spawn(waiting_task{&told, &begun});
    begun.acquire();
    std::thread patient{[&] { EXPECT_FALSE(hubs.stop(1h)); }};
    while (!hubs.closed()) {
        std::this_thread::yield();
    }
    EXPECT_FALSE(hubs.stop(1ms));
    patient.join();
    EXPECT_EQ(told, 1);
}

TENDRIL_TEST(hub_group_stop, in_a_task_of_the_group_it_only_begins_the_end) {
    for (std::size_t const index : {0U, 1U}) {
        hub_group hubs{{.size = 2}};
        auto const last = hubs.spawn_on(index, [&] {
            bool const over = hubs.stop(1h);
            sleep_for(1ms);  // it is still there
            return over;
        });
        EXPECT_FALSE(last.get());
        hubs.join();
        EXPECT_TRUE(refuses_tasks(hubs));
        EXPECT_TRUE(hubs.stop());
    }
}

TENDRIL_TEST(hub_group_stop, all_hubs_may_stop_it_at_once) {
    hub_group hubs{{.size = 4}};
    shared_event all_are_there;
    std::vector<shared_future<void>> all;
    for (std::size_t index = 0; index < 4; ++index) {
        all.push_back(hubs.spawn_on(index, [&] {
            all_are_there.wait();
            hubs.close();
        }));
    }
    all_are_there.set();
    hubs.join();
    for (auto const& each : all) {
        EXPECT_TRUE(each.done());
    }
}

TENDRIL_TEST(hub_group_stop, join_in_a_task_of_the_group_is_refused) {
    hub_group hubs{{.size = 1}};
    auto const text = hubs.spawn([&] { return misuse_of([&] { hubs.join(); }); });
    EXPECT_TRUE(test::contains(text.get(), "would wait for itself"));
}

TENDRIL_TEST(hub_group_stop, whoever_is_interrupted_leaves_and_the_group_ends_all_the_same) {
    hub_group hubs{{.size = 1}};
    std::atomic<int> told{0};
    shared_semaphore begun{0};
    hubs.spawn(waiting_task{&told, &begun});
    begun.acquire();
    run([&] {
        auto const stops = spawn([&] { hubs.stop(1h); });
        yield();
        stops.cancel();
        stops.join();
        EXPECT_TRUE(stops.was_cancelled());
    });
    hubs.join();
    EXPECT_EQ(told, 1);
}

TENDRIL_TEST(hub_group_stop, the_destructor_ends_it_with_tasks_on_their_way) {
    auto const token = std::make_shared<int>(1);
    for (int lap = 0; lap < 20; ++lap) {
        std::vector<shared_future<int>> results;
        {
            hub_group hubs{{.size = 2}};
            for (int number = 0; number < 50; ++number) {
                results.push_back(hubs.spawn([token, lap] {
                    for (int turn = 0; turn < lap; ++turn) {
                        yield();
                    }
                    return *token;
                }));
            }
        }
        for (auto const& each : results) {
            EXPECT_TRUE(each.done());
            EXPECT_TRUE(each.succeeded() || each.was_cancelled());
        }
        EXPECT_EQ(token.use_count(), 1);
    }
}

TENDRIL_TEST(hub_group_stop, the_destructor_blocks_where_nobody_may_park) {
    run([] {
        auto hubs = std::make_shared<std::optional<hub_group>>();
        hubs->emplace(hub_group_options{.size = 2});
        this_hub().call_soon([hubs] { hubs->reset(); });
        yield();
        EXPECT_FALSE(hubs->has_value());
    });
}

TENDRIL_HUB_TEST(hub_group_stop, the_destructor_waits_in_an_interrupted_greenlet) {
    std::atomic<int> told{0};
    auto const owner = spawn([&] {
        shared_semaphore begun{0};
        hub_group hubs{{.size = 1}};
        hubs.spawn(waiting_task{&told, &begun});
        begun.acquire();
        sleep_for(1h);
    });
    yield();
    while (told == 0 && !owner.done()) {
        owner.cancel();
        yield();
    }
    owner.join();
    EXPECT_TRUE(owner.was_cancelled());
}

TENDRIL_TEST(hub_group_stop, the_first_error_ends_all_when_asked_and_join_throws_it) {
    hub_group hubs{{.size = 2, .errors = on_error::end_all}};
    std::atomic<int> told{0};
    shared_semaphore begun{0};
    auto const other = hubs.spawn_on(1, waiting_task{&told, &begun});
    begun.acquire();
    // Nobody keeps its future.
    hubs.spawn_on(0, [] { throw std::runtime_error{"the first"}; });
    EXPECT_EQ(outcome_of([&] { hubs.join(); }), "the first");
    EXPECT_EQ(told, 1);
    EXPECT_TRUE(other.was_cancelled());
    EXPECT_TRUE(refuses_tasks(hubs));
    EXPECT_EQ(outcome_of([&] { hubs.join(); }), "the first");
}

TENDRIL_TEST(hub_group_stop, a_cancelled_task_is_no_error) {
    hub_group hubs{{.size = 1, .errors = on_error::end_all}};
    hubs.spawn([] { throw cancelled{}; }).wait();
    EXPECT_EQ(hubs.spawn([] { return 7; }).get(), 7);
    hubs.close();
    hubs.join();
}

TENDRIL_TEST(hub_group_stop, an_error_that_ended_all_and_nobody_joined_for_is_reported) {
    run([] {
        transcript seen;
        test::collect_errors(seen);
        {
            hub_group hubs{{.size = 1, .errors = on_error::end_all}};
            hubs.spawn([] { throw std::runtime_error{"unheard"}; }).wait();
        }
        ASSERT_EQ(seen.size(), 1U);
        EXPECT_TRUE(test::contains(seen[0], "a hub_group: "));
        EXPECT_TRUE(test::contains(seen[0], "unheard"));
    });
}

TENDRIL_TEST(hub_group_stop, otherwise_an_error_is_reported_and_the_others_go_on) {
    hub_group hubs{{.size = 1}};
    auto const seen = std::make_shared<transcript>();
    hubs.for_each_hub([seen](std::size_t) {
        this_hub().set_error_handler([seen](std::exception_ptr error, std::string_view) {
            seen->push_back(describe(error));
        });
    });
    // It is reported where the last handle goes: here ours has gone before it fails.
    shared_event may_fail;
    hubs.spawn([&] {
        may_fail.wait();
        throw std::runtime_error{"on its own"};
    });
    may_fail.set();
    EXPECT_EQ(hubs.spawn([] { return 7; }).get(), 7);
    hubs.close();
    ASSERT_EQ(seen->size(), 1U);
    EXPECT_TRUE(test::contains(seen->front(), "on its own"));
}

TENDRIL_TEST(hub_group_stop, the_child_of_a_fork_may_destroy_it) {
    std::optional<hub_group> hubs{std::in_place, hub_group_options{.size = 2}};
    hubs->spawn([] {}).get();
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << "ThreadSanitizer does not go on after a fork with threads";
    }
    EXPECT_TRUE(test::holds_in_a_child([&] {
        bool const refused = refuses_tasks(*hubs);
        hubs.reset();
        return refused;
    }));
    EXPECT_EQ(hubs->spawn([] { return 7; }).get(), 7);
}
