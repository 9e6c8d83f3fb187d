// SPDX-License-Identifier: BSL-1.0
#include <harness/children.hpp>
#include <harness/network.hpp>
#include <tendril/net/unix_socket.hpp>
#include <tendril/process/run_process.hpp>
#include <tendril/time/timeout.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>

#include <fcntl.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

// Children that tell their number on a descriptor of ours, so that a test can see that they have
// gone.
class told_number {
public:
    told_number() { EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0); }
    told_number(told_number const&) = delete;
    told_number& operator=(told_number const&) = delete;
    ~told_number() {
        ::close(ends_[0]);
        ::close(ends_[1]);
    }

    // The rest of the line runs when the number has been told.
    process_options shell(std::string const& line) const {
        process_options options = test::shell(line + "echo $$ >&3; exec 3>&-; exec sleep 1000000");
        options.passed = {ends_[1]};
        return options;
    }
    // Waits in real time.
    pid_t read() const {
        char text[32] = {};
        EXPECT_GT(::read(ends_[0], text, sizeof text - 1), 0);
        return std::stoi(text);
    }

private:
    int ends_[2];
};

// Ends a greenlet in `run_process`, and sees that the child has gone with it.
void end_inside(std::string const& line, std::function<void(task<completed_process>&)> const& end) {
    told_number const told;
    auto running = spawn([&] { return run_process(told.shell(line)); });
    test::settle();
    pid_t const number = told.read();
    EXPECT_TRUE(test::is_child(number));
    end(running);
    running.join();
    EXPECT_FALSE(test::is_child(number));
    EXPECT_TRUE(running.exception() != nullptr || running.was_cancelled());
}

}  // namespace

TENDRIL_HUB_TEST(run_process, returns_status_and_outputs) {
    completed_process const done = run_process(
        test::shell("cat; echo err >&2; exit 3"), {.input = "in"});
    EXPECT_EQ(done.output, "in");
    EXPECT_EQ(done.error_output, "err\n");
    EXPECT_EQ(done.status.code(), 3);
}

TENDRIL_HUB_TEST(run_process, without_an_input_the_child_reads_the_end) {
    EXPECT_EQ(run_process({.program = "cat"}).output, "");
}

TENDRIL_HUB_TEST(run_process, what_the_caller_redirects_stays_so) {
    process_options options = test::shell("echo lost; echo err >&2");
    options.output = redirection::null();
    options.error_output = redirection::to_output();
    completed_process const done = run_process(options);
    EXPECT_EQ(done.output, "");
    EXPECT_EQ(done.error_output, "");
}

TENDRIL_HUB_TEST(run_process, many_run_at_the_same_time) {
    std::vector<task<completed_process>> all;
    for (int count = 0; count < 20; ++count) {
        all.push_back(spawn(
            [count] { return run_process({.program = "cat"}, {.input = std::to_string(count)}); }));
    }
    for (int count = 0; count < 20; ++count) {
        EXPECT_EQ(all[static_cast<std::size_t>(count)].get().output, std::to_string(count));
    }
}

TENDRIL_HUB_TEST(run_process, with_check_a_failure_is_thrown_with_what_it_wrote) {
    try {
        run_process(
            test::shell("echo out; echo first >&2; echo 'the reason' >&2; exit 4"),
            {.check = true});
        FAIL();
    } catch (process_failed const& error) {
        EXPECT_EQ(error.result().status.code(), 4);
        EXPECT_EQ(error.result().output, "out\n");
        EXPECT_STREQ(error.what(), "sh ended with code 4: the reason");
    }
    EXPECT_TRUE(run_process(test::shell("true"), {.check = true}).status.success());
}

TENDRIL_HUB_TEST(run_process, at_its_limit_the_child_is_ended_and_what_it_wrote_is_told) {
    told_number const told;
    // It goes on in spite of being asked to end, so that it is killed.
    process_options const options = told.shell("trap '' TERM; echo begun; ");
    auto running = spawn([&] { return run_process(options, {.limit = 1s}); });
    test::settle();
    told.read();
    try {
        running.get();
        FAIL();
    } catch (process_timed_out const& error) {
        EXPECT_EQ(error.result().status.signal(), SIGKILL);
        EXPECT_EQ(error.result().output, "begun\n");
        EXPECT_STREQ(error.what(), "sh was not done at its limit");
    }
}

