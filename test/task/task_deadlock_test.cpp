// SPDX-License-Identifier: BSL-1.0
//
// Greenlets that wait for each other, or for nobody: main is told who waits.
#include <harness/tasks.hpp>
#include <tendril/channel/queue.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/sync/mutex.hpp>

#include <mutex>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::contains;
using test::outcome_of;

// Lets main wait too; returns what it is told.
template <typename F>
std::string text_of_the_end_of_hope(F&& wait) {
    try {
        wait();
    } catch (would_block_forever const& error) {
        return error.what();
    }
    return {};
}

// Says whether a text has a line of a task with this name, and of where it was spawned.
bool lists(std::string const& text, std::string const& name) {
    auto const at = text.find("'" + name + "' parked, waits for ");
    return at != std::string::npos &&
        contains(text.substr(at, text.find('\n', at) - at), "task_deadlock_test.cpp:");
}

}  // namespace

TENDRIL_HUB_TEST(task_deadlock, of_two_that_wait_for_the_end_of_each_other) {
    task<void> first;
    task<void> second;
    first = spawn({.name = "first"}, [&] { second.join(); });
    second = spawn({.name = "second"}, [&] { first.join(); });
    std::string const text = text_of_the_end_of_hope([&] { first.join(); });
    EXPECT_TRUE(lists(text, "first")) << text;
    EXPECT_TRUE(lists(text, "second")) << text;
    first.cancel();
    second.join();
}

TENDRIL_HUB_TEST(task_deadlock, of_two_that_lock_in_different_orders) {
    tendril::mutex left;
    tendril::mutex right;
    auto const lock_both = [](tendril::mutex& one, tendril::mutex& other) {
        std::lock_guard const outer{one};
        yield();
        std::lock_guard const inner{other};
    };
    auto const first = spawn({.name = "first"}, [&] { lock_both(left, right); });
    auto const second = spawn({.name = "second"}, [&] { lock_both(right, left); });
    std::string const text = text_of_the_end_of_hope([&] { first.join(); });
    EXPECT_TRUE(lists(text, "first")) << text;
    EXPECT_TRUE(lists(text, "second")) << text;
    first.cancel();
    second.join();
    EXPECT_TRUE(second.succeeded());
}

TENDRIL_HUB_TEST(task_deadlock, of_one_that_takes_from_a_queue_that_nobody_fills) {
    queue<int> empty;
    auto const taker = spawn({.name = "taker"}, [&] { empty.get(); });
    std::string const text = text_of_the_end_of_hope([&] { taker.join(); });
    EXPECT_TRUE(lists(text, "taker")) << text;
    empty.put(1);
    taker.join();
}

TENDRIL_HUB_TEST(task_deadlock, of_one_that_waits_for_its_own_end_is_misuse_at_once) {
    task<void> self;
    std::string outcome;
    self = spawn([&] { outcome = outcome_of([&] { self.join(); }); });
    self.join();
    EXPECT_EQ(outcome, "misuse");
}
