// SPDX-License-Identifier: BSL-1.0
//
// How a task comes to its hub, and what becomes of it when it does not.
#include <harness/failing_allocations.hpp>
#include <harness/hubs.hpp>
#include <tendril/hubs/hub_group.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/task/context_var.hpp>
#include <tendril/time/sleep.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

// Says on which thread it was destroyed, by its mark there.
struct witness {
    explicit witness(std::atomic<std::thread::id>& seen) : where{&seen} {}
    witness(witness&& other) noexcept : where{std::exchange(other.where, nullptr)} {}
    witness& operator=(witness&&) = delete;
    ~witness() {
        if (where != nullptr) {
            *where = std::this_thread::get_id();
        }
    }
    std::atomic<std::thread::id>* where;
};

context_var<std::string> placed_user{"nobody"};

}  // namespace

TENDRIL_TEST(placed_task, captures_are_destroyed_on_the_hub_before_the_result_is_there) {
    hub_group hubs{{.size = 1}};
    std::atomic<std::thread::id> destroyed_on{};
    auto const ran_on = hubs.spawn(
        [](witness const&) { return std::this_thread::get_id(); }, witness{destroyed_on});
    std::thread::id const where = ran_on.get();
    EXPECT_EQ(where, destroyed_on.load());
    EXPECT_NE(where, std::this_thread::get_id());
}

TENDRIL_TEST(placed_task, whoever_has_the_result_finds_the_numbers_up_to_date) {
    hub_group hubs{{.size = 1}};
    for (std::uint64_t lap = 1; lap <= 100; ++lap) {
        hubs.spawn([] {}).get();
        EXPECT_EQ(hubs.statistics()[0].tasks, 0U);
        EXPECT_EQ(hubs.statistics()[0].completed, lap);
    }
}

TENDRIL_TEST(placed_task, what_is_only_moved_goes_there_and_comes_back) {
    hub_group hubs{{.size = 2}};
    auto const doubled = hubs.spawn(
        [](std::unique_ptr<int> number) { return std::make_unique<int>(2 * *number); },
        std::make_unique<int>(21));
    EXPECT_EQ(*doubled.get(), 42);
}

TENDRIL_TEST(placed_task, has_the_context_variables_of_its_spawner) {
    hub_group hubs{{.size = 1}};
    placed_user.set("ada");
    EXPECT_EQ(hubs.spawn([] { return placed_user.get(); }).get(), "ada");
    placed_user.set("nobody");
    set_context(greenlet::current(), {});
    EXPECT_EQ(hubs.spawn([] { return placed_user.get(); }).get(), "nobody");
}

TENDRIL_TEST(placed_task, a_cancel_of_the_future_cancels_the_task_on_its_hub) {
    hub_group hubs{{.size = 1}};
    shared_event begun;
    shared_promise<std::string> end;
    auto const waits = hubs.spawn([&begun, end] {
        begun.set();
        end.set_value(test::outcome_of([] { sleep_for(1h); }));
    });
    begun.wait();
    EXPECT_TRUE(waits.cancel());
    EXPECT_EQ(end.get_future().get(), "cancelled");
    EXPECT_THROW(waits.get(), task_cancelled);
    hubs.spawn([] {}).get();
    EXPECT_EQ(hubs.statistics()[0].tasks, 0U);
}

TENDRIL_TEST(placed_task, one_that_is_cancelled_before_it_begins_never_does) {
    hub_group hubs{{.size = 1}};
    shared_event blocked;
    shared_event go_on;
    std::atomic<bool> ran{false};
    hubs.door(0).post([&] {
        blocked.set();
        while (!go_on.is_set()) {
            std::this_thread::yield();
        }
    });
    blocked.wait();
    auto const never = hubs.spawn([&ran, token = std::make_shared<int>(1)] { ran = true; });
    EXPECT_TRUE(never.cancel());
    go_on.set();
    hubs.spawn([] {}).get();
    EXPECT_FALSE(ran);
    EXPECT_EQ(hubs.statistics()[0].tasks, 0U);
}

TENDRIL_TEST(placed_task, is_spawned_or_not_when_memory_fails_and_nothing_is_lost) {
    hub_group hubs{{.size = 1}};
    auto const token = std::make_shared<int>(1);
    int spawned = 0;
    for (std::size_t number = 1; number <= 12; ++number) {
        std::optional<shared_future<int>> made;
        {
            tendril::testing::failing_allocations const fails{number};
            try {
                made = hubs.spawn([token] { return *token; });
            } catch (std::bad_alloc const&) {}
        }
        spawned += made ? 1 : 0;
        EXPECT_EQ(made ? made->get() : 1, 1);
    }
    EXPECT_GT(spawned, 0);
    EXPECT_LT(spawned, 12);
    hubs.spawn([] {}).get();
    EXPECT_EQ(token.use_count(), 1);
    EXPECT_EQ(hubs.statistics()[0].tasks, 0U);
}

TENDRIL_TEST(placed_task, gives_an_error_in_its_place_when_the_hub_has_no_memory_for_it) {
    hub_group hubs{{.size = 1}};
    int failed = 0;
    for (std::size_t number = 1; number <= 20; ++number) {
        shared_event ready;
        shared_event over;
        std::optional<tendril::testing::failing_allocations> fails;
        // The hub's thread itself, from now until the task has begun or failed.
        hubs.door(0).post([&] { fails.emplace(number); });
        auto const made = hubs.spawn([] { return 7; });
        hubs.door(0).post([&] {
            fails.reset();
            over.set();
        });
        over.wait();
        try {
            EXPECT_EQ(made.get(), 7);
        } catch (std::bad_alloc const&) {
            ++failed;
        }
    }
    EXPECT_GT(failed, 0);
    EXPECT_EQ(hubs.statistics()[0].tasks, 0U);
}
