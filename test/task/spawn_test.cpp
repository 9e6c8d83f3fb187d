// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <harness/tasks.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/task/spawn.hpp>

#include <sys/mman.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::contains;
using test::misuse_of;
using test::transcript;
using test::traveller;

int twice(int number) { return 2 * number; }

struct adder {
    int base;
    int add(int number) const { return base + number; }
};

}  // namespace

TENDRIL_HUB_TEST(spawn, nothing_has_run_when_it_returns) {
    bool began = false;
    auto const t = spawn([&] { began = true; });
    EXPECT_FALSE(began);
    yield();
    EXPECT_TRUE(began);
}

TENDRIL_HUB_TEST(spawn, does_not_switch_and_takes_no_stack) {
    hub_statistics const before = this_hub().statistics();
    auto const t = spawn([] {});
    EXPECT_EQ(this_hub().statistics().switches, before.switches);
    EXPECT_EQ(this_hub().statistics().stacks.in_use, before.stacks.in_use);
}

TENDRIL_ORDERED_HUB_TEST(spawn, tasks_begin_in_the_order_they_were_spawned) {
    transcript seen;
    for (char const* word : {"a", "b", "c"}) {
        spawn([&seen, word] { seen.push_back(word); });
    }
    yield();
    EXPECT_EQ(seen, (transcript{"a", "b", "c"}));
}

TENDRIL_HUB_TEST(spawn, calls_whatever_can_be_called) {
    EXPECT_EQ(spawn(twice, 21).get(), 42);
    EXPECT_EQ(spawn(&twice, 21).get(), 42);
    EXPECT_EQ(spawn(&adder::add, adder{40}, 2).get(), 42);
    EXPECT_EQ(spawn(std::function<int()>{[] { return 42; }}).get(), 42);
    EXPECT_EQ(spawn([n = 0]() mutable { return ++n; }).get(), 1);
}

TENDRIL_HUB_TEST(spawn, arguments_of_many_kinds_arrive) {
    std::string greeting = "hello";
    int counter = 0;
    auto t = spawn(
        [](std::string const& text, std::unique_ptr<int> number, int& counted) {
            ++counted;
            return text + std::to_string(*number);
        },
        greeting, std::make_unique<int>(7), std::ref(counter));
    greeting = "changed";
    EXPECT_EQ(t.get(), "hello7");
    EXPECT_EQ(counter, 1);
}

TENDRIL_HUB_TEST(spawn, an_argument_is_copied_once_or_moved_and_never_copied) {
    traveller::start();
    traveller const copied{1};
    EXPECT_EQ(spawn([](traveller const& t) { return t.luggage; }, copied).get(), 1);
    EXPECT_EQ(traveller::copies, 1);
    EXPECT_EQ(traveller::moves, 0);
    traveller::start();
    EXPECT_EQ(spawn([](traveller const& t) { return t.luggage; }, traveller{2}).get(), 2);
    EXPECT_EQ(traveller::copies, 0);
    EXPECT_EQ(traveller::moves, 1);
}

TENDRIL_HUB_TEST(spawn, the_function_itself_is_moved_and_never_copied) {
    traveller::start();
    EXPECT_EQ(spawn([t = traveller{1}] { return t.luggage; }).get(), 1);
    EXPECT_EQ(traveller::copies, 0);
}

TENDRIL_HUB_TEST(spawn, function_and_arguments_are_destroyed_when_the_task_ends) {
    auto const captured = std::make_shared<int>(1);
    auto const passed = std::make_shared<int>(1);
    auto const t = spawn([captured](std::shared_ptr<int> const&) {}, passed);
    EXPECT_EQ(captured.use_count(), 2);
    t.join();
    EXPECT_EQ(captured.use_count(), 1);
    EXPECT_EQ(passed.use_count(), 1);
}

TENDRIL_HUB_TEST(spawn, works_in_a_callback) {
    int result = 0;
    this_hub().call_soon([&] {
        spawn([&] {
            sleep_for(1ms);
            result = 7;
        });
    });
    sleep_for(2ms);
    EXPECT_EQ(result, 7);
}

