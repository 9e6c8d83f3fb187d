// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/process/exit_status.hpp>

#include <csignal>

using namespace tendril;

TENDRIL_TEST(exit_status, a_code_is_told_as_it_is) {
    exit_status const status = exit_status::of_code(3);
    EXPECT_EQ(status.code(), 3);
    EXPECT_EQ(status.signal(), 0);
    EXPECT_EQ(status.text(), "code 3");
    EXPECT_FALSE(status.success());
    EXPECT_TRUE(exit_status::of_code(0).success());
}

TENDRIL_TEST(exit_status, a_signal_is_a_negative_code_and_has_a_name) {
    exit_status const status = exit_status::of_signal(SIGTERM);
    EXPECT_EQ(status.code(), -SIGTERM);
    EXPECT_EQ(status.signal(), SIGTERM);
    EXPECT_EQ(status.text(), "SIGTERM");
    EXPECT_FALSE(status.success());
    EXPECT_EQ(exit_status::of_signal(SIGSEGV, true).text(), "SIGSEGV, core dumped");
    EXPECT_EQ(exit_status::of_signal(SIGRTMIN + 2).text(), "signal 36");
}

TENDRIL_TEST(exit_status, an_end_of_which_nothing_is_known_is_no_success) {
    exit_status const status;
    EXPECT_FALSE(status.known());
    EXPECT_FALSE(status.success());
    EXPECT_EQ(status.code(), 255);
    EXPECT_EQ(status.text(), "unknown");
    EXPECT_NE(status, exit_status::of_code(255));
}
