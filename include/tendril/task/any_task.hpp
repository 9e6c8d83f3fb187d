// SPDX-License-Identifier: BSL-1.0
#pragma once

// A handle to a task of any type, for those who do not ask for its result.
//
//     for (tendril::any_task const& each : workers.tasks()) {
//         log(each.name());
//     }
//
// Tasks of different types stand in one vector as `any_task`, for `wait_all` and its siblings.

#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/task/completion_watch.hpp>
#include <tendril/task/task.hpp>
#include <tendril/task/task_state.hpp>

#include <cstdint>
#include <exception>
#include <string>
#include <utility>

namespace tendril {

/// As `task<T>`, but without `get`. Each call throws misuse when it names no task.
class any_task {
public:
    /// Makes a handle to no task.
    any_task() noexcept = default;
    /// Names the task that stands behind a handle. Switches: never.
    explicit any_task(detail::task_core& named) noexcept : named_{&named} { named.add_reference(); }
    template <typename T>
    any_task(task<T> const& named) : any_task{named.state()} {}
    any_task(any_task const& other) noexcept : named_{other.named_} {
        if (named_ != nullptr) {
            named_->add_reference();
        }
    }
    any_task(any_task&& other) noexcept : named_{std::exchange(other.named_, nullptr)} {}
    any_task& operator=(any_task other) noexcept {
        std::swap(named_, other.named_);
        return *this;
    }
    ~any_task() {
        if (named_ != nullptr) {
            named_->drop_reference();
        }
    }

    /// Says whether the handle names a task. Switches: never.
    bool valid() const noexcept { return named_ != nullptr; }

    /// Waits until it has ended, however it did; at most until `limit`, and returns whether it has.
    /// Throws: what was requested for the caller; misuse when it waits for itself. Switches: may.
    void join() const { join_until(deadline::never()); }
    bool join_until(deadline limit) const { return state().wait_until(limit); }

    /// Says whether it has ended. Switches: never.
    bool done() const { return state().done(); }

    /// Throws `cancelled`, or `greenlet_exit`, into it at its next park (task.hpp).
    /// Throws: wrong_thread. Switches: never. Thread: hub.
    bool cancel() const { return state().cancel(); }
    void kill() const { state().kill(std::make_exception_ptr(greenlet_exit{})); }

    /// Its name, and its number on its thread. Switches: never.
    std::string const& name() const { return state().name(); }
    std::uint32_t id() const { return state().id(); }

    /// What stands behind the handle, for the library. Switches: never.
    detail::task_core& state() const {
        TENDRIL_REQUIRE(named_ != nullptr, "an empty task handle was used: it names no task");
        return *named_;
    }

    /// Says whether both name the same task.
    bool operator==(any_task const&) const noexcept = default;

private:
    detail::task_core* named_ = nullptr;
};

namespace detail {
template <>
inline constexpr bool is_task<any_task> = true;
}

}  // namespace tendril
