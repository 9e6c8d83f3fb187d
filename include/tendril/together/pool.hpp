// SPDX-License-Identifier: BSL-1.0
#pragma once

// At most so many tasks at a time.
//
//     tendril::pool connections{100};
//     connections.spawn(serve, std::move(stream));          // waits while there are 100
//     std::vector<page> all = connections.map(urls, fetch); // in the order of the urls
//
//                    there is a slot          every slot is taken
//     spawn, add     takes it                 waits for one, first come, first served
//     try_…          takes it                 does nothing
//     apply_async    takes it                 its task waits for one, the caller does not
//     apply          takes it, and waits      waits, and then for the result; a member calls the
//                    for the result           function itself
//
// A task has its slot from before it is spawned to the step in which it ends. A slot that becomes
// free goes to the longest waiting directly. A member that waits for a slot of its own pool may
// wait for ever: `would_block_forever` then says which one does, and `apply` and `apply_async`
// avoid it.
//
// What a pool does with its members it does as a `group` (group.hpp). When the pool goes, they go
// on, and so do those who wait for a slot. A pool belongs to the thread that has made it.

#include <tendril/hub/deadline.hpp>
#include <tendril/together/group.hpp>
#include <tendril/together/pool_map.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace tendril {

class pool : private group {
public:
    /// Makes one with so many slots. With none, every `spawn` waits for ever.
    /// Throws: std::bad_alloc; misuse for a negative number. Switches: never.
    explicit pool(std::ptrdiff_t slots) : group{slots} {}
    /// Makes one without a bound. Switches: never.
    pool() : group{detail::task_set::unlimited} {}

    // As in a group; `join` also waits for those who are about to fill a slot.
    using group::contains;
    using group::discard;
    using group::empty;
    using group::join;
    using group::join_and_raise;
    using group::join_for;
    using group::join_until;
    using group::kill;
    using group::kill_for;
    using group::kill_one;
    using group::kill_until;
    using group::size;
    using group::tasks;

    /// Spawns a member, waiting for a slot. Throws: what was requested for the caller, and then
    /// nothing was spawned; as `tendril::spawn`; wrong_thread. Switches: may. Thread: hub.
    template <typename F, typename... Args>
    requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
    auto spawn(spawn_options options, F&& function, Args&&... arguments) {
        auto const kept = set_;
        kept->take(deadline::never());
        return fill(
            kept, std::move(options), std::forward<F>(function), std::forward<Args>(arguments)...);
    }
    template <typename F, typename... Args>
    requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
    auto spawn(F&& function, Args&&... arguments) {
        return spawn(
            spawn_options{.where = {}}, std::forward<F>(function),
            std::forward<Args>(arguments)...);
    }

    /// As above, but when it has a slot the member begins in the call, as with
    /// `tendril::spawn_eager`. Throws: also misuse where nobody may wait. Switches: may.
    /// Thread: hub.
    template <typename F, typename... Args>
    requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
    auto spawn_eager(spawn_options options, F&& function, Args&&... arguments) {
        detail::task_core::check_first_step();
        auto const kept = set_;
        kept->take(deadline::never());
        return fill_eagerly(
            kept, std::move(options), std::forward<F>(function), std::forward<Args>(arguments)...);
    }
    template <typename F, typename... Args>
    requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
    auto spawn_eager(F&& function, Args&&... arguments) {
        return spawn_eager(
            spawn_options{.where = {}}, std::forward<F>(function),
            std::forward<Args>(arguments)...);
    }

    /// As `spawn`, but waits for a while, or until a moment, at most. Empty when there was no slot;
    /// the arguments are unchanged then. Switches: may.
    template <typename Rep, typename Period, typename F, typename... Args>
    auto spawn_for(
        std::chrono::duration<Rep, Period> const& duration, F&& function, Args&&... arguments) {
        return spawn_until(
            deadline::after(duration), std::forward<F>(function), std::forward<Args>(arguments)...);
    }
    template <typename F, typename... Args>
    auto spawn_until(deadline limit, F&& function, Args&&... arguments) {
        auto const kept = set_;
        bool const taken = kept->take(limit);
        return fill_if(taken, kept, std::forward<F>(function), std::forward<Args>(arguments)...);
    }

    /// Spawns a member if there is a slot now; else empty. Throws: as `tendril::spawn`;
    /// wrong_thread. Switches: never. Thread: hub.
    template <typename F, typename... Args>
    auto try_spawn(F&& function, Args&&... arguments) {
        bool const taken = set_->try_take();
        return fill_if(taken, set_, std::forward<F>(function), std::forward<Args>(arguments)...);
    }

    /// Tracks a task that was spawned elsewhere, waiting for a slot. One that has ended meanwhile,
    /// or is a member, takes none. Throws: what was requested for the caller, and then it is not
    /// tracked; std::bad_alloc; wrong_thread; misuse for an empty handle. Switches: may.
    void add(any_task const& added) { add_until(deadline::never(), added); }

    /// As above, but for a while, or until a moment, at most. Returns whether there was a slot.
    /// Switches: may.
    template <typename Rep, typename Period>
    bool add_for(std::chrono::duration<Rep, Period> const& duration, any_task const& added) {
        return add_until(deadline::after(duration), added);
    }
    bool add_until(deadline limit, any_task const& added) {
        any_task const task = added;
        auto const kept = set_;
        return kept->take(limit) && fill_with(kept, task);
    }

    /// As `add`, if there is a slot now. Returns whether there was. Switches: never.
    bool try_add(any_task const& added) { return set_->try_take() && fill_with(set_, added); }

