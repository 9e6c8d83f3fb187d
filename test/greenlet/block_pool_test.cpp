// SPDX-License-Identifier: BSL-1.0
#include <harness/failing_allocations.hpp>
#include <harness/tendril_test.hpp>
#include <tendril/greenlet/block_pool.hpp>
#include <tendril/greenlet/thread_record.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

namespace {

using namespace tendril;

control_block& make(block_pool& pool, std::uint32_t number) {
    return pool.create(this_thread(), nullptr, nullptr, number);
}

std::vector<control_block*> make_many(block_pool& pool, std::uint32_t count) {
    std::vector<control_block*> blocks;
    for (std::uint32_t number = 0; number < count; ++number) {
        blocks.push_back(&make(pool, number));
    }
    return blocks;
}

// Sanitizers bring operators of their own for arrays, which are not counted.
bool counts_aligned_arrays() {
    struct alignas(8192) aligned {
        char byte;
    };
    std::ptrdiff_t const before = test::live_allocations();
    auto const array = std::make_unique_for_overwrite<aligned[]>(2);
    // Or the compiler leaves out an allocation that nobody needs.
    asm volatile("" : : "r"(array.get()) : "memory");
    return test::live_allocations() > before;
}

std::vector<std::uint32_t> visited(block_pool& pool) {
    std::vector<std::uint32_t> numbers;
    pool.for_each([&](control_block& block) { numbers.push_back(block.id); });
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

}  // namespace

TENDRIL_TEST(block_pool, counts_the_blocks_that_exist) {
    block_pool pool;
    control_block& a = make(pool, 1);
    make(pool, 2);
    EXPECT_EQ(pool.live(), 2U);
    pool.destroy(a);
    EXPECT_EQ(pool.live(), 1U);
}

TENDRIL_TEST(block_pool, reuses_the_block_that_was_freed_last) {
    block_pool pool;
    control_block& a = make(pool, 1);
    control_block& b = make(pool, 2);
    pool.destroy(a);
    pool.destroy(b);
    EXPECT_EQ(&make(pool, 3), &b);
    EXPECT_EQ(&make(pool, 4), &a);
}

TENDRIL_TEST(block_pool, gives_every_block_cache_lines_of_its_own) {
    block_pool pool;
    std::set<std::uintptr_t> lines;
    for (control_block* each : make_many(pool, 200)) {
        auto const address = reinterpret_cast<std::uintptr_t>(each);
        EXPECT_EQ(address % 64, 0U);
        EXPECT_TRUE(lines.insert(address / 64).second);
        EXPECT_TRUE(lines.insert(address / 64 + 1).second);
    }
}

TENDRIL_TEST(block_pool, places_neighbours_side_by_side) {
    block_pool pool;
    control_block& a = make(pool, 1);
    control_block& b = make(pool, 2);
    EXPECT_EQ(&b, &a + 1);
}

TENDRIL_TEST(block_pool, visits_each_existing_block_once) {
    block_pool pool;
    std::vector<control_block*> const blocks = make_many(pool, 130);
    for (std::uint32_t number = 2; number < 130; ++number) {
        pool.destroy(*blocks[number]);
    }
    EXPECT_EQ(visited(pool), (std::vector<std::uint32_t>{0, 1}));
}

TENDRIL_TEST(block_pool, visits_blocks_of_every_slab) {
    block_pool pool;
    make_many(pool, 130);
    EXPECT_EQ(visited(pool).size(), 130U);
}

TENDRIL_TEST(block_pool, a_visit_may_destroy_blocks) {
    block_pool pool;
    std::vector<control_block*> const blocks = make_many(pool, 70);
    std::uint32_t visits = 0;
    pool.for_each([&](control_block& block) {
        ++visits;
        if (block.id % 2 == 0 && block.id + 1 < 70) {
            pool.destroy(*blocks[block.id + 1]);
        }
        pool.destroy(block);
    });
    EXPECT_EQ(visits, 35U);
    EXPECT_EQ(pool.live(), 0U);
}

TENDRIL_TEST(block_pool, a_visit_may_create_blocks) {
    block_pool pool;
    make_many(pool, 3);
    bool created = false;
    pool.for_each([&](control_block&) {
        if (!created) {
            created = true;
            make_many(pool, 200);
        }
    });
    EXPECT_EQ(pool.live(), 203U);
}

TENDRIL_TEST(block_pool, a_new_block_knows_its_thread_parent_and_number) {
    block_pool pool;
    control_block& parent = make(pool, 1);
    control_block& block = pool.create(this_thread(), &parent, nullptr, 2U);
    EXPECT_EQ(block.thread, &this_thread());
    EXPECT_EQ(block.parent, &parent);
    EXPECT_EQ(block.id, 2U);
    EXPECT_EQ(block.handles, 1U);
    EXPECT_EQ(block.state, greenlet_state::unstarted);
}

TENDRIL_TEST(block_pool, shrinks_to_twice_what_exists) {
    block_pool pool;
    std::vector<control_block*> crowd = make_many(pool, 20000);
    std::vector<control_block*> const stayed{crowd.begin(), crowd.begin() + 100};
    std::for_each(crowd.begin() + 100, crowd.end(), [&](auto* each) { pool.destroy(*each); });
    // Rows of at most 64 slabs with 63 blocks each; the first ones have room for 200.
    std::ptrdiff_t const rows = test::live_allocations();
    std::ptrdiff_t const least_freed = counts_aligned_arrays() ? 20000 / (64 * 63) : 0;
    pool.shrink();
    EXPECT_LE(test::live_allocations(), rows - least_freed);
    EXPECT_EQ(pool.live(), 100U);
    EXPECT_EQ(visited(pool).size(), 100U);
    // What is handed out now is nobody else's.
    std::set<control_block*> all{stayed.begin(), stayed.end()};
    std::vector<control_block*> const next = make_many(pool, 20000);
    all.insert(next.begin(), next.end());
    EXPECT_EQ(all.size(), 20100U);
    EXPECT_EQ(visited(pool).size(), 20100U);
    std::for_each(all.begin(), all.end(), [&](auto* each) { pool.destroy(*each); });
    pool.shrink();
    EXPECT_EQ(pool.live(), 0U);
}
