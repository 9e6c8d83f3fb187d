// SPDX-License-Identifier: BSL-1.0
//
// Which idle stacks keep their pages, and who gets them.
#include <harness/tendril_test.hpp>
#include <tendril/context/stack_pool.hpp>
#include <tendril/context/stack_usage.hpp>

#include <vector>

namespace {

using namespace tendril;

// Takes stacks, writes to each, and returns them all.
std::vector<stack*> use_and_return(stack_pool& pool, std::size_t count) {
    std::vector<stack*> used;
    for (std::size_t taken = 0; taken < count; ++taken) {
        used.push_back(&pool.acquire());
        used.back()->top[-64] = std::byte{1};
    }
    for (stack* each : used) {
        pool.release(*each);
    }
    return used;
}

TENDRIL_TEST(stack_pool, keeps_the_pages_of_so_many_idle_stacks_and_no_more) {
    stack_pool pool;
    pool.set_warm_limit(3);
    std::vector<stack*> const used = use_and_return(pool, 5);
    EXPECT_EQ(pool.statistics().idle, 5U);
    EXPECT_EQ(pool.statistics().warm, 3U);
    for (std::size_t index = 0; index < used.size(); ++index) {
        EXPECT_EQ(stack_usage(*used[index]) > 0, index < 3);
    }
}

TENDRIL_TEST(stack_pool, hands_out_warm_stacks_before_cold_ones) {
    stack_pool pool;
    pool.set_warm_limit(2);
    std::vector<stack*> const used = use_and_return(pool, 3);
    EXPECT_EQ(&pool.acquire(), used[1]);
    EXPECT_EQ(&pool.acquire(), used[0]);
    EXPECT_EQ(&pool.acquire(), used[2]);
    EXPECT_EQ(pool.statistics().warm, 0U);
    for (stack* each : used) {
        pool.release(*each);
    }
}

TENDRIL_TEST(stack_pool, counts_warm_stacks_of_each_size_for_itself) {
    stack_pool pool;
    pool.set_warm_limit(1);
    pool.release(pool.acquire(64 * 1024));
    pool.release(pool.acquire(1024 * 1024));
    EXPECT_EQ(pool.statistics().warm, 2U);
    pool.trim();
    EXPECT_EQ(pool.statistics().warm, 0U);
    EXPECT_EQ(pool.statistics().idle, 2U);
}

TENDRIL_TEST(stack_pool, a_trimmed_stack_is_warm_again_after_its_next_use) {
    stack_pool pool;
    use_and_return(pool, 2);
    pool.trim();
    pool.release(pool.acquire());
    EXPECT_EQ(pool.statistics().warm, 1U);
    EXPECT_EQ(pool.statistics().idle, 2U);
}

TENDRIL_TEST(stack_pool, hands_out_stacks_without_a_page_while_it_is_told_so) {
    stack_pool pool;
    use_and_return(pool, 1);
    pool.set_fresh(true);
    stack& fresh = pool.acquire();
    EXPECT_EQ(stack_usage(fresh), 0U);
    fresh.top[-64] = std::byte{1};
    pool.release(fresh);
    pool.set_fresh(false);
    EXPECT_GT(stack_usage(pool.acquire()), 0U);
    pool.release(fresh);
}

}  // namespace
