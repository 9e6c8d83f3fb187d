// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/coroutine/generator.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/together/pool.hpp>
#include <tendril/together/pool_map.hpp>

#include <algorithm>
#include <initializer_list>
#include <list>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using map_numbers = std::vector<int>;
using test::attempt;
using test::outcome_of;
using test::start;
using test::transcript;

// Takes as long as its number says.
int takes_so_long(int number) {
    sleep_for(1ms * number);
    return number;
}

int fails_for_odd(int number) {
    sleep_for(1ms * number);
    return number % 2 == 0 ? number : throw std::runtime_error{"odd " + std::to_string(number)};
}

// Reads a walk, going on after errors.
template <typename Walk>
transcript read_whole_walk(Walk&& walk) {
    transcript seen;
    for (;;) {
        std::string const how = outcome_of([&] {
            auto at = walk.begin();
            seen.push_back(at == walk.end() ? "end" : std::to_string(*at));
        });
        if (how != "returned") {
            seen.push_back(how);
        }
        if (seen.back() == "end") {
            return seen;
        }
    }
}

// Throws after two map_numbers.
generator<int> two_and_an_error() {
    return generator<int>{[](auto&& out) {
        out(2);
        out(1);
        throw std::runtime_error{"no more"};
    }};
}

// An item that cannot be handed to a task.
template <typename Error>
struct stubborn_item {
    explicit stubborn_item(int given) : number{given} {}
    stubborn_item(stubborn_item const& other) : number{other.number} {
        if (number < 0) {
            throw Error{};
        }
    }
    stubborn_item& operator=(stubborn_item const&) = default;
    ~stubborn_item() = default;

    int number;
};

struct no_copy : std::runtime_error {
    no_copy() : std::runtime_error{"no copy"} {}
};

struct no_std_exception {};

// The numbers, each as an item, made in place.
template <typename Error>
std::list<stubborn_item<Error>> stubborn_items(std::initializer_list<int> numbers) {
    std::list<stubborn_item<Error>> all;
    for (int const each : numbers) {
        all.emplace_back(each);
    }
    return all;
}

}  // namespace

TENDRIL_HUB_TEST(pool_map, map_returns_results_in_the_order_of_the_items) {
    pool tasks{2};
    map_numbers const items{3, 2, 1};
    EXPECT_EQ(tasks.map(items, takes_so_long), (map_numbers{3, 2, 1}));
    EXPECT_EQ(clock.elapsed(), 3ms);
    EXPECT_EQ(tasks.free_count(), 2);
}

TENDRIL_HUB_TEST(pool_map, map_of_nothing_returns_nothing) {
    pool tasks{1};
    EXPECT_TRUE(tasks.map(map_numbers{}, takes_so_long).empty());
    for (int const each : tasks.imap(map_numbers{}, takes_so_long)) {
        FAIL() << each;
    }
    for (int const each : tasks.imap_unordered(map_numbers{}, takes_so_long)) {
        FAIL() << each;
    }
}

TENDRIL_HUB_TEST(pool_map, map_takes_functions_without_results_and_results_that_only_move) {
    pool tasks{2};
    int sum = 0;
    tasks.map(map_numbers{1, 2, 3}, [&](int number) { sum += number; });
    EXPECT_EQ(sum, 6);
    auto const made = tasks.map(map_numbers{1, 2}, [](int n) { return std::make_unique<int>(n); });
    EXPECT_EQ(*made[1], 2);
}

TENDRIL_HUB_TEST(pool_map, map_throws_the_first_error_in_the_order_of_the_items) {
    pool tasks{5};
    EXPECT_EQ(outcome_of([&] { tasks.map(map_numbers{4, 3, 2, 1}, fails_for_odd); }), "odd 3");
    EXPECT_EQ(clock.elapsed(), 4ms);
}

TENDRIL_HUB_TEST(pool_map, map_starts_no_more_after_an_error_and_waits_for_those_that_run) {
    pool tasks{2};
    map_numbers begun;
    auto const work = [&](int number) {
        begun.push_back(number);
        return fails_for_odd(number);
    };
    EXPECT_EQ(outcome_of([&] { tasks.map(map_numbers{1, 6, 2, 4}, work); }), "odd 1");
    std::sort(begun.begin(), begun.end());
    EXPECT_EQ(begun, (map_numbers{1, 2, 6}));
    EXPECT_EQ(clock.elapsed(), 6ms);
    EXPECT_EQ(tasks.free_count(), 2);
}

