// SPDX-License-Identifier: BSL-1.0
#include "child.hpp"
#include "ending_guard.hpp"
#include "exchange.hpp"
#include "start_process.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/io/error.hpp>
#include <tendril/process/pipeline.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>

#include <signal.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>

namespace tendril {
namespace {

bool is_good(exit_status status, bool is_last) noexcept {
    return status.success() || (!is_last && status.signal() == SIGPIPE);
}

// Those that have been started before the last one, which cannot go wrong unnoticed.
void require_free(redirection const& between) {
    TENDRIL_REQUIRE(
        between.what() == redirection::kind::usual,
        "what is between two children of a pipeline is their pipe: redirect the input of the first "
        "and the output of the last only");
}

// What stages wrote, in a row.
completed_process in_a_row(std::string output, std::vector<std::string> const& errors) {
    completed_process all{{}, std::move(output), {}};
    for (std::string const& each : errors) {
        all.error_output += each;
    }
    return all;
}

using children = std::vector<std::shared_ptr<detail::child>>;

// For calls that wait: the handle may go meanwhile. Throws: misuse; wrong_thread.
children children_of(std::vector<process> const& stages) {
    TENDRIL_REQUIRE(!stages.empty(), "this pipeline was moved from and has no children");
    children all;
    for (process const& each : stages) {
        static_cast<void>(each.pid());
        all.push_back(each.behind());
    }
    return all;
}

bool wait_for_all(children const& all, deadline limit) {
    for (auto const& each : all) {
        if (!each->wait_until(limit)) {
            return false;
        }
    }
    return true;
}

std::string text_of(children const& all) {
    std::string text;
    for (auto const& each : all) {
        text += (text.empty() ? "" : " | ") + each->program();
    }
    return text;
}

// Takes what was collected.
completed_pipeline take_collected(children const& all) {
    completed_pipeline done;
    for (auto const& each : all) {
        done.statuses.push_back(each->poll().value_or(exit_status{}));
        done.error_outputs.push_back(std::exchange(each->talk().error_output, {}));
    }
    done.output = std::exchange(all.back()->talk().output, {});
    return done;
}

// Ends those whose limit has come, and reads on meanwhile.
completed_pipeline end_pipeline_in_time(
    pipeline& late, children const& all, std::chrono::nanoseconds grace) {
    late.terminate();
    try {
        return late.communicate_for({}, grace);
    } catch (process_timed_out const&) {}
    late.kill();
    late.wait();
    for (auto const& each : all) {
        detail::take_what_is_there(each->stream(1), each->talk().output);
        detail::take_what_is_there(each->stream(2), each->talk().error_output);
    }
    return take_collected(all);
}

void complain(children const& all, completed_pipeline& done) {
    for (std::size_t number = 0; number < all.size(); ++number) {
        exit_status const status = done.statuses[number];
        if (!is_good(status, number + 1 == all.size())) {
            throw process_failed{
                all[number]->program(),
                {status, std::move(done.output), std::move(done.error_outputs[number])}};
        }
    }
}

void give_usual_pipes(std::vector<process_options>& stages, bool has_input) {
    for (process_options& each : stages) {
        detail::replace_usual(each.error_output, redirection::pipe());
    }
    if (!stages.empty()) {
        detail::replace_usual(
            stages.front().input, has_input ? redirection::pipe() : redirection::null());
        detail::replace_usual(stages.back().output, redirection::pipe());
    }
}

}  // namespace

bool completed_pipeline::success() const noexcept {
    for (std::size_t number = 0; number < statuses.size(); ++number) {
        if (!is_good(statuses[number], number + 1 == statuses.size())) {
            return false;
        }
    }
    return true;
}

pipeline::pipeline(std::vector<process_options> const& stages) {
    TENDRIL_REQUIRE(!stages.empty(), "a pipeline needs a child: give at least one stage");
    for (std::size_t number = 0; number < stages.size(); ++number) {
        if (number > 0) {
            require_free(stages[number].input);
        }
        if (number + 1 < stages.size()) {
            require_free(stages[number].output);
        }
    }
    stages_.reserve(stages.size());
    // The end that the next one reads from.
    detail::owned_descriptor from_last;
    for (process_options each : stages) {
        std::array<detail::owned_descriptor, 2> next;
        if (from_last) {
            each.input = redirection::descriptor(from_last.get());
        }
        if (stages_.size() + 1 < stages.size()) {
            next = detail::make_pipe();
            if (!next[0]) {
                throw system_error{
                    error_code{errno, boost::system::system_category()},
                    "no pipe behind " + each.program};
            }
            each.output = redirection::descriptor(next[1].get());
        }
        stages_.emplace_back(each);
        from_last = std::move(next[0]);
    }
}

pipeline::~pipeline() {
    // All at once, and then one after the other is waited for.
    for (process& each : stages_) {
        if (each.valid()) {
            each.behind()->kill_quietly();
        }
    }
}

process& pipeline::stage(std::size_t number) {
    TENDRIL_REQUIRE(
        number < stages_.size(),
        "this pipeline has no stage of that number: they are counted from zero, and one that was "
        "moved from has none");
    return stages_[number];
}

std::vector<exit_status> pipeline::wait() { return *wait_until(deadline::never()); }

std::optional<std::vector<exit_status>> pipeline::wait_until(deadline limit) {
    check_interruption();
    children const all = children_of(stages_);
    if (!wait_for_all(all, limit)) {
        return std::nullopt;
    }
    std::vector<exit_status> statuses;
    for (auto const& each : all) {
        statuses.push_back(*each->poll());
    }
    return statuses;
}

void pipeline::send_signal(int signal) {
    for (process& each : stages_) {
        each.send_signal(signal);
    }
}

void pipeline::terminate() { send_signal(SIGTERM); }
void pipeline::kill() { send_signal(SIGKILL); }

completed_pipeline pipeline::communicate(std::string_view input) {
    return communicate_until(input, deadline::never());
}

completed_pipeline pipeline::communicate_until(std::string_view input, deadline limit) {
    check_interruption();
    children const all = children_of(stages_);
    detail::conversation& talk = all.front()->talk();
    if (talk.under_way) {
        throw system_error{io_error(errc::busy), "another greenlet communicates with the pipeline"};
    }
    talk.input.append(input);
    talk.under_way = true;
    scope_exit const over{[&] { talk.under_way = false; }};
    detail::exchange all_ways;
    all_ways.write_to(all.front()->stream(0), talk.input);
    all_ways.read_from(all.back()->stream(1), all.back()->talk().output);
    for (auto const& each : all) {
        all_ways.read_from(each->stream(2), each->talk().error_output);
    }
    if (!all_ways.run_until(limit) || !wait_for_all(all, limit)) {
        std::vector<std::string> errors;
        for (auto const& each : all) {
            errors.push_back(each->talk().error_output);
        }
        throw process_timed_out{text_of(all), in_a_row(all.back()->talk().output, errors)};
    }
    return take_collected(all);
}

std::string pipeline::text() const { return text_of(children_of(stages_)); }

completed_pipeline run_pipeline(std::vector<process_options> stages, run_options const& how) {
    check_interruption();
    deadline const limit = deadline::after(how.limit);
    give_usual_pipes(stages, !how.input.empty());
    pipeline running{stages};
    children all;
    for (std::size_t number = 0; number < running.size(); ++number) {
        all.push_back(running.stage(number).behind());
    }
    scope_exit const on_the_way_out{[&] { detail::end_all_after(all, how.grace); }};
    completed_pipeline done;
    bool late = false;
    try {
        done = running.communicate_until(how.input, limit);
    } catch (process_timed_out const&) {
        late = true;
    }
    if (late) {
        done = end_pipeline_in_time(running, all, how.grace);
        throw process_timed_out{text_of(all), in_a_row(std::move(done.output), done.error_outputs)};
    }
    if (how.check) {
        complain(all, done);
    }
    return done;
}

}  // namespace tendril
