// SPDX-License-Identifier: BSL-1.0
//
// Which idle stacks keep their pages, who gets them, and what goes back to the system.
#include <harness/tendril_test.hpp>
#include <tendril/context/stack_pool.hpp>
#include <tendril/context/stack_usage.hpp>

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
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

// Says how many times something was given back.
std::size_t give_all_back(stack_pool& pool) {
    std::size_t steps = 0;
    while (pool.give_back_some() != given_back::nothing) {
        ++steps;
    }
    return steps;
}

bool is_mapped(std::byte const* address) {
    unsigned char resident = 0;
    auto const page = reinterpret_cast<std::uintptr_t>(address) & ~std::uintptr_t{4095};
    return ::mincore(reinterpret_cast<void*>(page), 1, &resident) == 0 || errno != ENOMEM;
}

TENDRIL_TEST(stack_pool, has_nothing_to_review_after_a_few_stacks) {
    stack_pool pool;
    use_and_return(pool, stack_pool::always_warm);
    EXPECT_FALSE(pool.has_leftovers());
    use_and_return(pool, stack_pool::always_warm + 1);
    EXPECT_TRUE(pool.has_leftovers());
}

TENDRIL_TEST(stack_pool, a_review_takes_the_pages_of_stacks_that_were_not_needed_since_the_last) {
    stack_pool pool;
    use_and_return(pool, 200);
    pool.review();
    EXPECT_EQ(give_all_back(pool), 0U);
    EXPECT_EQ(pool.statistics().warm, 200U);
    use_and_return(pool, 100);
    pool.review();
    EXPECT_EQ(give_all_back(pool), 2U);
    EXPECT_EQ(pool.statistics().warm, 100U);
    pool.review();
    give_all_back(pool);
    EXPECT_EQ(pool.statistics().warm, stack_pool::always_warm);
    EXPECT_EQ(pool.statistics().idle, 200U);
    pool.review();
    EXPECT_FALSE(pool.has_leftovers());
    EXPECT_EQ(pool.statistics().peak, 200U);
}

TENDRIL_TEST(stack_pool, a_review_takes_pages_of_every_size) {
    stack_pool pool;
    std::vector<stack*> large;
    for (int taken = 0; taken < 100; ++taken) {
        large.push_back(&pool.acquire(1024 * 1024));
    }
    for (stack* each : large) {
        pool.release(*each);
    }
    use_and_return(pool, 10);
    pool.review();
    pool.review();
    give_all_back(pool);
    EXPECT_EQ(pool.statistics().warm, stack_pool::always_warm);
}

TENDRIL_TEST(stack_pool, unmaps_slabs_when_a_crowd_is_gone_for_two_reviews) {
    stack_pool pool;
    std::byte const* const in_last = use_and_return(pool, 3000).back()->limit;
    std::size_t const reserved = pool.statistics().reserved;
    pool.review();
    pool.review();
    give_all_back(pool);
    EXPECT_EQ(pool.statistics().reserved, reserved);
    pool.review();
    EXPECT_GT(give_all_back(pool), 0U);
    EXPECT_LT(pool.statistics().idle, stack_pool::idle_crowd);
    EXPECT_LT(pool.statistics().reserved, reserved / 10);
    EXPECT_FALSE(is_mapped(in_last));
}

TENDRIL_TEST(stack_pool, keeps_slabs_with_a_stack_in_use_and_all_that_are_needed_now_and_then) {
    stack_pool pool;
    std::vector<stack*> used;
    for (int taken = 0; taken < 3000; ++taken) {
        used.push_back(&pool.acquire());
    }
    stack* const last = used.back();
    used.pop_back();
    for (stack* each : used) {
        pool.release(*each);
    }
    last->top[-64] = std::byte{7};
    for (int review = 0; review < 3; ++review) {
        pool.review();
        give_all_back(pool);
    }
    EXPECT_EQ(last->top[-64], std::byte{7});
    EXPECT_EQ(pool.statistics().in_use, 1U);
    pool.release(*last);
    // A thousand are needed between any two reviews.
    use_and_return(pool, 4500);
    for (int review = 0; review < 5; ++review) {
        use_and_return(pool, 1000);
        pool.review();
        give_all_back(pool);
    }
    EXPECT_GE(pool.statistics().idle, 1000U);
    EXPECT_EQ(pool.statistics().warm, 1000U);
}

TENDRIL_TEST(stack_pool, hands_out_new_stacks_after_slabs_were_unmapped) {
    stack_pool pool;
    for (int round = 0; round < 3; ++round) {
        use_and_return(pool, 2500);
        for (int review = 0; review < 3; ++review) {
            pool.review();
            give_all_back(pool);
        }
    }
    EXPECT_EQ(pool.statistics().in_use, 0U);
    EXPECT_EQ(pool.statistics().peak, 2500U);
}

}  // namespace
