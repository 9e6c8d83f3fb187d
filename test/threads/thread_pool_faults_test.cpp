// SPDX-License-Identifier: BSL-1.0
//
// Each allocation of the caller fails while a pool maps: no job uses what the caller has left.
#include <harness/failing_allocations.hpp>
#include <harness/hubs.hpp>
#include <tendril/threads/thread_pool.hpp>
#include <tendril/time/sleep.hpp>

#include <atomic>
#include <vector>

namespace {

using namespace tendril;

// Maps while an allocation fails. Returns how often the function was called behind the end of that.
int late_calls_when(std::size_t fails) {
    std::atomic<bool> over{false};
    std::atomic<int> late{0};
    tendril::test::virtual_clock clock;
    run({.clock = &clock}, [&] {
        thread_pool pool{{.maximum_size = 1}};
        try {
            tendril::testing::failing_allocations const next{
                fails, tendril::testing::failure::once};
            pool.map(std::vector{1, 2, 3}, [&](int) { late += over ? 1 : 0; });
        } catch (std::exception const&) {
            // There was no memory, or no thread for want of it.
        }
        over = true;
        // Whoever was left behind begins now.
        for (int turn = 0; turn < 10; ++turn) {
            yield();
        }
        pool.join();
    });
    return late;
}

}  // namespace

TENDRIL_TEST(thread_pool_faults, a_map_without_memory_leaves_no_task_behind) {
    for (std::size_t number = 0; number < 40; ++number) {
        EXPECT_EQ(late_calls_when(number), 0) << "allocation " << number;
    }
}
