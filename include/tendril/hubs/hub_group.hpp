// SPDX-License-Identifier: BSL-1.0
#pragma once

// A hub on every core: threads, each with a hub, that share the work of one program.
//
//     tendril::hub_group hubs;                                      // as many as there are cores
//     auto sum = hubs.spawn(add_up, std::move(numbers));            // on the hub with the least
//     auto all = hubs.spawn_on(1, load, path);                      // on a certain one
//     hubs.for_each_hub([](std::size_t) { warm_up_cache(); });      // once on each
//     print(sum.get() + all.get());                                 // parks; elsewhere it blocks
//     hubs.stop(5s);                                                // and the destructor waits
//
// A greenlet never leaves the thread that it began on, so work is divided when it is given out: by
// connection, by request, by part of the data. What crosses is a function with its arguments, by
// copy or by move, and one result, in a `shared_future` for which greenlets of any hub and plain
// threads may wait. To cancel that future cancels the task on its hub.
//
// Who is least loaded? The hub with the fewest tasks of the group that have not ended ("join the
// shortest queue": W. Winston, Optimality of the shortest line discipline, 1977). It is read from
// one counter for each hub without a lock, so two who spawn in the same moment may choose the same
// one. For some tens of hubs reading all counters is cheaper than the post that follows; for
// thousands the better of two that are picked by chance would do nearly as well (M. Mitzenmacher,
// The power of two choices, 2001).
//
//     an error of a task           its future     the other tasks
//     on_error::report (usual)     throws it      go on; it is reported if nobody asks
//     on_error::end_all            throws it      are cancelled: the group ends, `join` throws it
//
// The end: `stop` takes no more tasks, waits a while, cancels those that are left, and ends all
// hubs, each with its loop turning until its greenlets are gone. A greenlet that a task has spawned
// by itself belongs to its hub and ends with that.
//
// Signals go to other threads of the process, but for those of faults. After a fork the child has
// none of the threads: it may only destroy the group. Read next: crossing.hpp for what may cross;
// server/server_group.hpp; docs/many-cores.md.

#include <tendril/hub/hub_options.hpp>
#include <tendril/hub/remote.hpp>
#include <tendril/hubs/crossing.hpp>
#include <tendril/hubs/placed_task.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/unique_function.hpp>
#include <tendril/task/shared_future.hpp>
#include <tendril/task/task_state.hpp>
#include <tendril/threads/thread_pool.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace tendril {

/// What becomes of a group when a task of it fails.
enum class on_error : std::uint8_t {
    /// The error is the future's, and is reported when nobody has asked for it, on the thread where
    /// the last handle goes.
    report,
    /// The first error ends the group, and `join` throws it.
    end_all,
};

/// How a group is made.
struct hub_group_options {
    /// How many threads it has; zero means one for each processor that the process may use.
    std::size_t size = 0;
    /// Whether each thread stays on a processor of its own. Of more threads than processors,
    /// several share one.
    bool pinned = false;
    /// What the threads are called in debuggers, before their number; the system keeps fifteen
    /// characters.
    std::string name = "hub";
    on_error errors = on_error::report;
    /// How long tasks have to clean up after they were cancelled at the end, before hubs close.
    std::chrono::nanoseconds time_to_unwind = std::chrono::seconds{1};
    /// Returns the options of one hub, called on its thread; empty means the usual ones.
    unique_function<tendril::hub_options(std::size_t index)> options_for = nullptr;
};

/// The numbers of one hub of a group.
struct hub_load {
    /// Tasks that were given to it and have not ended, whether they have begun or not.
    std::size_t tasks = 0;
    /// Tasks that have ended since the group was made.
    std::uint64_t completed = 0;
    /// What the thread has used of a processor.
    std::chrono::nanoseconds processor_time{};
};

namespace detail {

class hub_group_core;

// Deletes what it knows nothing of, and in the child of a fork leaves it alone.
struct hub_group_deleter {
    void operator()(hub_group_core* core) const noexcept;
};

/// A job elsewhere is under way for the hub of the calling thread, if it has one.
class maybe_job_under_way {
public:
    maybe_job_under_way();
    ~maybe_job_under_way();

private:
    std::optional<job_under_way> counted_;
};

}  // namespace detail

class hub_group {
public:
    /// Makes the threads and waits until each has its hub.
    /// Throws: std::system_error when the system gives no thread, or a thread cannot be pinned;
    /// what making a hub throws; misuse where nobody may wait. Switches: may. Thread: any.
    explicit hub_group(hub_group_options options = {});
    hub_group(hub_group const&) = delete;
    hub_group& operator=(hub_group const&) = delete;

    /// Stops without grace and waits for the threads, without being interrupted; where a greenlet
    /// may not park, the thread blocks. An error that `join` would throw and has not thrown is
    /// reported. On a thread of the group it stops the program. Switches: may.
    ~hub_group();

    /// Calls `function(arguments...)` in a task of the hub that has the fewest, and returns a
    /// future of its result. All are copied or moved, and destroyed on that hub. The task has the
    /// context variables of the caller.
    /// Throws: std::system_error with errc::closed once the group ends; std::bad_alloc.
    /// Switches: never. Thread: any.
    template <typename F, typename... Args>
    requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
    auto spawn(F&& function, Args&&... arguments) {
        return place(
            least_loaded(), {.where = {}}, std::forward<F>(function),
            std::forward<Args>(arguments)...);
    }
    template <typename F, typename... Args>
    requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
    auto spawn(spawn_options options, F&& function, Args&&... arguments) {
        return place(
            least_loaded(), std::move(options), std::forward<F>(function),
            std::forward<Args>(arguments)...);
    }

