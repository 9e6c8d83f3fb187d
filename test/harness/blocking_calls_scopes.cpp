// SPDX-License-Identifier: BSL-1.0
#include <harness/blocking_calls.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/scope/cancel_scope.hpp>
#include <tendril/scope/task_group.hpp>
#include <tendril/sync/event.hpp>

#include <memory>

namespace tendril::test {
namespace {

using namespace std::chrono_literals;

// What a child waits for, and whether every child that began has ended.
struct children {
    event go;
    int alive = 0;

    auto wait() {
        return [this] {
            ++alive;
            scope_exit const gone{[this] { --alive; }};
            go.wait();
        };
    }
};

template <typename F>
call_maker on_children(char const* name, F take, answer to_wishes = answer::given_late) {
    return [=] {
        auto const all = std::make_shared<children>();
        return blocking_call{
            .name = name,
            .take =
                [=](deadline) {
                    take(*all);
                    return true;
                },
            .give = [=] { all->go.set(); },
            .at_rest = [=] { return all->alive == 0; },
            .to_wishes = to_wishes,
        };
    };
}

// A kill is an error of the block, so it comes as a group of one.
void wait_for_a_group(children& all) {
    try {
        with_task_group([&](task_group& group) {
            group.spawn(all.wait());
            group.spawn(all.wait());
        });
    } catch (exception_group const& several) {
        std::rethrow_exception(several.errors().at(0));
    }
}

// Children that begin on the spawner's turn.
void wait_for_eager_children(children& all) {
    task_group group;
    group.spawn_eager(all.wait());
    group.spawn_eager(all.wait());
    group.join();
}

void join_a_group(children& all) {
    task_group group;
    group.spawn(all.wait());
    group.join();
}

void wait_for_a_start(children& all) {
    task_group group;
    group.start([&](task_status<>& status) {
        all.wait()();
        status.started();
    });
    group.join();
}

void wait_in_scopes(children& all) {
    cancel_scope outer;
    outer.run([&] {
        cancel_scope inner{{.limit = deadline::after(2h)}};
        inner.run(all.wait());
    });
}

void wait_behind_a_shield(children& all) {
    cancel_scope{{.shield = true}}.run([&] { move_on_after(30min, all.wait()); });
}

}  // namespace

void add_calls_of_scopes(calls& all) {
    all.push_back(on_children("with_task_group", wait_for_a_group));
    all.push_back(on_children("task_group::join", join_a_group));
    all.push_back(on_children("task_group::spawn_eager", wait_for_eager_children));
    all.push_back(on_children("task_group::start", wait_for_a_start));
    all.push_back(on_children("cancel_scope::run", wait_in_scopes, answer::at_once));
    all.push_back(
        on_children("cancel_scope::run, a shield", wait_behind_a_shield, answer::never_inside));
}

}  // namespace tendril::test
