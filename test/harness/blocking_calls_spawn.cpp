// SPDX-License-Identifier: BSL-1.0
#include <harness/blocking_calls.hpp>
#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/task/spawn.hpp>

#include <memory>

namespace tendril::test {
namespace {

// Floor task: calls that start or end a task.

// Swallows every kill, but for the exit of a hub that closes.
void wait_in_spite_of_kills(event& given) {
    while (true) {
        try {
            given.wait();
            return;
        } catch (greenlet_exit const&) {
            if (exit_requested(*this_thread().current)) {
                throw;
            }
        }
    }
}

blocking_call kill_that_waits(bool timed) {
    auto const given = std::make_shared<event>();
    auto const victim = spawn([given] { wait_in_spite_of_kills(*given); });
    return {
        .name = "task::kill_and_join",
        .take =
            [=](deadline limit) {
                return timed ? victim.kill_and_join(limit) : victim.kill_and_join();
            },
        .give = [=] { given->set(); },
        .at_rest = [=] { return victim.done(); },
        .to_wishes = answer::given_late,
    };
}

// Each who takes begins a task of its own, which waits for what is given.
blocking_call eager_spawn(bool timed) {
    auto const given = std::make_shared<event>();
    auto const waiting = std::make_shared<int>(0);
    return {
        .name = "spawn_eager",
        .take =
            [=](deadline limit) {
                auto const t = spawn_eager([=] {
                    ++*waiting;
                    given->wait();
                    --*waiting;
                });
                return t.join_until(timed ? limit : deadline::never());
            },
        .give = [=] { given->set(); },
        .at_rest = [=] { return *waiting == 0; },
        .to_wishes = answer::given_late,
    };
}

}  // namespace

void add_calls_of_spawn(calls& all) {
    add_both(all, kill_that_waits);
    add_both(all, eager_spawn);
}

}  // namespace tendril::test
