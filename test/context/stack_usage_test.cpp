// SPDX-License-Identifier: BSL-1.0
#include <harness/bare_context.hpp>
#include <tendril/context/stack_pool.hpp>
#include <tendril/context/stack_usage.hpp>

#include <gtest/gtest.h>

namespace {

using namespace tendril;

TEST(stack_usage, a_stack_that_nobody_has_touched_was_never_used) {
    stack_pool pool;
    stack& memory = pool.acquire();
    EXPECT_EQ(stack_usage(memory), 0U);
    pool.release(memory);
}

TEST(stack_usage, is_the_distance_from_the_top_to_the_deepest_word) {
    stack_pool pool;
    stack& memory = pool.acquire();
    for (std::size_t depth : {64U, 8'000U, 100'000U}) {
        *(memory.top - depth) = std::byte{1};
        EXPECT_GE(stack_usage(memory), depth);
        EXPECT_LT(stack_usage(memory), depth + 4096);
    }
    pool.release(memory);
}

TEST(stack_usage, counts_the_last_byte_that_can_be_written) {
    stack_pool pool;
    stack& memory = pool.acquire();
    *memory.limit = std::byte{1};
    EXPECT_EQ(stack_usage(memory), memory.size());
    pool.release(memory);
}

TEST(stack_usage, begins_anew_when_the_pages_were_given_back) {
    stack_pool pool;
    stack& memory = pool.acquire();
    *(memory.top - 50'000) = std::byte{1};
    pool.release(memory);
    pool.trim();
    EXPECT_EQ(&pool.acquire(), &memory);
    EXPECT_EQ(stack_usage(memory), 0U);
    pool.release(memory);
}

TEST(stack_usage, touches_nothing_by_itself) {
    stack_pool pool;
    stack& memory = pool.acquire();
    *(memory.top - 64) = std::byte{1};
    std::size_t const before = stack_usage(memory);
    EXPECT_EQ(stack_usage(memory), before);
    pool.release(memory);
}

}  // namespace
