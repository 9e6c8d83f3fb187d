// SPDX-License-Identifier: BSL-1.0
#include <harness/children.hpp>
#include <harness/network.hpp>
#include <tendril/process/process.hpp>
#include <tendril/time/timeout.hpp>

#include <boost/asio/buffer.hpp>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

std::string read_all(descriptor_stream& stream) {
    std::string all;
    std::array<char, 1024> data;
    error_code error;
    while (!error.failed()) {
        all.append(data.data(), stream.read_some(boost::asio::buffer(data), error));
    }
    EXPECT_EQ(error, boost::asio::error::eof);
    return all;
}

}  // namespace

TENDRIL_HUB_TEST(process, wait_returns_the_code_of_the_child) {
    process child{test::shell("exit 7")};
    EXPECT_GT(child.pid(), 0);
    EXPECT_EQ(child.wait(), exit_status::of_code(7));
    EXPECT_EQ(child.wait(), exit_status::of_code(7));
}

TENDRIL_HUB_TEST(process, an_end_by_a_signal_is_told_as_a_negative_code) {
    process child{test::waiting_child()};
    EXPECT_TRUE(child.kill());
    exit_status const status = child.wait();
    EXPECT_EQ(status.code(), -SIGKILL);
    EXPECT_EQ(status.text(), "SIGKILL");
}

TENDRIL_HUB_TEST(process, any_number_of_greenlets_wait_for_the_same_child_and_others_run) {
    process child{test::waiting_child()};
    std::vector<task<exit_status>> waiting;
    for (int count = 0; count < 5; ++count) {
        waiting.push_back(spawn([&] { return child.wait(); }));
    }
    sleep_for(1h);
    EXPECT_FALSE(waiting.front().done());
    child.terminate();
    for (auto& each : waiting) {
        EXPECT_EQ(each.get(), exit_status::of_signal(SIGTERM));
    }
}

TENDRIL_HUB_TEST(process, when_who_watches_leaves_the_next_one_watches) {
    process child{test::waiting_child()};
    auto first = spawn([&] { return child.wait(); });
    auto second = spawn([&] { return child.wait(); });
    auto third = spawn([&] { return child.wait_for(1s); });
    test::settle();
    first.cancel();
    test::settle();
    EXPECT_TRUE(first.was_cancelled());
    EXPECT_EQ(third.get(), std::nullopt);
    child.kill();
    EXPECT_EQ(second.get().signal(), SIGKILL);
}

TENDRIL_HUB_TEST(process, whoever_polls_tells_those_who_wait) {
    process child{test::waiting_child()};
    auto first = spawn([&] { return child.wait(); });
    auto second = spawn([&] { return child.wait(); });
    test::settle();
    first.cancel();
    test::kill_and_wait(child.pid());
    EXPECT_EQ(child.poll(), exit_status::of_signal(SIGKILL));
    EXPECT_EQ(second.get().signal(), SIGKILL);
}

TENDRIL_HUB_TEST(process, a_wait_with_a_limit_gives_up) {
    process child{test::waiting_child()};
    EXPECT_EQ(child.wait_for(1h), std::nullopt);
    EXPECT_EQ(child.wait_until(deadline::after(0s)), std::nullopt);
    std::string const how = test::interruption_of([&] { with_timeout(1s, [&] { child.wait(); }); });
    EXPECT_EQ(how, "timed out");
    EXPECT_EQ(child.poll(), std::nullopt);
}

TENDRIL_HUB_TEST(process, an_end_that_is_there_beats_a_limit_that_has_passed) {
    process child{test::shell("exit 0")};
    test::wait_for_zombie(child.pid());
    EXPECT_EQ(child.wait_until(deadline::at(this_hub().now() - 1h)), exit_status::of_code(0));
}

TENDRIL_HUB_TEST(process, poll_never_waits_and_learns_of_the_end_by_itself) {
    process child{test::shell("exit 2")};
    test::wait_for_zombie(child.pid());
    EXPECT_EQ(child.poll(), exit_status::of_code(2));
    process running{test::waiting_child()};
    EXPECT_EQ(running.poll(), std::nullopt);
}