TENDRIL_TEST(spawn, makes_the_hub_of_its_thread) {
    test::on_new_thread([] { EXPECT_EQ(spawn([] { return 7; }).get(), 7); });
}

// Options.

TENDRIL_HUB_TEST(spawn, a_task_has_the_name_it_was_given) {
    std::string name = "worker";
    auto const t = spawn({.name = name}, [] { return greenlet::current().block()->name; });
    name = "changed";
    EXPECT_EQ(t.name(), "worker");
    EXPECT_STREQ(task<char const*>{t}.get(), t.name().c_str());
    EXPECT_EQ(spawn([] {}).name(), "");
}

TENDRIL_HUB_TEST(spawn, a_task_has_a_stack_of_the_size_it_was_given) {
    auto const size = [] { return greenlet::current().block()->memory->size(); };
    EXPECT_GE(spawn({.stack_size = 1024 * 1024}, size).get(), 1024U * 1024 - 4096);
    EXPECT_LT(spawn(size).get(), 1024U * 1024);
}

TENDRIL_HUB_TEST(spawn, a_stack_that_is_too_large_is_refused_and_nothing_remains) {
    auto const captured = std::make_shared<int>(1);
    spawn_options options;
    options.stack_size = stack_pool::maximum_size + 1;
    std::string const text = misuse_of([&] { spawn(options, [captured] {}); });
    EXPECT_TRUE(contains(text, "at most 1 GiB")) << text;
    EXPECT_EQ(captured.use_count(), 1);
}

TENDRIL_HUB_TEST(spawn, an_error_names_the_task_and_where_it_was_spawned) {
    transcript errors;
    test::collect_errors(errors);
    spawn({.name = "worker"}, [] { throw std::runtime_error{"broken"}; });
    yield();
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_TRUE(contains(errors[0], "'worker' spawned at ")) << errors[0];
    EXPECT_TRUE(contains(errors[0], "spawn_test.cpp:")) << errors[0];
    EXPECT_TRUE(contains(errors[0], ": std::runtime_error: broken")) << errors[0];
}

// Stacks.

TENDRIL_TEST(spawn, ten_thousand_tasks_in_sequence_use_one_stack) {
    test::run_on_new_thread([] {
        std::size_t const before = this_hub().statistics().stacks.in_use;
        long sum = 0;
        for (int number = 0; number < 10'000; ++number) {
            sum += spawn([number] { return number; }).get();
        }
        EXPECT_EQ(sum, 49'995'000L);
        EXPECT_EQ(this_hub().statistics().stacks.peak, before + 1);
    });
}

TENDRIL_HUB_TEST(spawn, tasks_that_have_not_begun_need_no_stacks) {
    hub_statistics const before = this_hub().statistics();
    std::vector<task<void>> all;
    for (int number = 0; number < 3'000; ++number) {
        all.push_back(spawn([] {}));
    }
    yield();
    EXPECT_EQ(this_hub().statistics().stacks.in_use, before.stacks.in_use);
    EXPECT_LE(this_hub().statistics().stacks.peak, before.stacks.peak + 1);
    EXPECT_TRUE(all.back().succeeded());
}

TENDRIL_TEST(spawn, a_task_that_gets_no_stack_fails_with_that_error) {
    test::run_on_new_thread([] {
        spawn([] {}).join();
        system_calls table = kernel();
        table.mmap = [](void*, std::size_t, int, int, int, off_t) -> void* {
            errno = ENOMEM;
            return MAP_FAILED;
        };
        replaced_system_calls const until_end{table};
        auto const captured = std::make_shared<int>(1);
        std::vector<task<int>> all;
        do {
            all.push_back(spawn([captured] {
                sleep_for(1ms);
                return 7;
            }));
            yield();
        } while (!all.back().done() && all.size() < 2000);
        EXPECT_GT(all.size(), 1U);
        EXPECT_THROW(all.back().get(), stack_exhausted);
        EXPECT_EQ(captured.use_count(), static_cast<long>(all.size()));
        EXPECT_EQ(all.front().get(), 7) << "the others are not affected";
        EXPECT_EQ(spawn([] { return 8; }).get(), 8) << "there are stacks again";
    });
}
