// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/testing/failures.hpp>

#include <vector>

using tendril::testing::for_each_failure;

TENDRIL_TEST(failures, each_number_has_its_turn_until_there_is_none_with_that_number) {
    std::vector<std::size_t> numbers;
    std::size_t const points = for_each_failure([&](std::size_t number) {
        numbers.push_back(number);
        return number <= 3;
    });
    EXPECT_EQ(points, 3U);
    EXPECT_EQ(numbers, (std::vector<std::size_t>{1, 2, 3, 4}));
}

TENDRIL_TEST(failures, what_never_fails_has_no_points) {
    EXPECT_EQ(for_each_failure([](std::size_t) { return false; }), 0U);
}
