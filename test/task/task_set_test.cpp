// SPDX-License-Identifier: BSL-1.0
//
// Random programs over one pool: greenlets spawn, apply, map, cancel and kill each other and run
// out of time. Never more run than there are slots, every slot comes back, and nobody is left.
#include <harness/tasks.hpp>
#include <tendril/support/random.hpp>
#include <tendril/task/gather.hpp>
#include <tendril/task/pool.hpp>
#include <tendril/task/task_set.hpp>
#include <tendril/task/wait.hpp>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::outcome_of;

class pool_program {
public:
    explicit pool_program(std::uint64_t seed) : random_{seed}, tasks_{1 + below(3)} {
        actors_.resize(4);
        for (auto& each : actors_) {
            each = spawn([this] {
                for (int step = 0; step < 8; ++step) {
                    static_cast<void>(outcome_of([&] { act(); }));
                }
            });
        }
        for (int strike = 0; strike < 12; ++strike) {
            sleep_for(1ms * below(3));
            strike_somebody();
        }
    }

    void finish() {
        wait_all(actors_);
        tasks_.join();
        wait_all(async_);
        tasks_.join();
    }

    void expect_whole() {
        EXPECT_LE(most_, tasks_.slots());
        EXPECT_EQ(running_, 0);
        EXPECT_EQ(tasks_.free_count(), tasks_.slots());
        EXPECT_TRUE(tasks_.empty());
        EXPECT_EQ(wrong_maps_, 0);
        EXPECT_EQ(tasks_.wait_available_for(0ms), tasks_.slots());
    }

private:
    int below(int limit) {
        return static_cast<int>(random_below(random_, static_cast<std::uint64_t>(limit)));
    }

    int work(int number) {
        most_ = std::max<std::ptrdiff_t>(most_, ++running_);
        scope_exit const count{[this] { --running_; }};
        sleep_for(1ms * below(4));
        return number;
    }

    void act() {
        auto const job = [this] { return work(1); };
        switch (below(9)) {
        case 0:
            tasks_.spawn(job);
            break;
        case 1:
            tasks_.spawn_for(1ms * below(3), job);
            break;
        case 2:
            tasks_.try_spawn(job);
            break;
        case 3:
            tasks_.apply(job);
            break;
        case 4:
            async_.push_back(tasks_.apply_async(job));
            break;
        case 5:
            map_some();
            break;
        case 6:
            walk_some();
            break;
        case 7:
            gather_results(tasks_.spawn(job), tasks_.spawn(job));
            break;
        default:
            with_timeout(1ms * below(4), [&] { tasks_.join(); });
        }
    }

    void map_some() {
        std::vector<int> items(static_cast<std::size_t>(below(5)));
        std::iota(items.begin(), items.end(), 0);
        auto const got = with_timeout(1ms * (1 + below(20)), [&] {
            return tasks_.map(items, [this](int number) { return work(number); });
        });
        wrong_maps_ += got == items ? 0 : 1;
    }

    void walk_some() {
        std::vector<int> const items{0, 1, 2, 3};
        std::vector<int> seen;
        for (int const each : tasks_.imap_unordered(
                 items, [this](int number) { return work(number); },
                 {.max_unread = static_cast<std::size_t>(1 + below(3))})) {
            seen.push_back(each);
            if (below(6) == 0) {
                return;
            }
        }
        std::sort(seen.begin(), seen.end());
        wrong_maps_ += seen == items ? 0 : 1;
    }

    void strike_somebody() {
        switch (below(5)) {
        case 0:
            actors_[static_cast<std::size_t>(below(4))].cancel();
            break;
        case 1:
            actors_[static_cast<std::size_t>(below(4))].kill();
            break;
        case 2:
            if (std::vector<any_task> const members = tasks_.tasks(); !members.empty()) {
                members.back().cancel();
            }
            break;
        case 3:
            if (!async_.empty()) {
                async_.back().kill();
            }
            break;
        default:
            tasks_.kill_for(1ms * below(3));
        }
    }

    seeded_random random_;
    pool tasks_;
    std::vector<task<void>> actors_;
    std::vector<task<int>> async_;
    std::ptrdiff_t running_ = 0;
    std::ptrdiff_t most_ = 0;
    int wrong_maps_ = 0;
};

}  // namespace

TENDRIL_HUB_TEST(task_set, random_programs_conserve_the_slots_of_a_pool) {
    test::ignore_errors();
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        SCOPED_TRACE(seed);
        pool_program program{seed};
        program.finish();
        program.expect_whole();
        if (::testing::Test::HasFailure()) {
            return;
        }
    }
}

TENDRIL_HUB_TEST(task_set, a_slot_that_was_taken_and_not_filled_is_given_back) {
    auto const set = std::make_shared<detail::task_set>(1);
    EXPECT_TRUE(set->try_take());
    { detail::taken_slot const unused{set}; }
    EXPECT_EQ(set->free(), 1);
    EXPECT_EQ(set->size(), 0U);
}

TENDRIL_HUB_TEST(task_set, a_slot_that_is_handed_over_is_never_free) {
    auto const set = std::make_shared<detail::task_set>(1);
    EXPECT_TRUE(set->try_take());
    bool got = false;
    auto waits = spawn([&] { got = set->take(deadline::never()); });
    auto joins = spawn([&] { return set->join(deadline::after(1ms)); });
    yield();
    set->give_back();
    EXPECT_EQ(set->free(), 0);
    waits.join();
    EXPECT_TRUE(got);
    EXPECT_FALSE(joins.get());
    set->give_back();
    EXPECT_TRUE(set->join(deadline::never()));
}

TENDRIL_HUB_TEST(task_set, a_handed_over_slot_beats_a_kill_of_the_same_turn) {
    auto const set = std::make_shared<detail::task_set>(1);
    EXPECT_TRUE(set->try_take());
    std::string end;
    auto waits = spawn([&] {
        set->take(deadline::never());
        set->give_back();
        end = outcome_of([] { yield(); });
    });
    yield();
    this_hub().call_soon([&] {
        set->give_back();
        waits.cancel();
    });
    waits.join();
    EXPECT_EQ(end, "cancelled");
    EXPECT_EQ(set->free(), 1);
}