TENDRIL_HUB_TEST(pool_map, map_that_is_cancelled_cancels_its_tasks_and_waits_for_them) {
    pool tasks{2};
    int ended = 0;
    attempt mapping;
    start(mapping, [&] {
        tasks.map(map_numbers{1, 2, 3}, [&](int) {
            scope_exit const count{[&] { ++ended; }};
            sleep_for(1h);
        });
    });
    yield();
    yield();
    mapping.run_by.cancel();
    mapping.run_by.join();
    EXPECT_EQ(mapping.outcome, "cancelled");
    EXPECT_TRUE(tasks.empty());
    EXPECT_EQ(ended, 2);
    EXPECT_EQ(clock.elapsed(), 0ms);
}

TENDRIL_HUB_TEST(pool_map, maps_share_a_pool) {
    pool tasks{2};
    attempt other;
    start(other, [&] {
        EXPECT_EQ(tasks.map(map_numbers{2, 2, 2}, takes_so_long), (map_numbers{2, 2, 2}));
    });
    EXPECT_EQ(tasks.map(map_numbers{1, 1, 1}, takes_so_long), (map_numbers{1, 1, 1}));
    other.run_by.join();
    EXPECT_EQ(other.outcome, "returned");
    EXPECT_LE(clock.elapsed(), 6ms);
}

TENDRIL_HUB_TEST(pool_map, imap_yields_in_order_and_holds_early_results) {
    pool tasks{3};
    map_numbers seen;
    map_numbers const items{3, 1, 2};
    for (int const each : tasks.imap(items, takes_so_long)) {
        seen.push_back(each);
        EXPECT_EQ(clock.elapsed(), 3ms);
    }
    EXPECT_EQ(seen, items);
}

TENDRIL_HUB_TEST(pool_map, imap_unordered_yields_in_the_order_of_the_ends) {
    pool tasks{3};
    map_numbers seen;
    for (int const each : tasks.imap_unordered(map_numbers{3, 1, 2}, takes_so_long)) {
        seen.push_back(each);
        EXPECT_EQ(clock.elapsed(), 1ms * each);
    }
    EXPECT_EQ(seen, (map_numbers{1, 2, 3}));
}

TENDRIL_HUB_TEST(pool_map, a_slot_that_becomes_free_is_used_while_the_walk_waits) {
    pool tasks{2};
    EXPECT_EQ(tasks.map(map_numbers{6, 1, 2, 3}, takes_so_long), (map_numbers{6, 1, 2, 3}));
    EXPECT_EQ(clock.elapsed(), 6ms);
    tasks.spawn([] { sleep_for(1ms); });
    tasks.spawn([] { sleep_for(2ms); });
    EXPECT_EQ(tasks.map(map_numbers{3, 3}, takes_so_long), (map_numbers{3, 3}));
    EXPECT_EQ(clock.elapsed(), 11ms);
}

TENDRIL_HUB_TEST(pool_map, an_error_is_thrown_at_its_place_and_the_walk_can_go_on) {
    pool tasks{2};
    EXPECT_EQ(
        read_whole_walk(tasks.imap(map_numbers{4, 1, 2}, fails_for_odd)),
        (transcript{"4", "odd 1", "2", "end"}));
    EXPECT_EQ(
        read_whole_walk(tasks.imap_unordered(map_numbers{4, 1, 2}, fails_for_odd)),
        (transcript{"odd 1", "2", "4", "end"}));
}

TENDRIL_HUB_TEST(pool_map, an_error_of_the_range_is_thrown_in_its_place) {
    pool tasks{2};
    EXPECT_EQ(
        read_whole_walk(tasks.imap(two_and_an_error(), takes_so_long)),
        (transcript{"2", "1", "no more", "end"}));
    EXPECT_EQ(outcome_of([&] { tasks.map(two_and_an_error(), takes_so_long); }), "no more");
    EXPECT_EQ(tasks.free_count(), 2);
}

TENDRIL_HUB_TEST(pool_map, a_bound_on_unread_results_holds_the_tasks_back) {
    pool tasks{5};
    int begun = 0;
    int read = 0;
    auto const work = [&](int number) {
        ++begun;
        return takes_so_long(number);
    };
    for (int const each : tasks.imap(map_numbers{3, 1, 1, 2, 1, 1}, work, {.max_unread = 2})) {
        static_cast<void>(each);
        ++read;
        sleep_for(5ms);
        EXPECT_LE(begun, read + 1);
    }
    EXPECT_EQ(read, 6);
    EXPECT_EQ(
        outcome_of([&] { tasks.imap(map_numbers{1}, takes_so_long, {.max_unread = 0}); }),
        "misuse");
}

