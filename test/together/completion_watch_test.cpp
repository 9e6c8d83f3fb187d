// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/support/random.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/together/completion_watch.hpp>
#include <tendril/together/gather.hpp>
#include <tendril/together/wait.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using detail::completion_watch;
using test::outcome_of;

task<void> a_sleep(std::chrono::milliseconds time) {
    return spawn([=] { sleep_for(time); });
}

// Tasks that end at random moments, in random ways; each writes its position when it ends.
class random_tasks {
public:
    explicit random_tasks(std::uint64_t seed) : random_{seed} {
        for (std::size_t i = 0; i < 6; ++i) {
            bool const fails = below(4) == 0;
            tasks_.push_back(spawn([this, i, fails, time = 1ms * below(5)] {
                scope_exit const note{[&] { ends_.push_back(i); }};
                sleep_for(time);
                if (fails) {
                    throw std::runtime_error{"bad"};
                }
            }));
        }
        sleep_for(1ms * below(3));
        for (int strikes = below(3); strikes > 0; --strikes) {
            tasks_[static_cast<std::size_t>(below(6))].cancel();
        }
    }

    void expect_counts() {
        auto const wanted = static_cast<std::size_t>(1 + below(6));
        wait_status const found = wait_some_for(1ms * below(5), wanted, tasks_);
        EXPECT_EQ(found.done.size() + found.pending.size(), tasks_.size());
        for (std::size_t const at : found.done) {
            EXPECT_TRUE(tasks_[at].done());
        }
        for (std::size_t const at : found.pending) {
            EXPECT_FALSE(tasks_[at].done());
        }
    }

    // Those that have ended before come first, in the order of their positions.
    void expect_order() {
        std::vector<std::size_t> seen;
        completion_watch watch{"a test"};
        for (auto const& each : tasks_) {
            watch.add(each.state());
        }
        std::size_t const before = watch.done();
        watch.wait({}, deadline::never());
        while (watch.has_next()) {
            seen.push_back(watch.take_next());
        }
        auto const ended_before = seen.begin() + static_cast<std::ptrdiff_t>(before);
        EXPECT_TRUE(std::is_sorted(seen.begin(), ended_before));
        // One that was cancelled before it began writes nothing.
        std::vector<std::size_t> const later{ended_before, seen.end()};
        std::size_t const written = std::min(later.size(), ends_.size());
        std::vector<std::size_t> const last{
            ends_.end() - static_cast<std::ptrdiff_t>(written), ends_.end()};
        EXPECT_EQ(later, last);
    }

    void expect_outcomes() {
        auto const all = gather_results(tasks_);
        for (std::size_t i = 0; i < all.size(); ++i) {
            EXPECT_EQ(all[i].succeeded(), tasks_[i].succeeded());
            EXPECT_EQ(all[i].error() == nullptr, tasks_[i].succeeded());
        }
    }

private:
    int below(int limit) {
        return static_cast<int>(random_below(random_, static_cast<std::uint64_t>(limit)));
    }

    seeded_random random_;
    std::vector<task<void>> tasks_;
    std::vector<std::size_t> ends_;
};

}  // namespace

TENDRIL_HUB_TEST(completion_watch, counts_a_task_once_whether_it_has_ended_or_not) {
    auto ended = a_sleep(0ms);
    ended.join();
    auto running = a_sleep(1ms);
    completion_watch watch{"a test"};
    for (auto const& each : {ended, running, ended, running}) {
        watch.add(each.state());
    }
    EXPECT_EQ(watch.positions(), 4U);
    EXPECT_EQ(watch.size(), 2U);
    EXPECT_EQ(watch.done(), 1U);
    EXPECT_TRUE(watch.wait({}, deadline::never()));
    EXPECT_EQ(watch.take_next(), 0U);
    EXPECT_EQ(watch.take_next(), 1U);
    EXPECT_FALSE(watch.has_next());
}

