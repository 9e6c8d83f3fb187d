// SPDX-License-Identifier: BSL-1.0
#include <harness/failing_allocations.hpp>
#include <harness/greenlets.hpp>
#include <tendril/testing/failing_allocations.hpp>

#include <cstdint>
#include <new>
#include <string>
#include <thread>

namespace {

using namespace tendril;
using tendril::testing::failing_allocations;
using tendril::testing::failure;
using tendril::testing::for_each_failure;

// How the next four allocations end: a letter each, `y` for one that succeeds.
std::string four_allocations() {
    char letters[5] = "    ";
    for (int at = 0; at < 4; ++at) {
        try {
            ::operator delete(::operator new(8));
            letters[at] = 'y';
        } catch (std::bad_alloc const&) {
            letters[at] = 'n';
        }
    }
    return letters;
}

}  // namespace

TENDRIL_TEST(failing_allocations, the_one_with_the_number_fails_once) {
    failing_allocations const next{2};
    EXPECT_EQ(four_allocations(), "ynyy");
    EXPECT_TRUE(next.has_failed());
}

TENDRIL_TEST(failing_allocations, all_fail_from_the_number_on) {
    std::string letters;
    {
        failing_allocations const next{3, failure::for_ever};
        letters = four_allocations();
    }
    EXPECT_EQ(letters, "yynn");
    EXPECT_EQ(four_allocations(), "yyyy");
}

TENDRIL_TEST(failing_allocations, says_when_there_were_not_so_many) {
    failing_allocations const next{5};
    EXPECT_EQ(four_allocations(), "yyyy");
    EXPECT_FALSE(next.has_failed());
}

TENDRIL_TEST(failing_allocations, aligned_ones_count_too) {
    constexpr std::align_val_t line{128};
    bool is_aligned = false;
    bool has_failed = false;
    {
        failing_allocations const next{2};
        void* const first = ::operator new(8, line);
        is_aligned = reinterpret_cast<std::uintptr_t>(first) % 128 == 0;
        ::operator delete(first, line);
        try {
            ::operator delete(::operator new(8, line), line);
        } catch (std::bad_alloc const&) {
            has_failed = true;
        }
    }
    EXPECT_TRUE(is_aligned);
    EXPECT_TRUE(has_failed);
}

TENDRIL_TEST(failing_allocations, an_inner_one_takes_the_place_of_the_outer_one) {
    failing_allocations const outer{2};
    std::string inside;
    {
        failing_allocations const inner{1};
        inside = four_allocations();
    }
    EXPECT_EQ(inside, "nyyy");
    EXPECT_EQ(four_allocations(), "ynyy");
}

TENDRIL_TEST(failing_allocations, other_threads_notice_nothing) {
    std::string letters;
    std::thread other;
    {
        failing_allocations const next{1000, failure::for_ever};
        other = std::thread{[&] { letters = four_allocations(); }};
        other.join();
    }
    EXPECT_EQ(letters, "yyyy");
}

TENDRIL_TEST(failing_allocations, the_number_zero_is_refused) {
    EXPECT_THROW(failing_allocations{0}, misuse);
}

TENDRIL_TEST(failing_allocations, objects_that_live_are_counted) {
    auto const before = tendril::testing::live_allocations();
    void* const one = ::operator new(8);
    auto const with_one = tendril::testing::live_allocations();
    ::operator delete(one);
    EXPECT_EQ(with_one, before + 1);
    EXPECT_EQ(tendril::testing::live_allocations(), before);
}

TENDRIL_TEST(failing_allocations, every_allocation_of_a_function_is_a_point) {
    std::size_t const points = for_each_failure([](std::size_t number) {
        failing_allocations const next{number};
        try {
            ::operator delete(::operator new(8));
            ::operator delete(::operator new(8));
        } catch (std::bad_alloc const&) {}
        return next.has_failed();
    });
    EXPECT_EQ(points, 2U);
}
