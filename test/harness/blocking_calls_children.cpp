// SPDX-License-Identifier: BSL-1.0
#include <harness/blocking_calls.hpp>
#include <harness/children.hpp>
#include <tendril/process/pipeline.hpp>
#include <tendril/process/process.hpp>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

namespace tendril::test {
namespace {

using namespace std::chrono_literals;

// Floor process: children. What is given to those who wait is the child's end, which a kernel tells
// at once when it has been waited for here.

// A call that waits for the end of a child.
template <typename F>
blocking_call that_awaits_end(char const* name, process_options const& options, F wait) {
    auto const child = std::make_shared<process>(options);
    return {
        .name = name,
        .take = [=](deadline limit) { return wait(*child, limit); },
        .give = [=] { kill_and_wait(child->pid()); },
        .at_rest = [=] { return child->poll().has_value() && child->behind().use_count() == 1; },
        .to_wishes = answer::given_late,
    };
}

blocking_call ended(bool timed) {
    return that_awaits_end("process::wait", waiting_child(), [=](process& child, deadline limit) {
        if (timed) {
            return child.wait_until(limit).has_value();
        }
        child.wait();
        return true;
    });
}

blocking_call communicated(bool timed) {
    process_options options{.program = "sleep", .arguments = {"1000000"}};
    options.output = redirection::pipe();
    options.error_output = redirection::pipe();
    blocking_call made = that_awaits_end(
        "process::communicate", options, [=](process& child, deadline limit) {
            if (!timed) {
                return child.communicate().status.known();
            }
            try {
                return child.communicate_until({}, limit).status.known();
            } catch (process_timed_out const&) {
                return false;
            }
        });
    made.alone = true;
    return made;
}

// The signal that asks it to end stays pending, because it has been stopped.
call_maker asked_to_end() {
    return [] {
        auto const child = std::make_shared<process>(waiting_child());
        suspend_and_wait(child->pid());
        return blocking_call{
            .name = "process::stop",
            .take = [=](deadline) { return child->stop(1h).known(); },
            .give = [=] { kill_and_wait(child->pid()); },
            .to_wishes = answer::given_late,
        };
    };
}

blocking_call all_ended(bool timed) {
    auto const stages = std::make_shared<pipeline>(
        std::vector<process_options>{waiting_child(), {.program = "sleep", .arguments = {"1e6"}}});
    return {
        .name = "pipeline::wait",
        .take =
            [=](deadline limit) {
                return timed ? stages->wait_until(limit).has_value() : stages->wait().size() == 2;
            },
        .give =
            [=] {
                kill_and_wait(stages->stage(0).pid());
                kill_and_wait(stages->stage(1).pid());
            },
        .to_wishes = answer::given_late,
    };
}

blocking_call all_communicated(bool timed) {
    process_options last{.program = "sleep", .arguments = {"1e6"}};
    last.output = redirection::pipe();
    auto const stages = std::make_shared<pipeline>(
        std::vector<process_options>{waiting_child(), std::move(last)});
    return {
        .name = "pipeline::communicate",
        .take =
            [=](deadline limit) {
                if (!timed) {
                    return stages->communicate().statuses.size() == 2;
                }
                try {
                    return stages->communicate_until({}, limit).statuses.size() == 2;
                } catch (process_timed_out const&) {
                    return false;
                }
            },
        .give =
            [=] {
                kill_and_wait(stages->stage(0).pid());
                kill_and_wait(stages->stage(1).pid());
            },
        .to_wishes = answer::given_late,
        .alone = true,
    };
}

}  // namespace

void add_calls_of_children(calls& all) {
    add_both(all, ended);
    add_both(all, communicated);
    add_both(all, all_ended);
    add_both(all, all_communicated);
    all.push_back(asked_to_end());
}

}  // namespace tendril::test
