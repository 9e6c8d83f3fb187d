// SPDX-License-Identifier: BSL-1.0
#include <harness/children.hpp>
#include <harness/network.hpp>
#include <tendril/process/pipeline.hpp>

#include <boost/asio/buffer.hpp>

#include <array>
#include <chrono>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

std::vector<process_options> shells(std::initializer_list<char const*> lines) {
    std::vector<process_options> all;
    for (char const* const line : lines) {
        all.push_back(test::shell(line));
    }
    return all;
}

}  // namespace

TENDRIL_HUB_TEST(pipeline, the_output_of_each_is_the_input_of_the_next) {
    completed_pipeline const done = run_pipeline(
        shells({"cat; echo b", "sort", "sed s/^/-/"}), {.input = "c\na\n"});
    EXPECT_EQ(done.output, "-a\n-b\n-c\n");
    EXPECT_TRUE(done.success());
    EXPECT_EQ(done.statuses.size(), 3U);
}

TENDRIL_HUB_TEST(pipeline, statuses_and_errors_of_all_are_told) {
    completed_pipeline const done = run_pipeline(
        shells({"echo one >&2; exit 1", "echo two >&2; exit 2", "cat; exit 0"}));
    EXPECT_EQ(done.statuses[0].code(), 1);
    EXPECT_EQ(done.statuses[1].code(), 2);
    EXPECT_EQ(done.statuses[2].code(), 0);
    EXPECT_EQ(done.error_outputs, (std::vector<std::string>{"one\n", "two\n", ""}));
    EXPECT_FALSE(done.success());
}

TENDRIL_HUB_TEST(pipeline, one_that_nobody_reads_from_any_more_ends_and_that_is_no_failure) {
    completed_pipeline const done = run_pipeline(
        shells({"while :; do echo y; done", "head -n 2"}), {.check = true});
    EXPECT_EQ(done.output, "y\ny\n");
    EXPECT_EQ(done.statuses[0].signal(), SIGPIPE);
    EXPECT_TRUE(done.success());
}

TENDRIL_HUB_TEST(pipeline, with_check_the_first_that_failed_is_thrown) {
    try {
        run_pipeline(shells({"exit 0", "echo why >&2; exit 6", "cat"}), {.check = true});
        FAIL();
    } catch (process_failed const& error) {
        EXPECT_EQ(error.result().status.code(), 6);
        EXPECT_STREQ(error.what(), "sh ended with code 6: why");
    }
}

TENDRIL_HUB_TEST(pipeline, large_amounts_pass) {
    std::string const much(3000000, 'x');
    completed_pipeline const done = run_pipeline(shells({"cat", "cat", "cat"}), {.input = much});
    EXPECT_EQ(done.output, much);
}

TENDRIL_HUB_TEST(pipeline, its_ends_are_streams) {
    std::vector<process_options> stages = shells({"cat", "sed s/a/b/"});
    stages.front().input = redirection::pipe();
    stages.back().output = redirection::pipe();
    pipeline running{stages};
    EXPECT_EQ(running.size(), 2U);
    EXPECT_EQ(running.text(), "sh | sh");
    running.input().write(boost::asio::buffer("a\n", 2));
    running.input().close();
    std::array<char, 2> data;
    running.output().read_some(boost::asio::buffer(data));
    EXPECT_EQ(data[0], 'b');
    for (exit_status const status : running.wait()) {
        EXPECT_TRUE(status.success());
    }
}

TENDRIL_HUB_TEST(pipeline, at_its_limit_all_are_ended) {
    EXPECT_THROW(
        run_pipeline({test::waiting_child(), {.program = "cat"}}, {.limit = 1s}),
        process_timed_out);
    EXPECT_FALSE(test::has_children());
}

TENDRIL_HUB_TEST(pipeline, a_cancelled_greenlet_ends_all) {
    auto running = spawn([] { return run_pipeline({test::waiting_child(), {.program = "cat"}}); });
    test::settle();
    running.cancel();
    running.join();
    EXPECT_TRUE(running.was_cancelled());
}

TENDRIL_HUB_TEST(pipeline, a_handle_that_goes_ends_all) {
    pid_t first = 0;
    pid_t second = 0;
    {
        pipeline running{{test::waiting_child(), test::shell("cat >/dev/null")}};
        first = running.stage(0).pid();
        second = running.stage(1).pid();
        EXPECT_EQ(running.wait_for(1s), std::nullopt);
    }
    EXPECT_FALSE(test::is_child(first));
    EXPECT_FALSE(test::is_child(second));
}

TENDRIL_HUB_TEST(pipeline, signals_reach_all) {
    pipeline running{{test::waiting_child(), test::shell("exec sleep 1000000")}};
    running.terminate();
    for (exit_status const status : running.wait()) {
        EXPECT_EQ(status.signal(), SIGTERM);
    }
    running.kill();
}

TENDRIL_HUB_TEST(pipeline, when_one_cannot_be_started_there_is_none) {
    EXPECT_EQ(
        test::code_of([] {
            pipeline{{test::waiting_child(), {.program = "/no/such/program"}}};
        }).value(),
        ENOENT);
}

TENDRIL_HUB_TEST(pipeline, what_is_between_two_is_not_redirected) {
    std::vector<process_options> stages = shells({"true", "true"});
    stages[0].output = redirection::null();
    EXPECT_THROW(pipeline{stages}, misuse);
    stages = shells({"true", "true"});
    stages[1].input = redirection::null();
    EXPECT_THROW(pipeline{stages}, misuse);
    EXPECT_THROW(pipeline{std::vector<process_options>{}}, misuse);
    EXPECT_THROW(run_pipeline({}), misuse);
}