TENDRIL_HUB_TEST(run_process, a_child_that_ends_when_it_is_asked_to_is_read_to_its_end) {
    told_number const told;
    process_options options = told.shell("");
    options.arguments[1] =
        "trap 'echo bye; exit 8' TERM; echo $$ >&3; while :; do sleep 0.01; done";
    // There is no end to the grace, so a clock that jumps does not jump over it.
    run_options const how{.limit = 1s, .grace = std::chrono::nanoseconds::max()};
    auto running = spawn([&] { return run_process(options, how); });
    test::settle();
    told.read();
    try {
        running.get();
        FAIL();
    } catch (process_timed_out const& error) {
        EXPECT_EQ(error.result().status.code(), 8);
        EXPECT_EQ(error.result().output, "bye\n");
    }
}

TENDRIL_HUB_TEST(run_process, a_cancelled_greenlet_ends_its_child) {
    end_inside("", [](task<completed_process>& running) { running.cancel(); });
}

TENDRIL_HUB_TEST(run_process, a_killed_greenlet_ends_its_child) {
    end_inside("", [](task<completed_process>& running) {
        running.kill(std::make_exception_ptr(std::runtime_error{"kill"}));
    });
}

TENDRIL_HUB_TEST(run_process, a_child_that_does_not_want_to_end_is_killed_after_the_grace) {
    end_inside("trap '' TERM; ", [](task<completed_process>& running) { running.cancel(); });
}

TENDRIL_HUB_TEST(run_process, a_second_cancel_does_not_hurry_the_end) {
    end_inside("trap '' TERM; ", [](task<completed_process>& running) {
        running.cancel();
        test::settle();
        running.cancel();
    });
}

TENDRIL_HUB_TEST(run_process, an_outer_timeout_ends_the_child) {
    told_number const told;
    std::string const how = test::interruption_of(
        [&] { with_timeout(1s, [&] { run_process(told.shell("")); }); });
    EXPECT_EQ(how, "timed out");
    EXPECT_FALSE(test::has_children());
}

TENDRIL_HUB_TEST(run_process, one_that_is_cancelled_before_starts_nothing) {
    auto running = spawn([] { return run_process({.program = "/no/such/program"}); });
    running.cancel();
    running.join();
    EXPECT_TRUE(running.was_cancelled());
}

TENDRIL_HUB_TEST(run_process, a_grandchild_that_keeps_the_pipe_does_not_hold_up_the_end) {
    told_number const told;
    process_options options = told.shell("");
    options.arguments[1] = "sleep 1000000 & echo $! >&3; exec sleep 1000000";
    auto running = spawn([&] { return run_process(options, {.limit = 1s}); });
    test::settle();
    pid_t const grandchild = told.read();
    EXPECT_THROW(running.get(), process_timed_out);
    EXPECT_EQ(::kill(grandchild, SIGKILL), 0);
}

TENDRIL_TEST(run_process, a_thread_without_a_hub_may_call_it) {
    std::thread{[] {
        EXPECT_EQ(run_process({.program = "echo", .arguments = {"hi"}}).output, "hi\n");
    }}.join();
}

TENDRIL_HUB_TEST(run_process, children_of_every_kind_leave_the_hub_as_it_was) {
    auto [here, there] = unix_stream::pair();
    auto echo = spawn([&there = there] {
        std::array<char, 16> data;
        error_code error;
        while (std::size_t const size = there.read_some(boost::asio::buffer(data), error)) {
            there.write(boost::asio::buffer(data, size));
        }
    });
    for (int count = 0; count < 100; ++count) {
        if (count % 10 == 0) {
            EXPECT_EQ(std::system("exit 3"), 3 << 8);
        } else if (count % 5 == 0) {
            EXPECT_EQ(run_process(test::shell("exit 4")).status.code(), 4);
        }
        std::array<char, 4> answer{};
        here.write(boost::asio::buffer("ping", 4));
        EXPECT_EQ(boost::asio::read(here, boost::asio::buffer(answer)), 4U);
    }
    here.close();
    echo.join();
}