    /// Says whether every slot is taken. Switches: never.
    bool full() const noexcept { return set_->free() == 0; }

    /// How many slots there are, and how many of them are free. Switches: never.
    std::ptrdiff_t slots() const noexcept { return set_->slots(); }
    std::ptrdiff_t free_count() const noexcept { return set_->free(); }

    /// Waits until a slot is free, without taking it, and returns how many are: none, when others
    /// were faster. Throws: what was requested for the caller; wrong_thread. Switches: may.
    std::ptrdiff_t wait_available() { return wait_available_until(deadline::never()); }

    /// As above, but for a while, or until a moment, at most. Switches: may.
    template <typename Rep, typename Period>
    std::ptrdiff_t wait_available_for(std::chrono::duration<Rep, Period> const& duration) {
        return wait_available_until(deadline::after(duration));
    }
    std::ptrdiff_t wait_available_until(deadline limit) {
        auto const kept = set_;
        return kept->wait_available(limit);
    }

    /// Calls a function in a member and returns its result. A member that calls it calls the
    /// function itself: waiting for a slot, it could wait for its own. A caller that is interrupted
    /// leaves the member running. Throws: what the function throws; as `spawn`. Switches: may.
    template <typename F, typename... Args>
    auto apply(F&& function, Args&&... arguments)
        -> std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...> {
        if (set_->contains_caller()) {
            check_interruption();
            return std::invoke(
                std::decay_t<F>(std::forward<F>(function)),
                std::decay_t<Args>(std::forward<Args>(arguments))...);
        }
        return spawn(std::forward<F>(function), std::forward<Args>(arguments)...).get();
    }

    /// Spawns a task that becomes a member when there is a slot, and only then calls the function.
    /// It is killed with the members when it has become one. Throws: as `tendril::spawn`;
    /// wrong_thread. Switches: never. Thread: hub.
    template <typename F, typename... Args>
    auto apply_async(F&& function, Args&&... arguments) {
        using result = std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>;
        if (set_->try_take()) {
            return task<result>{fill(
                set_, spawn_options{.where = {}}, std::forward<F>(function),
                std::forward<Args>(arguments)...)};
        }
        auto entering = std::make_unique<detail::task_set::member>(*set_);
        return tendril::spawn(
            [set = set_,
             entering = std::move(entering)](auto&& call, auto&&... given) mutable -> result {
                enter_as_caller(std::move(set), std::move(entering));
                return std::invoke(std::move(call), std::move(given)...);
            },
            std::forward<F>(function), std::forward<Args>(arguments)...);
    }

    /// Calls a function with each item of a range, in members, and returns the results in the order
    /// of the items; nothing when the function returns nothing. An item is copied into its task, or
    /// moved when the range yields values. After a failure no more tasks are started.
    /// Throws: the first error in the order of the items, when those that were started have ended;
    /// what was requested for the caller, and then they are cancelled and have ended; what the
    /// range throws. Switches: may.
    template <typename Range, typename F>
    auto map(Range&& range, F&& function) {
        using mapped = pool_map<Range, std::decay_t<F>>;
        mapped items{
            set_,
            std::forward<Range>(range),
            std::forward<F>(function),
            detail::map_order::as_given,
            {}};
        if constexpr (std::is_void_v<typename mapped::result>) {
            items.collect();
        } else {
            return items.collect();
        }
    }

    /// The same, to be walked with a range-for that waits for each result. The range must exist so
    /// long, if it is not handed over. Leaving the walk leaves the tasks running that were started.
    /// Throws: std::bad_alloc; misuse for options that could start nothing. Switches: never.
    template <typename Range, typename F>
    auto imap(Range&& range, F&& function, imap_options const& options = {}) {
        return pool_map<Range, std::decay_t<F>>{
            set_, std::forward<Range>(range), std::forward<F>(function),
            detail::map_order::as_given, options};
    }

    /// As above, but in the order in which the tasks end. Switches: never.
    template <typename Range, typename F>
    auto imap_unordered(Range&& range, F&& function, imap_options const& options = {}) {
        return pool_map<Range, std::decay_t<F>>{
            set_, std::forward<Range>(range), std::forward<F>(function),
            detail::map_order::as_completed, options};
    }

private:
    using shared_set = std::shared_ptr<detail::task_set>;

    // Requires of all of them: a slot was taken.
    template <typename... Spawned>
    static auto fill(shared_set const& set, Spawned&&... spawned) {
        detail::taken_slot slot{set};
        return slot.fill_with([&] { return tendril::spawn(std::forward<Spawned>(spawned)...); });
    }
    template <typename... Spawned>
    static auto fill_if(bool taken, shared_set const& set, Spawned&&... spawned) {
        using made = decltype(tendril::spawn(std::forward<Spawned>(spawned)...));
        if (!taken) {
            return std::optional<made>{};
        }
        return std::optional<made>{fill(set, std::forward<Spawned>(spawned)...)};
    }
    static bool fill_with(shared_set const& set, any_task const& added) {
        detail::taken_slot slot{set};
        slot.fill_with([&] { return added; });
        return true;
    }

    // In the task of an `apply_async` that has found no slot.
    static void enter_as_caller(
        shared_set set, std::unique_ptr<detail::task_set::member> entering) {
        set->take(deadline::never());
        detail::taken_slot slot{set};
        slot.fill(std::move(entering), *detail::task_core::running());
        // The pool may be ending its members.
        check_interruption();
    }
};

}  // namespace tendril
