// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/support/random.hpp>

#include <array>
#include <cstdint>

namespace {

using namespace tendril;

class fixed_random final : public random_source {
public:
    explicit fixed_random(std::uint64_t number) : number_{number} {}
    std::uint64_t next() noexcept override { return number_; }

private:
    std::uint64_t number_;
};

}  // namespace

TENDRIL_TEST(random, gives_the_published_sequence_of_its_generator) {
    seeded_random numbers{1234567};
    EXPECT_EQ(numbers.next(), 6457827717110365317U);
    EXPECT_EQ(numbers.next(), 3203168211198807973U);
    EXPECT_EQ(numbers.next(), 9817491932198370423U);
}

TENDRIL_TEST(random, different_seeds_give_different_sequences) {
    EXPECT_NE(seeded_random{1}.next(), seeded_random{2}.next());
}

TENDRIL_TEST(random, two_seeds_of_the_system_differ) { EXPECT_NE(random_seed(), random_seed()); }

TENDRIL_TEST(random, a_number_below_a_limit_is_below_it) {
    fixed_random largest{UINT64_MAX};
    EXPECT_EQ(random_below(largest, 1), 0U);
    EXPECT_LT(random_below(largest, 10), 10U);
    EXPECT_LT(random_below(largest, UINT64_MAX), UINT64_MAX);
}

TENDRIL_TEST(random, every_number_below_a_limit_comes_up_about_as_often) {
    seeded_random numbers{7};
    std::array<int, 6> counts{};
    for (int draw = 0; draw < 6000; ++draw) {
        ++counts.at(random_below(numbers, counts.size()));
    }
    for (int count : counts) {
        EXPECT_NEAR(count, 1000, 150);
    }
}

TENDRIL_TEST(random, an_empty_range_is_refused) {
    fixed_random numbers{1};
    EXPECT_DEATH(static_cast<void>(random_below(numbers, 0)), "range of random numbers");
}