TENDRIL_HUB_TEST(completion_watch, leaves_the_tasks_when_it_is_destroyed) {
    auto t = a_sleep(1ms);
    {
        completion_watch watch{"a test"};
        watch.add(t.state());
        EXPECT_NE(t.state().observer_for(&watch), nullptr);
        EXPECT_FALSE(watch.wait({}, deadline::after(0ms)));
    }
    t.join();
    EXPECT_TRUE(t.succeeded());
}

TENDRIL_HUB_TEST(completion_watch, keeps_its_tasks_when_handles_go) {
    task<void> t = a_sleep(1ms);
    completion_watch watch{"a test"};
    watch.add(t.state());
    t = task<void>{};
    EXPECT_TRUE(watch.wait({}, deadline::never()));
    watch.for_each_done([](detail::task_core& each, std::size_t) { EXPECT_TRUE(each.done()); });
}

TENDRIL_HUB_TEST(completion_watch, tells_errors_from_other_failures) {
    auto stopped = a_sleep(1h);
    stopped.cancel();
    stopped.join();
    auto bad = spawn([] { throw std::runtime_error{"bad"}; });
    completion_watch watch{"a test"};
    watch.add(stopped.state());
    watch.add(bad.state());
    EXPECT_EQ(watch.first_failure(), &stopped.state());
    EXPECT_EQ(watch.first_error(), nullptr);
    watch.wait({.stop = detail::wait_goal::stop_at::error}, deadline::never());
    EXPECT_EQ(watch.first_error(), &bad.state());
    watch.waive_errors();
}

TENDRIL_HUB_TEST(completion_watch, a_shielded_wait_leaves_interruptions_pending) {
    auto t = a_sleep(2ms);
    completion_watch watch{"a test"};
    watch.add(t.state());
    auto waiting = spawn([&] {
        watch.wait_shielded({});
        return outcome_of([] { yield(); });
    });
    sleep_for(1ms);
    waiting.cancel();
    EXPECT_EQ(waiting.get(), "cancelled");
    EXPECT_TRUE(t.done());
}

TENDRIL_HUB_TEST(completion_watch, hears_of_the_end_before_those_who_join_run) {
    auto t = a_sleep(1ms);
    completion_watch watch{"a test"};
    watch.add(t.state());
    auto joins = spawn([&] {
        t.join();
        return watch.done();
    });
    EXPECT_EQ(joins.get(), 1U);
}

TENDRIL_HUB_TEST(completion_watch, many_tasks_and_many_watches) {
    std::vector<task<void>> tasks;
    for (int i = 0; i < 50; ++i) {
        tasks.push_back(a_sleep(1ms * (i % 7)));
    }
    std::vector<std::unique_ptr<completion_watch>> watches;
    for (int i = 0; i < 20; ++i) {
        watches.push_back(std::make_unique<completion_watch>("a test"));
        for (auto const& each : tasks) {
            watches.back()->add(each.state());
        }
    }
    for (std::size_t i = 0; i < watches.size(); i += 2) {
        watches[i].reset();
    }
    sleep_for(3ms);
    EXPECT_EQ(watches[1]->done(), watches[19]->done());
    EXPECT_TRUE(watches[1]->wait({}, deadline::never()));
    EXPECT_EQ(watches[19]->done(), 50U);
}

TENDRIL_ORDERED_HUB_TEST(completion_watch, random_tasks_are_seen_in_the_order_of_their_ends) {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        SCOPED_TRACE(seed);
        random_tasks tasks{seed};
        yield();
        tasks.expect_counts();
        tasks.expect_order();
        tasks.expect_outcomes();
        if (::testing::Test::HasFailure()) {
            return;
        }
    }
}

TENDRIL_HUB_TEST(completion_watch, may_have_the_last_handle_to_a_task_that_had_ended) {
    completion_watch watch{"tasks"};
    watch.add(spawn_eager([] {}).state());
    watch.add(spawn_eager([] {}).state());
    EXPECT_EQ(watch.done(), 2U);
}
