// SPDX-License-Identifier: BSL-1.0
#include "child.hpp"
#include "exchange.hpp"
#include "start_process.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/process/process.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>

#include <signal.h>

#include <string>
#include <utility>

namespace tendril {
namespace {

std::shared_ptr<detail::child> start_child(
    process_options const& options, detail::start_failure& failure) {
    auto child = std::make_shared<detail::child>(options);
    detail::started_process started = detail::start_process(options, failure);
    if (failure.error.failed()) {
        return nullptr;
    }
    child->take_over(std::move(started));
    return child;
}

descriptor_stream& piped(detail::child& of, std::size_t place, char const* text) {
    descriptor_stream& stream = of.stream(place);
    TENDRIL_REQUIRE(of.is_piped(place), text);
    return stream;
}

}  // namespace

process::process(process_options const& options) {
    detail::start_failure failure;
    child_ = start_child(options, failure);
    if (failure.error.failed()) {
        throw system_error{failure.error, "cannot start " + options.program + ": " + failure.text};
    }
}

process::process(process_options const& options, error_code& error) {
    detail::start_failure failure;
    child_ = start_child(options, failure);
    error = failure.error;
}

process& process::operator=(process&& other) noexcept {
    process old{std::move(*this)};
    child_ = std::move(other.child_);
    return *this;
}

process::~process() {
    if (child_) {
        child_->end_now();
    }
}

detail::child& process::here() const {
    TENDRIL_REQUIRE(
        child_ != nullptr,
        "this handle has no child: it is empty, was moved from, or has detached it");
    child_->require_thread();
    return *child_;
}

pid_t process::pid() const { return here().number(); }

descriptor_stream& process::input() {
    return piped(
        here(), 0, "this child's input is no pipe: start it with .input = redirection::pipe()");
}

descriptor_stream& process::output() {
    return piped(
        here(), 1, "this child's output is no pipe: start it with .output = redirection::pipe()");
}

descriptor_stream& process::error_output() {
    return piped(
        here(), 2,
        "this child's error output is no pipe: start it with .error_output = redirection::pipe()");
}

exit_status process::wait() { return *wait_until(deadline::never()); }

std::optional<exit_status> process::wait_until(deadline limit) {
    detail::child& child = here();
    auto const alive = child_;
    child.wait_until(limit);
    return child.poll();
}

std::optional<exit_status> process::poll() { return here().poll(); }

bool process::send_signal(int signal) { return here().send_signal(signal); }
bool process::terminate() { return send_signal(SIGTERM); }
bool process::kill() { return send_signal(SIGKILL); }
bool process::send_signal_to_group(int signal) { return here().send_signal_to_group(signal); }

exit_status process::stop_after(std::chrono::nanoseconds grace) {
    check_interruption();
    detail::child& child = here();
    auto const alive = child_;
    if (child.send_signal(SIGTERM) && !child.wait_until(deadline::after(grace))) {
        child.send_signal(SIGKILL);
    }
    child.wait_until(deadline::never());
    return *child.poll();
}

completed_process process::communicate(std::string_view input) {
    return communicate_until(input, deadline::never());
}

completed_process process::communicate_until(std::string_view input, deadline limit) {
    check_interruption();
    detail::child& child = here();
    auto const alive = child_;
    detail::conversation& talk = child.talk();
    if (talk.under_way) {
        throw system_error{io_error(errc::busy), "another greenlet communicates with the child"};
    }
    talk.input.append(input);
    talk.under_way = true;
    scope_exit const over{[&] { talk.under_way = false; }};
    detail::exchange both_ways;
    both_ways.write_to(child.stream(0), talk.input);
    both_ways.read_from(child.stream(1), talk.output);
    both_ways.read_from(child.stream(2), talk.error_output);
    if (!both_ways.run_until(limit) || !child.wait_until(limit)) {
        throw process_timed_out{child.program(), {exit_status{}, talk.output, talk.error_output}};
    }
    return {*child.poll(), std::exchange(talk.output, {}), std::exchange(talk.error_output, {})};
}

pid_t process::detach() {
    detail::child& child = here();
    pid_t const number = child.number();
    child.leave_to_a_thread();
    child_ = nullptr;
    return number;
}

}  // namespace tendril