TENDRIL_HUB_TEST(process, a_signal_after_the_end_goes_to_nobody) {
    process child{test::shell("exit 0")};
    child.wait();
    EXPECT_FALSE(test::is_child(child.pid()));
    EXPECT_FALSE(child.terminate());
    EXPECT_FALSE(child.kill());
    EXPECT_FALSE(child.send_signal(SIGUSR1));
}

TENDRIL_HUB_TEST(process, a_signal_that_is_none_is_refused) {
    process child{test::waiting_child()};
    EXPECT_EQ(test::code_of([&] { child.send_signal(12345); }).value(), EINVAL);
}

TENDRIL_HUB_TEST(process, a_signal_to_the_group_reaches_grandchildren) {
    process_options options = test::shell("sleep 1000000 & echo begun; wait");
    options.output = redirection::pipe();
    options.process_group = 0;
    process child{options};
    std::array<char, 6> word;
    child.output().read_some(boost::asio::buffer(word));
    EXPECT_TRUE(child.send_signal_to_group(SIGKILL));
    // The grandchild has the pipe too.
    EXPECT_EQ(read_all(child.output()), "");
    EXPECT_EQ(child.wait().signal(), SIGKILL);
    EXPECT_FALSE(child.send_signal_to_group(SIGKILL));
}

TENDRIL_HUB_TEST(process, pipes_lead_to_all_three_streams) {
    process child{test::piped_shell("read word; echo out $word; echo err $word >&2")};
    child.input().write(boost::asio::buffer("x\n", 2));
    EXPECT_EQ(read_all(child.output()), "out x\n");
    EXPECT_EQ(read_all(child.error_output()), "err x\n");
    EXPECT_TRUE(child.wait().success());
}

TENDRIL_HUB_TEST(process, the_end_of_its_input_reaches_the_child) {
    process child{{
        .program = "cat",
        .input = redirection::pipe(),
        .output = redirection::pipe(),
    }};
    child.input().write(boost::asio::buffer("abc", 3));
    child.input().close();
    EXPECT_EQ(read_all(child.output()), "abc");
    EXPECT_TRUE(child.wait().success());
}

TENDRIL_HUB_TEST(process, a_stream_that_is_no_pipe_cannot_be_asked_for) {
    process child{test::waiting_child()};
    EXPECT_THROW(child.input(), misuse);
    EXPECT_THROW(child.output(), misuse);
    EXPECT_THROW(child.error_output(), misuse);
}

TENDRIL_HUB_TEST(process, a_handle_that_goes_kills_the_child_and_leaves_no_zombie) {
    pid_t number = 0;
    {
        process const child{test::piped_shell("cat")};
        number = child.pid();
    }
    EXPECT_FALSE(test::is_child(number));
}

TENDRIL_HUB_TEST(process, an_assignment_ends_the_child_that_was_there) {
    process child{test::waiting_child()};
    pid_t const number = child.pid();
    child = process{test::shell("exit 4")};
    EXPECT_FALSE(test::is_child(number));
    EXPECT_EQ(child.wait().code(), 4);
}

TENDRIL_HUB_TEST(process, a_handle_may_go_while_another_greenlet_waits) {
    std::optional<process> child{test::waiting_child()};
    auto waiting = spawn([&] { return child->wait(); });
    test::settle();
    child.reset();
    EXPECT_EQ(waiting.get().signal(), SIGKILL);
}

TENDRIL_HUB_TEST(process, a_handle_that_goes_while_a_greenlet_is_killed_still_waits_for_the_end) {
    pid_t number = 0;
    auto holder = spawn([&] {
        process child{test::waiting_child()};
        number = child.pid();
        child.wait();
    });
    test::settle();
    holder.cancel();
    holder.join();
    EXPECT_TRUE(holder.was_cancelled());
    EXPECT_FALSE(test::is_child(number));
}

TENDRIL_HUB_TEST(process, may_go_in_a_callback_of_the_hub) {
    std::optional<process> child{test::waiting_child()};
    pid_t const number = child->pid();
    this_hub().call_soon([&] { child.reset(); });
    test::settle();
    EXPECT_FALSE(test::is_child(number));
}

TENDRIL_TEST(process, may_outlive_its_hub) {
    std::optional<process> child;
    run([&] { child.emplace(test::piped_shell("cat")); });
    pid_t const number = child->pid();
    child.reset();
    EXPECT_FALSE(test::is_child(number));
}

