// SPDX-License-Identifier: BSL-1.0
#pragma once

// Tasks that are looked after together.
//
//     tendril::group workers;
//     for (auto const& each : jobs) {
//         workers.spawn(work, each);
//     }
//     workers.join();
//
// A group tracks a task from `spawn` or `add` to the step in which it ends, and knows nothing of it
// afterwards: results and errors are for those who have handles. It owns none of them, either: when
// the group goes, its members go on, and nobody tracks them. A block that must not end before its
// tasks is a `task_group`.
//
// A `pool` (pool.hpp) is a group with a bound. A group belongs to the thread that has made it.

#include <tendril/hub/deadline.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/task/task.hpp>
#include <tendril/together/any_task.hpp>
#include <tendril/together/task_set.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace tendril {

class group {
public:
    /// Makes one without members. Throws: std::bad_alloc. Switches: never.
    group() : group{detail::task_set::unlimited} {}
    group(group const&) = delete;
    group& operator=(group const&) = delete;
    ~group() = default;

    /// Spawns a member. Throws: as `tendril::spawn`; wrong_thread. Switches: never. Thread: hub.
    template <typename F, typename... Args>
    requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
    auto spawn(spawn_options options, F&& function, Args&&... arguments) {
        set_->try_take();
        return fill_slot(
            std::move(options), std::forward<F>(function), std::forward<Args>(arguments)...);
    }
    template <typename F, typename... Args>
    requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
    auto spawn(F&& function, Args&&... arguments) {
        return spawn(
            spawn_options{.where = {}}, std::forward<F>(function),
            std::forward<Args>(arguments)...);
    }

    /// As above, but the member begins in the call, as with `tendril::spawn_eager`; it is one when
    /// it begins. Throws: also what was requested for the caller before; misuse where nobody may
    /// wait. Switches: may. Thread: hub.
    template <typename F, typename... Args>
    requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
    auto spawn_eager(spawn_options options, F&& function, Args&&... arguments) {
        detail::task_core::check_first_step();
        set_->try_take();
        return fill_eagerly(
            set_, std::move(options), std::forward<F>(function), std::forward<Args>(arguments)...);
    }
    template <typename F, typename... Args>
    requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
    auto spawn_eager(F&& function, Args&&... arguments) {
        return spawn_eager(
            spawn_options{.where = {}}, std::forward<F>(function),
            std::forward<Args>(arguments)...);
    }

    /// Tracks a task that was spawned elsewhere; does nothing when it has ended, or is a member.
    /// Throws: std::bad_alloc; wrong_thread; misuse for an empty handle. Switches: never.
    void add(any_task const& added) {
        set_->try_take();
        add_to_slot(added);
    }

    /// Tracks it no more; does nothing when it is no member. Throws: wrong_thread; misuse for an
    /// empty handle. Switches: never.
    void discard(any_task const& member) { set_->discard(member.state()); }

    /// Waits until there is no member, at any time during the wait: others may have come since.
    /// Throws: what was requested for the caller; misuse when a member waits for itself so;
    /// wrong_thread. Switches: may.
    void join() { join_until(deadline::never()); }

    /// As above, but for a while, or until a moment, at most. Returns whether that was so.
    /// Switches: may.
    template <typename Rep, typename Period>
    bool join_for(std::chrono::duration<Rep, Period> const& duration) {
        return join_until(deadline::after(duration));
    }
    bool join_until(deadline limit) {
        auto const kept = set_;
        return kept->join(limit);
    }

    /// As `join`, and then throws the first error in time of those who are members at the call.
    /// Switches: may.
    void join_and_raise() {
        auto const kept = set_;
        kept->join_and_raise();
    }

    /// Ends every member with `greenlet_exit`, each once, and those who become members meanwhile;
    /// waits until there is none. A member that calls it is ended by the wait.
    /// Throws: what was requested for the caller; wrong_thread. Switches: may.
    void kill() { kill_until(deadline::never()); }

    /// As above, but waits for a while, or until a moment, at most. Returns whether there was none.
    /// Switches: may.
    template <typename Rep, typename Period>
    bool kill_for(std::chrono::duration<Rep, Period> const& duration) {
        return kill_until(deadline::after(duration));
    }
    bool kill_until(deadline limit) {
        auto const kept = set_;
        return kept->kill(limit);
    }

    /// Ends a member with `greenlet_exit` and waits for its end; does nothing when it is none.
    /// Throws: as `kill`; misuse for an empty handle. Switches: may.
    void kill_one(any_task const& member) {
        if (contains(member)) {
            any_task const victim = member;
            set_->kill_one(victim.state());
            victim.join();
        }
    }

    /// Says whether it is a member. Throws: misuse for an empty handle. Switches: never.
    bool contains(any_task const& asked) const { return set_->contains(asked.state()); }

    /// How many members there are. Switches: never.
    std::size_t size() const noexcept { return set_->size(); }
    bool empty() const noexcept { return size() == 0; }

    /// Handles to the members, in the order in which they came. Throws: std::bad_alloc.
    /// Switches: never.
    std::vector<any_task> tasks() const {
        std::vector<any_task> all;
        all.reserve(size());
        set_->for_each([&](detail::task_core& each) { all.emplace_back(each); });
        return all;
    }

protected:
    explicit group(std::ptrdiff_t slots) : set_{std::make_shared<detail::task_set>(slots)} {}

    // Requires: a slot was taken.
    template <typename... Spawned>
    auto fill_slot(Spawned&&... spawned) {
        detail::taken_slot slot{set_};
        return slot.fill_with([&] { return tendril::spawn(std::forward<Spawned>(spawned)...); });
    }
    template <typename... Spawned>
    static auto fill_eagerly(
        std::shared_ptr<detail::task_set> const& set, spawn_options options, Spawned&&... spawned) {
        detail::taken_slot slot{set};
        return slot.fill_eagerly([&] {
            auto made = detail::make_task(std::forward<Spawned>(spawned)...);
            made.state().prepare(std::move(options));
            return made;
        });
    }
    void add_to_slot(any_task const& added) {
        detail::taken_slot slot{set_};
        slot.fill_with([&] { return added; });
    }

    std::shared_ptr<detail::task_set> set_;
};

}  // namespace tendril
