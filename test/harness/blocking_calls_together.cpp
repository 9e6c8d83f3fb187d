// SPDX-License-Identifier: BSL-1.0
#include <harness/blocking_calls.hpp>
#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/task.hpp>
#include <tendril/together.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace tendril::test {
namespace {

// Waits for several tasks.

struct awaited_task {
    std::shared_ptr<event> go = std::make_shared<event>();
    std::vector<task<void>> tasks;
};

std::shared_ptr<awaited_task> make_awaited() {
    auto const made = std::make_shared<awaited_task>();
    made->tasks.push_back(spawn([go = made->go] { go->wait(); }));
    return made;
}

template <typename Wait>
auto for_tasks(char const* name, Wait wait) {
    return [=](bool timed) {
        auto const a = make_awaited();
        return blocking_call{
            .name = name,
            .take =
                [=](deadline limit) { return wait(a->tasks, timed ? limit : deadline::never()); },
            .give = [=] { a->go->set(); },
            .to_wishes = answer::given_late,
        };
    };
}

// Whoever is interrupted cancels its children, so each has its own.
template <typename Wait>
call_maker for_children(char const* name, Wait wait) {
    return [=] {
        auto const go = std::make_shared<event>();
        return blocking_call{
            .name = name,
            .take =
                [=](deadline) {
                    wait([go] { go->wait(); });
                    return true;
                },
            .give = [=] { go->set(); },
            .to_wishes = answer::given_late,
        };
    };
}

bool walk_completed(std::vector<task<void>> const& tasks, deadline limit) {
    try {
        for (auto& each : as_completed_until(limit, tasks)) {
            static_cast<void>(each);
        }
        return true;
    } catch (not_all_completed const&) {
        return false;
    }
}

template <typename F>
void walk(F&& function) {
    pool p{1};
    for (auto& each : p.imap(std::vector{1}, [&](int) { function(); })) {
        static_cast<void>(each);
    }
}

// Slots, each taken by a task that does nothing.

struct full_pool {
    pool tasks{1};
    std::shared_ptr<event> never = std::make_shared<event>();
    any_task holder;
};

template <typename Take>
auto for_slot(char const* name, Take take) {
    return [=](bool timed) {
        auto const p = std::make_shared<full_pool>();
        p->holder = spawn([never = p->never] { never->wait(); });
        p->tasks.try_add(p->holder);
        return blocking_call{
            .name = name,
            .take =
                [=](deadline limit) { return take(p->tasks, timed ? limit : deadline::never()); },
            .give = [=] { p->tasks.discard(p->holder); },
            .at_rest =
                [=] {
                    p->never->set();
                    return p->tasks.free_count() + static_cast<int>(p->tasks.size()) == 1;
                },
        };
    };
}

struct stubborn_group {
    group tasks;
    std::shared_ptr<event> go = std::make_shared<event>();
    any_task member;
};

template <typename Wait>
auto for_members(char const* name, Wait wait) {
    return [=](bool timed) {
        auto const g = std::make_shared<stubborn_group>();
        g->member = g->tasks.spawn([go = g->go] {
            try {
                go->wait();
            } catch (greenlet_exit const&) {
                go->wait();
            }
        });
        return blocking_call{
            .name = name,
            .take =
                [=](deadline limit) { return wait(g->tasks, timed ? limit : deadline::never()); },
            .give = [=] { g->tasks.discard(g->member); },
            .at_rest =
                [=] {
                    g->go->set();
                    return g->tasks.size() <= 1;
                },
        };
    };
}

}  // namespace

void add_calls_of_together(calls& all) {
    add_both(all, for_tasks("wait_all", [](auto& tasks, deadline limit) {
                 return wait_all_until(limit, tasks).all_done();
             }));
    add_both(all, for_tasks("wait_any", [](auto& tasks, deadline limit) {
                 return wait_any_until(limit, tasks).has_value();
             }));
    add_both(all, for_tasks("as_completed", walk_completed));
    add_both(all, for_tasks("join_all", [](auto& tasks, deadline limit) {
                 return join_all(tasks, {.limit = limit}).all_done();
             }));
    all.push_back([] {
        return for_tasks("shield", [](auto& tasks, deadline) {
            shield(tasks.front());
            return true;
        })(false);
    });
    all.push_back(for_children("gather", [](auto call) { gather(call, call); }));
    all.push_back(for_children("gather_results", [](auto call) { gather_results(call, call); }));
    all.push_back(for_children("pool::apply", [](auto call) { pool{1}.apply(call); }));
    all.push_back(for_children("pool::map", [](auto call) {
        pool{1}.map(std::vector{1, 2}, [&](int) { call(); });
    }));
    all.push_back(for_children("pool::imap", [](auto call) { walk(call); }));
    add_both(all, for_slot("pool::spawn", [](pool& p, deadline limit) {
                 return p.spawn_until(limit, [] {}).has_value();
             }));
    all.push_back([] {
        return for_slot("pool::spawn_eager", [](pool& p, deadline) {
            return p.spawn_eager([] {}).done();
        })(false);
    });
    all.push_back(for_children("group::spawn_eager", [](auto call) {
        group tasks;
        tasks.spawn_eager(call);
        tasks.join();
    }));
    add_both(all, for_slot("pool::add", [](pool& p, deadline limit) {
                 return p.add_until(limit, spawn([] {}));
             }));
    add_both(all, for_slot("pool::wait_available", [](pool& p, deadline limit) {
                 return p.wait_available_until(limit) > 0;
             }));
    add_both(all, for_members("group::join", [](group& g, deadline limit) {
                 return g.join_until(limit);
             }));
    add_both(all, for_members("group::kill", [](group& g, deadline limit) {
                 return g.kill_until(limit);
             }));
}

}  // namespace tendril::test
