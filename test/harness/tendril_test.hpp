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

#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/run.hpp>
#include <tendril/testing/leak_check.hpp>
#include <tendril/testing/virtual_clock.hpp>

#include <gtest/gtest.h>

#include <string>
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

}  // namespace tendril::test

#define TENDRIL_TEST(subject, behaviour)                                                           \
    static void subject##_##behaviour();                                                           \
    TEST(subject, behaviour) {                                                                     \
        tendril::testing::leak_check const before;                                                 \
        subject##_##behaviour();                                                                   \
        EXPECT_EQ(before.leaks(), "");                                                             \
    }                                                                                              \
    static void subject##_##behaviour()

#define TENDRIL_HUB_TEST(subject, behaviour)                                                       \
    static void subject##_##behaviour(tendril::testing::virtual_clock& clock);                     \
    TEST(subject, behaviour) {                                                                     \
        tendril::testing::leak_check const before;                                                 \
        tendril::testing::virtual_clock clock;                                                     \
        tendril::run({.clock = &clock}, [&] { subject##_##behaviour(clock); });                    \
        EXPECT_EQ(before.leaks(), "");                                                             \
    }                                                                                              \
    static void subject##_##behaviour([[maybe_unused]] tendril::testing::virtual_clock& clock)
