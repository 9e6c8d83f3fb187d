// SPDX-License-Identifier: BSL-1.0
#pragma once

// How a test of tendril is written.
//
//     TENDRIL_TEST(event, set_wakes_all_waiters_in_fifo_order) { … }
//
// The first word is the header under test, the second the behaviour as a sentence. The test fails
// when it leaves a greenlet, stack, alarm or descriptor behind.
//
//     TENDRIL_HUB_TEST(event, wait_for_gives_up_at_its_limit) { … }
//
// The same, run as the main greenlet of a hub whose clock jumps: no test waits for real time.
// Inside, `clock` is that clock.
//
// With TENDRIL_SEED in the environment the hub of such a test takes the ready greenlets in an order
// of its own and switches wherever it may (testing/seeded_order.hpp), in another way for each
// repetition (--gtest_repeat). A failure names the seed. What promises an order among ready
// greenlets, or says that somebody does not switch, is written as
//
//     TENDRIL_ORDERED_HUB_TEST(event, set_wakes_all_waiters_in_fifo_order) { … }
//
// and left out under seeds, and so is every TENDRIL_TEST, which would only be repeated.

#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/run.hpp>
#include <tendril/testing/leak_check.hpp>
#include <tendril/testing/seeded_order.hpp>
#include <tendril/testing/virtual_clock.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tendril::test {

/// What happened, in order; compared as a whole.
using transcript = std::vector<std::string>;

/// Collects the errors that greenlets leave behind and nobody receives.
class unraisable_errors {
public:
    unraisable_errors() : previous_{set_unraisable_handler(&collect)} { collected().clear(); }
    unraisable_errors(unraisable_errors const&) = delete;
    unraisable_errors& operator=(unraisable_errors const&) = delete;
    ~unraisable_errors() {
        set_unraisable_handler(previous_);
        collected().clear();
    }

    static std::vector<std::string>& collected() {
        static std::vector<std::string> all;
        return all;
    }

private:
    static void collect(std::exception_ptr error, control_block const&) noexcept {
        collected().push_back(describe(error));
    }
    unraisable_handler previous_;
};

/// Notes which repetition of the tests this is, and prints its seed: a test may crash.
class seed_of_repetition final : public ::testing::EmptyTestEventListener {
public:
    static inline std::optional<std::uint64_t> present;

private:
    void OnTestIterationStart(::testing::UnitTest const&, int iteration) override {
        if (std::optional<std::uint64_t> const first = testing::wanted_seed()) {
            present = *first + static_cast<std::uint64_t>(iteration);
            std::printf("TENDRIL_SEED=%ju\n", static_cast<std::uintmax_t>(*present));
        }
    }
};

inline bool const seeds_are_noted = [] {
    ::testing::UnitTest::GetInstance()->listeners().Append(new seed_of_repetition);
    return true;
}();

/// The seed of this repetition, when the tests run under seeds.
inline std::optional<std::uint64_t> present_seed() { return seed_of_repetition::present; }

/// Runs the body of a test in a hub whose clock jumps, in the order of the present seed.
template <typename F>
void run_in_hub(F&& body) {
    testing::leak_check const before;
    testing::virtual_clock clock;
    std::optional<testing::seeded_order> order;
    if (std::optional<std::uint64_t> const seed = present_seed()) {
        order.emplace(*seed);
    }
    SCOPED_TRACE(order ? "TENDRIL_SEED=" + std::to_string(order->seed()) : "no seed");
    run({.clock = &clock, .order = order ? &*order : nullptr}, [&] { body(clock); });
    EXPECT_EQ(before.leaks(), "");
}

}  // namespace tendril::test

#define TENDRIL_TEST(subject, behaviour)                                                           \
    static void subject##_##behaviour();                                                           \
    TEST(subject, behaviour) {                                                                     \
        if (tendril::test::present_seed()) {                                                       \
            GTEST_SKIP();                                                                          \
        }                                                                                          \
        tendril::testing::leak_check const before;                                                 \
        subject##_##behaviour();                                                                   \
        EXPECT_EQ(before.leaks(), "");                                                             \
    }                                                                                              \
    static void subject##_##behaviour()

#define TENDRIL_HUB_TEST(subject, behaviour)                                                       \
    static void subject##_##behaviour(tendril::testing::virtual_clock& clock);                     \
    TEST(subject, behaviour) { tendril::test::run_in_hub(subject##_##behaviour); }                 \
    static void subject##_##behaviour([[maybe_unused]] tendril::testing::virtual_clock& clock)

#define TENDRIL_ORDERED_HUB_TEST(subject, behaviour)                                               \
    static void subject##_##behaviour(tendril::testing::virtual_clock& clock);                     \
    TEST(subject, behaviour) {                                                                     \
        if (tendril::test::present_seed()) {                                                       \
            GTEST_SKIP();                                                                          \
        }                                                                                          \
        tendril::test::run_in_hub(subject##_##behaviour);                                          \
    }                                                                                              \
    static void subject##_##behaviour([[maybe_unused]] tendril::testing::virtual_clock& clock)
