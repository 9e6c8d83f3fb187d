// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/support/config.hpp>
#include <tendril/support/small_memory.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <set>
#include <utility>
#include <vector>

namespace {

using namespace tendril;

#define SKIP_WHERE_NOTHING_IS_KEPT()                                                               \
    if (TENDRIL_ASAN) {                                                                            \
        GTEST_SKIP() << "under AddressSanitizer nothing is kept, so that it sees every late use";  \
    }

}  // namespace

TENDRIL_TEST(small_memory, gives_out_again_what_it_took_back_last) {
    SKIP_WHERE_NOTHING_IS_KEPT();
    small_memory store;
    void* const a = store.take(40);
    void* const b = store.take(40);
    store.give_back(a, 40);
    store.give_back(b, 40);
    EXPECT_EQ(store.take(40), b);
    EXPECT_EQ(store.take(40), a);
    store.give_back(a, 40);
    store.give_back(b, 40);
}

TENDRIL_TEST(small_memory, every_size_has_room_of_its_own) {
    small_memory store;
    for (int round = 0; round < 2; ++round) {
        std::vector<std::pair<void*, std::size_t>> taken;
        for (std::size_t size = 1; size <= small_memory::largest; ++size) {
            taken.emplace_back(store.take(size), size);
            std::memset(taken.back().first, static_cast<int>(size), size);
        }
        for (auto const& [memory, size] : taken) {
            EXPECT_EQ(static_cast<char const*>(memory)[size - 1], static_cast<char>(size));
            store.give_back(memory, size);
        }
    }
}

TENDRIL_TEST(small_memory, keeps_a_limited_number_of_pieces) {
    SKIP_WHERE_NOTHING_IS_KEPT();
    small_memory store;
    std::vector<void*> taken;
    for (std::uint32_t count = 0; count < small_memory::most + 100; ++count) {
        taken.push_back(store.take(24));
    }
    std::set<void*> kept{taken.begin(), taken.begin() + small_memory::most};
    for (void* each : taken) {
        store.give_back(each, 24);
    }
    for (std::uint32_t count = 0; count < small_memory::most; ++count) {
        void* const again = store.take(24);
        EXPECT_EQ(kept.erase(again), 1U);
        ::operator delete(again);
    }
}

TENDRIL_TEST(small_memory, keeps_again_after_it_was_cleared) {
    SKIP_WHERE_NOTHING_IS_KEPT();
    small_memory store;
    void* const a = store.take(40);
    void* const b = store.take(100);
    store.give_back(a, 40);
    store.clear();
    EXPECT_EQ(store.kept(), 0U);
    store.give_back(b, 100);
    EXPECT_EQ(store.kept(), 1U);
}
