// SPDX-License-Identifier: BSL-1.0
#pragma once

// More small programs for tests in which calls of the system fail (stream_programs.hpp): those
// that have children. Each child ends when its input ends, so that none is left for good which the
// parent has lost sight of; the test waits for those. Time stands still meanwhile: a child has its
// own.

#include <harness/children.hpp>
#include <harness/file_programs.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/process.hpp>
#include <tendril/support/system_calls.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>

namespace tendril::test {

inline process_options copying_child() {
    return {.program = "cat", .input = redirection::pipe(), .output = redirection::pipe()};
}

// A child need not read what it is given.
inline void expect_all_or_nothing(std::string_view heard, std::string_view wanted) {
    if (!heard.empty()) {
        expect_same(heard, wanted);
    }
}

inline void run_a_child() {
    job_under_way const counted{this_hub()};
    std::string const text(100'000, 'c');
    expect_all_or_nothing(run_process({.program = "cat"}, {.input = text}).output, text);
}

inline void run_several_children() {
    job_under_way const counted{this_hub()};
    auto const done = run_pipeline({{.program = "cat"}, {.program = "cat"}}, {.input = "through"});
    expect_all_or_nothing(done.output, "through");
}

// The first signal of each kind may fail.
inline void talk_to_a_child() {
    job_under_way const counted{this_hub()};
    process child{copying_child()};
    child.input().write(boost::asio::buffer("question", 8));
    expect_text(child.output(), "question");
    child.terminate();
    child.kill();
    child.wait();
}

// As where there are no pidfds.
inline void talk_to_a_child_by_number() {
    system_calls table = kernel();
    table.pidfd_open = [](pid_t, unsigned) {
        errno = ENOSYS;
        return -1;
    };
    replaced_system_calls const in_place{table};
    job_under_way const counted{this_hub()};
    process child{copying_child()};
    child.input().write(boost::asio::buffer("question", 8));
    expect_text(child.output(), "question");
    // The thread that watches it is waited for, also when the parent hears nothing of its end.
    child.input().close();
    child.terminate();
    child.wait();
}

inline void end_a_group() {
    job_under_way const counted{this_hub()};
    process_options options = copying_child();
    options.process_group = 0;
    process child{options};
    child.send_signal_to_group(SIGTERM);
    child.input().close();
    child.wait();
}

inline void redirect_a_child() {
    job_under_way const counted{this_hub()};
    process child{
        {.program = "/bin/cat",
         .folder = "/",
         .input = redirection::file("/dev/null"),
         .output = redirection::null(),
         .error_output = redirection::descriptor(2),
         .passed = {0}}};
    child.wait();
    child.poll();
}

inline constexpr std::array child_programs{
    stream_program{"a child that is run", run_a_child},
    stream_program{"several children", run_several_children},
    stream_program{"a child", talk_to_a_child},
    stream_program{"a child without a pidfd", talk_to_a_child_by_number},
    stream_program{"a group of children", end_a_group},
    stream_program{"a child with files", redirect_a_child}};

}  // namespace tendril::test