    /// As above, but on a certain hub. Throws: also misuse when there is no such hub.
    /// Switches: never. Thread: any.
    template <typename F, typename... Args>
    requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
    auto spawn_on(std::size_t index, F&& function, Args&&... arguments) {
        return place(
            index, {.where = {}}, std::forward<F>(function), std::forward<Args>(arguments)...);
    }
    template <typename F, typename... Args>
    requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
    auto spawn_on(std::size_t index, spawn_options options, F&& function, Args&&... arguments) {
        return place(
            index, std::move(options), std::forward<F>(function), std::forward<Args>(arguments)...);
    }

    /// Calls a copy of `function(index)` once on every hub, in a task, and waits for all of them.
    /// Returns the results in the order of the hubs, if there are any. When the caller is
    /// interrupted the calls are cancelled, and not waited for.
    /// Throws: the error of the first hub that has one, after all have ended; as `spawn`; what was
    /// requested for the greenlet; misuse in a callback of a hub. Switches: may. Thread: any; one
    /// without a hub blocks.
    template <typename F>
    requires std::is_invocable_v < std::decay_t<F>
    &, std::size_t > auto for_each_hub(F function) {
        using result = std::invoke_result_t<F&, std::size_t>;
        detail::check_before_job();
        detail::maybe_job_under_way const waiting;
        std::vector<shared_future<result>> calls;
        calls.reserve(size());
        scope_exit const cancel_what_is_left{[&] {
            for (shared_future<result> const& each : calls) {
                each.cancel();
            }
        }};
        for (std::size_t index = 0; index < size(); ++index) {
            auto call = [function, index]() mutable { return std::invoke(function, index); };
            calls.push_back(spawn_on(index, std::move(call)));
        }
        return results_of(calls);
    }

    /// How many hubs there are. Switches: never. Thread: any.
    std::size_t size() const noexcept;

    /// The number of the hub whose thread calls; empty on every other thread. Switches: never.
    /// Thread: any.
    std::optional<std::size_t> index_here() const noexcept;

    /// A door into a hub of the group, for functions that do not park; it does not count as load.
    /// Throws: misuse when there is no such hub. Switches: never. Thread: any.
    remote door(std::size_t index) const;

    /// Returns the numbers of each hub. Throws: std::bad_alloc. Switches: never. Thread: any.
    std::vector<hub_load> statistics() const;

    /// Takes no more tasks, waits until those that are there have ended, cancels after `grace`
    /// those that have not, and gives them time to unwind. Then ends the hubs and waits
    /// for the threads. A second call may shorten the grace, and waits too. Returns whether all
    /// tasks ended by themselves. In a task of the group it begins the end and returns false at
    /// once, because it cannot wait for itself. When the wait is interrupted the tasks are
    /// cancelled, and nothing is waited for.
    /// Throws: what was requested for the greenlet; misuse when the duration is not a number, or
    /// in a callback of another hub. Switches: may. Thread: any; one without a hub blocks.
    template <typename Rep, typename Period>
    bool stop(std::chrono::duration<Rep, Period> const& grace) {
        return stop_after(detail::saturated(grace));
    }
    bool stop() { return stop_after(std::chrono::seconds{1}); }

    /// As `stop` without grace. Switches: may.
    void close() { stop_after(std::chrono::nanoseconds{0}); }

    /// Says whether it takes no more tasks. Switches: never. Thread: any.
    bool closed() const noexcept;

    /// Waits until the group has ended, by `stop` or by an error.
    /// Throws: the error that has ended it (on_error::end_all); what was requested for the
    /// greenlet; misuse on a thread of the group, and in a callback of a hub. Switches: may.
    /// Thread: any; one without a hub blocks.
    void join();

private:
    std::size_t least_loaded() const noexcept;
    void send(std::size_t index, std::unique_ptr<detail::placed_task> placed);
    bool stop_after(std::chrono::nanoseconds grace);

    template <typename F, typename... Args>
    auto place(std::size_t index, spawn_options options, F&& function, Args&&... arguments) {
        using call = decltype(detail::bind_job(
            std::forward<F>(function), std::forward<Args>(arguments)...));
        using result = std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>;
        static_assert(
            !std::is_reference_v<result>,
            "a result goes from one hub to another, so a function for a hub_group must return a "
            "value and not a reference");
        static_assert(
            may_cross_hubs<result>,
            "this result belongs to the hub that it was made on and may not leave it: return what "
            "it stands for, such as a value or a descriptor (hubs/crossing.hpp)");
        static_assert(
            (may_cross_hubs<std::decay_t<Args>> && ...),
            "an argument belongs to the hub of the caller and may not leave it: give what it "
            "stands for, such as a value, a descriptor or a shared primitive (hubs/crossing.hpp)");
        auto placed = std::make_unique<detail::placed_call<result, call>>(
            std::move(options),
            detail::bind_job(std::forward<F>(function), std::forward<Args>(arguments)...));
        shared_future<result> future = placed->get_future();
        send(index, std::move(placed));
        return future;
    }

    // Waits for all before it throws what the first has thrown. No other error is reported.
    template <typename Result>
    static auto results_of(std::vector<shared_future<Result>> const& calls) {
        for (shared_future<Result> const& each : calls) {
            each.wait();
        }
        for (shared_future<Result> const& each : calls) {
            static_cast<void>(each.exception());
        }
        if constexpr (std::is_void_v<Result>) {
            for (shared_future<Result> const& each : calls) {
                each.get();
            }
        } else {
            std::vector<Result> all;
            all.reserve(calls.size());
            for (shared_future<Result> const& each : calls) {
                all.push_back(each.get());
            }
            return all;
        }
    }

    std::unique_ptr<detail::hub_group_core, detail::hub_group_deleter> core_;
};

}  // namespace tendril
