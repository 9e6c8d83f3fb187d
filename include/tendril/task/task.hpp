// SPDX-License-Identifier: BSL-1.0
#pragma once

// A task: a spawned greenlet that ends with a result.
//
//     tendril::task<int> t = tendril::spawn([] { tendril::sleep_for(10ms); return 1; });
//     t.get();                                   // 1
//
// The hub owns it and runs it. A `task<T>` is a handle: copies name the same task, and dropping the
// last one detaches the task and does not end it. Errors are never lost: `get` throws what the
// function threw, and an error that nobody has asked for when the last handle goes is reported to
// the hub's error handler.
//
// `cancel` and `kill` throw into the task at its next park. They are used up by delivery: a task
// that catches `cancelled` and goes on is not cancelled again.

#include <tendril/hub/deadline.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/task/task_state.hpp>

#include <chrono>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>

namespace tendril {

template <typename T>
class task {
public:
    using value_type = T;

    /// Makes a handle to no task.
    task() noexcept = default;
    explicit task(detail::task_result<T>& named) noexcept : named_{&named} {
        named.add_reference();
    }
    /// As above, but takes over a reference that has been counted. Switches: never.
    task(detail::task_result<T>& named, detail::counted_t) noexcept : named_{&named} {}
    task(task const& other) noexcept : named_{other.named_} {
        if (named_ != nullptr) {
            named_->add_reference();
        }
    }
    task(task&& other) noexcept : named_{std::exchange(other.named_, nullptr)} {}
    task& operator=(task other) noexcept {
        std::swap(named_, other.named_);
        return *this;
    }
    ~task() {
        if (named_ != nullptr) {
            named_->drop_reference();
        }
    }

    /// Says whether the handle names a task. Switches: never.
    bool valid() const noexcept { return named_ != nullptr; }

    /// Waits until the task has ended and returns its result: by reference from a handle that goes
    /// on to exist, moved out of one that does not.
    /// Throws: what the task threw; task_cancelled; what was requested for the caller; misuse when
    /// the task waits for itself. Switches: may.
    auto get() & -> std::add_lvalue_reference_t<T> {
        task const while_waiting = keep_unless_done();
        detail::task_result<T>& ended = collect();
        if constexpr (!std::is_void_v<T>) {
            return ended.result();
        }
    }
    T get() && {
        task const while_waiting = keep_unless_done();
        detail::task_result<T>& ended = collect();
        if constexpr (!std::is_void_v<T>) {
            return std::move(ended.result());
        }
    }

    /// Waits until the task has ended, however it did.
    /// Throws: what was requested for the caller; misuse when the task waits for itself.
    /// Switches: may.
    void join() const { join_until(deadline::never()); }

    /// As above, but for a while, or until a moment, at most. Returns whether the task has ended.
    /// Switches: may.
    template <typename Rep, typename Period>
    bool join_for(std::chrono::duration<Rep, Period> const& duration) const {
        return join_until(deadline::after(duration));
    }
    bool join_until(deadline limit) const { return named().wait_until(limit); }

    /// Says whether it has ended. Switches: never.
    bool done() const { return named().done(); }

    /// Says whether it has returned. Switches: never.
    bool succeeded() const { return named().how() == detail::task_core::stage::returned; }

    /// Says whether it was cancelled, or ended by `greenlet_exit`. Switches: never.
    bool was_cancelled() const {
        return named().how() == detail::task_core::stage::cancelled ||
            named().how() == detail::task_core::stage::exited;
    }

    /// What it threw; null when it has not failed, or not ended. Counts as asking for the error
    /// that it returns. Switches: never.
    std::exception_ptr exception() const { return named().collect_error(); }

    /// Throws `cancelled` into it at its next park; one that has not begun never does. Returns
    /// false when it has ended already. One whose function has ended, and whose captures are being
    /// destroyed, has not, but nothing is thrown into it any more. Throws: wrong_thread.
    /// Switches: never. Thread: hub.
    bool cancel() const { return named().cancel(); }

    /// How many cancels it was sent that nobody has taken back. Switches: never.
    std::uint32_t cancelling() const { return named().cancel_requests(); }

    /// Takes back a cancel that the caller has sent; the last one takes along a `cancelled` that
    /// has not ended a park yet. Returns how many are left, and never less than zero.
    /// Throws: wrong_thread. Switches: never. Thread: hub.
    std::uint32_t uncancel() const { return named().uncancel(); }

    /// As `cancel`, but throws any exception; without one, `greenlet_exit`. Does nothing when
    /// it has ended already. Throws: wrong_thread; misuse for a null pointer.
    /// Switches: never. Thread: hub.
    void kill(std::exception_ptr error) const { named().kill(std::move(error)); }
    void kill() const { kill(std::make_exception_ptr(greenlet_exit{})); }
    template <typename Error>
    requires(!std::is_convertible_v<Error, std::exception_ptr>) void kill(Error error) const {
        kill(std::make_exception_ptr(std::move(error)));
    }

    /// As `kill`, and waits until it has ended, or as long as the limit allows; running out of time
    /// is no error. Returns whether it has ended. A task that kills itself so gets the exit here.
    /// Throws: wrong_thread; what was requested for the caller; misuse where nobody may wait.
    /// Switches: may.
    bool kill_and_join(deadline limit = deadline::never()) const {
        kill();
        return join_until(limit);
    }
    template <typename Rep, typename Period>
    bool kill_and_join(std::chrono::duration<Rep, Period> const& duration) const {
        return kill_and_join(deadline::after(duration));
    }

    /// Calls `link` in the hub, soon after the task has ended, or soon if it has. Links are called
    /// in the order they were added; an error in one is reported and does not keep the others from
    /// being called. Throws: wrong_thread, also when the hub has closed. Switches: never.
    /// Thread: hub.
    void on_done(unique_function<void()> link) const { named().on_done(std::move(link)); }

    /// Its name; empty when it was given none. Switches: never.
    std::string const& name() const { return named().name(); }

    /// Its number on its thread. Switches: never.
    std::uint32_t id() const { return named().id(); }

    /// The number of the greenlet that has spawned it, which may have ended since; 0 is the main
    /// greenlet. Switches: never.
    std::uint32_t spawner_id() const { return *named().spawner(); }

    /// What stands behind the handle, for the library. Throws: misuse when it names no task.
    /// Switches: never.
    detail::task_core& state() const { return named(); }

    /// Says whether both name the same task.
    bool operator==(task const&) const noexcept = default;

private:
    detail::task_core& named() const {
        TENDRIL_REQUIRE(named_ != nullptr, "an empty task handle was used: it names no task");
        return *named_;
    }
    // The handle may be given another task, or none, while its `get` waits.
    task keep_unless_done() const { return named().done() ? task{} : *this; }
    detail::task_result<T>& collect() const {
        detail::task_result<T>& awaited = *named_;
        awaited.wait_until(deadline::never());
        awaited.rethrow_failure();
        return awaited;
    }

    detail::task_result<T>* named_ = nullptr;
};

}  // namespace tendril
