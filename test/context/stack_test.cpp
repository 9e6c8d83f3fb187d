// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/context/stack.hpp>
#include <tendril/context/stack_pool.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

using namespace tendril;

}  // namespace

TENDRIL_TEST(stack, its_size_is_what_lies_between_limit_and_top) {
    std::byte memory[100];
    stack s{};
    s.limit = memory;
    s.top = memory + 100;
    EXPECT_EQ(s.size(), 100U);
}

TENDRIL_TEST(stack, its_top_is_aligned_to_a_cache_line) {
    stack_pool pool;
    std::vector<stack*> taken;
    for (int count = 0; count < 40; ++count) {
        taken.push_back(&pool.acquire());
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(taken.back()->top) % 64, 0U);
    }
    for (stack* each : taken) {
        pool.release(*each);
    }
}

TENDRIL_TEST(stack, every_byte_between_limit_and_top_can_be_written) {
    stack_pool pool;
    stack& s = pool.acquire();
    for (std::byte* at = s.limit; at < s.top; ++at) {
        *at = std::byte{1};
    }
    EXPECT_EQ(s.top[-1], std::byte{1});
    pool.release(s);
}

TENDRIL_TEST(stack, neighbours_do_not_overlap) {
    stack_pool pool;
    stack& a = pool.acquire();
    stack& b = pool.acquire();
    EXPECT_TRUE(a.top <= b.limit || b.top <= a.limit);
    pool.release(a);
    pool.release(b);
}