TENDRIL_HUB_TEST(pool_map, a_range_without_end_is_taken_as_far_as_it_is_read) {
    pool tasks{2};
    generator<int> endless{[](auto&& out) {
        for (int i = 0;; ++i) {
            out(i);
        }
    }};
    int sum = 0;
    for (int const each : tasks.imap(endless, [](int i) { return i; }, {.max_unread = 3})) {
        sum += each;
        if (each == 10) {
            break;
        }
    }
    EXPECT_EQ(sum, 55);
    tasks.join();
}

TENDRIL_HUB_TEST(pool_map, leaving_the_walk_leaves_nobody_blocked) {
    pool tasks{2};
    int ended = 0;
    auto const work = [&](int number) {
        sleep_for(1ms * number);
        return ++ended;
    };
    attempt consumer;
    start(consumer, [&] {
        for (int const each : tasks.imap(map_numbers{1, 2, 3, 4, 5}, work, {.max_unread = 2})) {
            static_cast<void>(each);
            sleep_for(1h);
        }
    });
    sleep_for(10ms);
    consumer.run_by.kill();
    consumer.run_by.join();
    EXPECT_EQ(consumer.outcome, "exit");
    tasks.join();
    EXPECT_EQ(ended, 2);
    EXPECT_EQ(tasks.free_count(), 2);
}

TENDRIL_HUB_TEST(pool_map, one_that_is_cancelled_while_it_waits_leaves_its_tasks_running) {
    pool tasks{1};
    int ended = 0;
    attempt consumer;
    start(consumer, [&] {
        for (int const each : tasks.imap(map_numbers{2, 2}, [&](int number) {
                 takes_so_long(number);
                 return ++ended;
             })) {
            FAIL() << each;
        }
    });
    sleep_for(1ms);
    consumer.run_by.cancel();
    consumer.run_by.join();
    EXPECT_EQ(consumer.outcome, "cancelled");
    tasks.join();
    EXPECT_EQ(ended, 1);
}

TENDRIL_HUB_TEST(pool_map, errors_that_nobody_reads_are_reported) {
    transcript reported;
    test::collect_errors(reported);
    pool tasks{2};
    for (int const each : tasks.imap_unordered(map_numbers{2, 3}, fails_for_odd)) {
        EXPECT_EQ(each, 2);
        break;
    }
    tasks.join();
    yield();
    EXPECT_EQ(reported.size(), 1U);
}

TENDRIL_HUB_TEST(pool_map, an_item_that_cannot_be_copied_is_an_error_in_its_place) {
    pool tasks{2};
    auto items = stubborn_items<no_copy>({1, -1, 3});
    EXPECT_EQ(
        read_whole_walk(tasks.imap(items, [](auto const& each) { return each.number; })),
        (transcript{"1", "no copy", "end"}));
    tasks.join();
    EXPECT_EQ(tasks.free_count(), 2);
}

TENDRIL_HUB_TEST(pool_map, what_is_no_exception_of_the_library_goes_to_the_walker_at_once) {
    pool tasks{2};
    int ended = 0;
    auto items = stubborn_items<no_std_exception>({1, -1, 3});
    auto const work = [&](auto const& each) {
        sleep_for(1ms);
        ++ended;
        return each.number;
    };
    EXPECT_THROW(tasks.map(items, work), no_std_exception);
    EXPECT_LE(ended, 1);
    EXPECT_EQ(tasks.free_count(), 2);
}

TENDRIL_HUB_TEST(pool_map, a_cancel_that_comes_in_the_range_is_for_the_walker) {
    pool tasks{2};
    attempt walking;
    start(walking, [&] {
        auto const slowly = [](int number) {
            sleep_for(number == 2 ? 1h : 0h);
            return true;
        };
        map_numbers numbers{1, 2, 3};
        tasks.map(numbers | std::views::filter(slowly), [](int number) { return number; });
    });
    sleep_for(1s);
    walking.run_by.cancel();
    walking.run_by.join();
    EXPECT_EQ(walking.outcome, "cancelled");
    EXPECT_EQ(tasks.free_count(), 2);
    EXPECT_EQ(clock.elapsed(), 1s);
}