TENDRIL_HUB_TEST(process, stop_asks_first) {
    process child{test::piped_shell("trap 'exit 9' TERM; echo ready; while :; do read x; done")};
    std::array<char, 6> word;
    child.output().read_some(boost::asio::buffer(word));
    EXPECT_EQ(child.stop(std::chrono::nanoseconds::max()).code(), 9);
}

TENDRIL_HUB_TEST(process, stop_kills_a_child_that_does_not_want_to) {
    process child{test::piped_shell("trap '' TERM; echo ready; while :; do read x; done")};
    std::array<char, 6> word;
    child.output().read_some(boost::asio::buffer(word));
    EXPECT_EQ(child.stop(5s).signal(), SIGKILL);
    EXPECT_EQ(child.stop(5s).signal(), SIGKILL);
}

TENDRIL_HUB_TEST(process, a_detached_child_goes_on_and_becomes_no_zombie) {
    process child{test::waiting_child()};
    pid_t const number = child.detach();
    EXPECT_FALSE(child.valid());
    EXPECT_TRUE(test::is_child(number));
    ::kill(number, SIGKILL);
    while (test::is_child(number)) {
        std::this_thread::yield();
    }
}

TENDRIL_HUB_TEST(process, one_for_which_somebody_waits_cannot_be_detached) {
    process child{test::waiting_child()};
    auto waiting = spawn([&] { return child.wait(); });
    test::settle();
    EXPECT_THROW(child.detach(), misuse);
    child.kill();
    waiting.join();
}

TENDRIL_HUB_TEST(process, an_empty_handle_is_misuse) {
    process child;
    EXPECT_FALSE(child.valid());
    EXPECT_THROW(child.wait(), misuse);
    EXPECT_THROW(child.pid(), misuse);
    process moved{test::shell("exit 0")};
    process const here{std::move(moved)};
    EXPECT_THROW(moved.poll(), misuse);
}

TENDRIL_HUB_TEST(process, belongs_to_its_thread) {
    process child{test::waiting_child()};
    std::thread{[&] {
        EXPECT_THROW(child.poll(), wrong_thread);
        EXPECT_THROW(child.kill(), wrong_thread);
    }}.join();
}

TENDRIL_HUB_TEST(process, a_callback_cannot_wait_for_a_child) {
    process child{test::waiting_child()};
    bool refused = false;
    this_hub().call_soon([&] {
        try {
            child.wait();
        } catch (misuse const&) {
            refused = true;
        }
    });
    test::settle();
    EXPECT_TRUE(refused);
}

TENDRIL_TEST(process, a_thread_without_a_hub_starts_children_and_waits_for_them) {
    std::thread{[] {
        process child{test::piped_shell("cat; exit 5")};
        completed_process const done = child.communicate("hello");
        EXPECT_EQ(done.output, "hello");
        EXPECT_EQ(done.status.code(), 5);
    }}.join();
}

TENDRIL_HUB_TEST(process, children_of_somebody_else_are_left_alone) {
    pid_t const other = ::fork();
    if (other == 0) {
        ::_exit(6);
    }
    process child{test::shell("exit 0")};
    child.wait();
    { process const killed{test::waiting_child()}; }
    int status = 0;
    EXPECT_EQ(::waitpid(other, &status, 0), other);
    EXPECT_EQ(WEXITSTATUS(status), 6);
}

TENDRIL_HUB_TEST(process, a_child_that_somebody_else_has_waited_for_has_an_unknown_end) {
    process child{test::shell("exit 3")};
    ::waitpid(child.pid(), nullptr, 0);
    exit_status const status = child.wait();
    EXPECT_FALSE(status.known());
    EXPECT_EQ(status.code(), 255);
}

TENDRIL_HUB_TEST(process, the_program_may_ignore_the_signal_that_tells_of_children) {
    auto const before = ::signal(SIGCHLD, SIG_IGN);
    {
        process child{test::shell("exit 3")};
        EXPECT_FALSE(child.wait().known());
        EXPECT_FALSE(child.kill());
    }
    ::signal(SIGCHLD, before);
}
