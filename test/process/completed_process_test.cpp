// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/process/completed_process.hpp>

#include <csignal>
#include <string>

using namespace tendril;

TENDRIL_TEST(completed_process, a_failure_tells_program_end_and_last_line) {
    process_failed const failed{"make", {exit_status::of_code(2), "out", "first\nsecond\n\n"}};
    EXPECT_STREQ(failed.what(), "make ended with code 2: second");
    EXPECT_EQ(failed.result().output, "out");
    process_failed const killed{"make", {exit_status::of_signal(SIGKILL), "", ""}};
    EXPECT_STREQ(killed.what(), "make was ended by SIGKILL");
}

TENDRIL_TEST(completed_process, a_limit_is_a_failure_of_its_own) {
    process_timed_out const late{"make", {exit_status{}, "so far", "a warning"}};
    EXPECT_STREQ(late.what(), "make was not done at its limit: a warning");
    process_failed const& failed = late;
    EXPECT_EQ(failed.result().output, "so far");
}

TENDRIL_TEST(completed_process, a_long_line_is_cut) {
    process_failed const failed{"make", {exit_status::of_code(1), "", std::string(1000, 'x')}};
    EXPECT_LT(std::string{failed.what()}.size(), 300U);
}
