// SPDX-License-Identifier: BSL-1.0
#include <harness/blocking_calls.hpp>
#include <harness/children.hpp>
#include <harness/descriptors.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/process/pipeline.hpp>
#include <tendril/process/process.hpp>
#include <tendril/process/run_process.hpp>
#include <tendril/support/system_calls.hpp>

#include <chrono>
#include <memory>
#include <vector>

namespace tendril::test {
namespace {

// Floor process: children from their start to their end. Each ends at the end of its input, which
// is given when the other end of a pipe is closed, or when it is told to; and when it has ended the
// kernel knows, and nobody else. So time stands still meanwhile.

struct open_input {
    bare_pipe pipe;

    process_options cat() const {
        return {.program = "cat", .input = redirection::descriptor(pipe.ends[0])};
    }
    void end() { pipe.close_end(1); }
};

run_options limits_of_run(bool timed, deadline limit) {
    return {.limit = timed ? limit.moment() - this_hub().now() : std::chrono::nanoseconds::max()};
}

// `call(input, options)` says whether its children ended well.
template <typename Call>
blocking_call run_to_its_end(char const* name, bool timed, Call call) {
    auto const input = std::make_shared<open_input>();
    return {
        .name = name,
        .take =
            [=](deadline limit) {
                job_under_way const counted{this_hub()};
                try {
                    return call(*input, limits_of_run(timed, limit));
                } catch (process_timed_out const&) {
                    return false;
                }
            },
        .give = [=] { input->end(); },
        .at_rest = [] { return !has_children(); },
        .to_wishes = answer::given_late,
        .stops_time = true,
    };
}

blocking_call run_one(bool timed) {
    return run_to_its_end(
        "run_process", timed, [](open_input const& input, run_options const& how) {
            return run_process(input.cat(), how).status.success();
        });
}

blocking_call run_several(bool timed) {
    return run_to_its_end(
        "run_pipeline", timed, [](open_input const& input, run_options const& how) {
            return run_pipeline({input.cat(), {.program = "cat"}}, how).success();
        });
}

// Children that get no signal before it is given, so that whoever ends them waits.

bool signals_get_lost = false;

struct deaf_children {
    deaf_children() {
        signals_get_lost = true;
        table.pidfd_send_signal = [](int child, int signal, siginfo_t* info, unsigned flags) {
            return signals_get_lost ? 0
                                    : real_kernel().pidfd_send_signal(child, signal, info, flags);
        };
    }
    deaf_children(deaf_children const&) = delete;
    deaf_children& operator=(deaf_children const&) = delete;
    ~deaf_children() = default;

    void end_all() {
        signals_get_lost = false;
        for (pid_t const each : numbers) {
            kill_and_wait(each);
        }
    }

    std::vector<pid_t> numbers;
    system_calls table = real_kernel();
    replaced_system_calls const in_place{table};
};

// `call` starts children, notes their numbers, and lets them go.
template <typename Call>
call_maker letting_go(char const* name, Call call) {
    return [=] {
        auto const children = std::make_shared<deaf_children>();
        return blocking_call{
            .name = name,
            .take =
                [=](deadline) {
                    job_under_way const counted{this_hub()};
                    call(*children);
                    return true;
                },
            .give = [=] { children->end_all(); },
            .at_rest = [] { return !has_children(); },
            .to_wishes = answer::never_inside,
            .stops_time = true,
        };
    };
}

void let_one_go(deaf_children& in) {
    process const child{waiting_child()};
    in.numbers.push_back(child.pid());
}

void let_two_go(deaf_children& in) {
    pipeline stages{{waiting_child(), {.program = "sleep", .arguments = {"1e6"}}}};
    in.numbers.push_back(stages.stage(0).pid());
    in.numbers.push_back(stages.stage(1).pid());
}

}  // namespace

void add_calls_of_runs(calls& all) {
    add_both(all, run_one);
    add_both(all, run_several);
    all.push_back(letting_go("process::~process", let_one_go));
    all.push_back(letting_go("pipeline::~pipeline", let_two_go));
}

}  // namespace tendril::test
