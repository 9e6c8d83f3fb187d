// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/support/cache_line.hpp>

#include <cstdint>
#include <vector>

using namespace tendril;

TENDRIL_TEST(cache_line, every_block_begins_with_a_line) {
    std::vector<char, cache_line_allocator<char>> grown;
    for (int size = 1; size <= 1000; ++size) {
        grown.push_back('x');
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(grown.data()) % cache_line_size, 0U);
    }
}
