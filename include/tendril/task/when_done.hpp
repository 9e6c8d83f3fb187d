// SPDX-License-Identifier: BSL-1.0
#pragma once

// Tasks and futures as arms of a `select`.
//
//     tendril::select(
//         tendril::when_done(answer, [](auto const& a) { use(a.get()); }),
//         jobs.on_receive([](job next) { … }),
//         tendril::after(1s, [] { … }));
//
//     the task or future          the arm
//     has not ended               waits for its end
//     has ended, however          is ready
//
// An arm that does not complete changes nothing: the task goes on, and the future can still be
// waited for. What it has ended with is for the handler to ask, which is given the handle.
//
// A `shared_future` is told of by a link, which the hub of the one who waits opens: that is the
// same, but costs an allocation, and while the select waits its hub believes that it may be woken.

#include <tendril/sync/select.hpp>
#include <tendril/task/shared_future.hpp>

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace tendril {

namespace detail {

// What has `done()` and `state().enlist(waiter&)`.
template <typename Handle, typename F>
class done_arm final : public arm_in_queue<plain_part> {
public:
    done_arm(Handle awaited, F handler)
        : awaited_{std::move(awaited)},
          handler_{std::move(handler)} {}

    bool ready() override { return awaited_.done(); }
    void complete() override {}
    void enlist(waiter& whole) override {
        awaited_.state().enlist(this->part_.emplace(whole, "a result"));
    }
    void finish() override {
        if constexpr (std::is_invocable_v<F&, Handle&>) {
            handler_(awaited_);
        } else {
            handler_();
        }
    }

private:
    Handle awaited_;
    F handler_;
};

// The part of a select that waits for a shared future, and the link that wakes it.
class shared_watch {
public:
    shared_watch() noexcept = default;
    shared_watch(shared_watch const&) = delete;
    shared_watch& operator=(shared_watch const&) = delete;

    // Requires: `watched` outlives the watch.
    void begin(shared_future_core& watched, waiter& whole);
    // Takes the link back. One that is on its way already finds that the part has left.
    void leave() noexcept;
    bool woken() const noexcept {
        return told_ != nullptr && told_->part.settled() == waiter::outcome::woken;
    }

private:
    struct told {
        explicit told(waiter& whole) noexcept : part{whole, "a result"} {}
        plain_part part;
        bool left = false;
    };

    shared_future_core* watched_ = nullptr;
    std::shared_ptr<told> told_;
    std::uint64_t link_ = 0;
    ::pid_t process_ = 0;
};

template <typename T, typename F>
class shared_done_arm final : public select_arm {
public:
    shared_done_arm(shared_future<T> awaited, F handler)
        : awaited_{std::move(awaited)},
          handler_{std::move(handler)} {}

    bool ready() override { return awaited_.done(); }
    void complete() override {}
    void enlist(waiter& whole) override { watch_.begin(awaited_.state(), whole); }
    void leave() noexcept override { watch_.leave(); }
    bool woken() const noexcept override { return watch_.woken(); }
    void finish() override {
        if constexpr (std::is_invocable_v<F&, shared_future<T>&>) {
            handler_(awaited_);
        } else {
            handler_();
        }
    }

private:
    shared_future<T> awaited_;
    F handler_;
    shared_watch watch_;
};

}  // namespace detail

/// The arm of a `select` that completes when a task or a future has ended, however it did. It keeps
/// a copy of the handle, and the handler gets that, unless it takes nothing.
/// Throws: misuse, in the select, for an empty handle or the running task; wrong_thread.
/// Switches: never.
template <typename Handle, typename F>
detail::done_arm<Handle, F> when_done(Handle awaited, F handler) {
    return {std::move(awaited), std::move(handler)};
}

/// As above, of a future between threads. Throws: misuse, in the select, for an empty handle;
/// std::bad_alloc. Switches: never.
template <typename T, typename F>
detail::shared_done_arm<T, F> when_done(shared_future<T> awaited, F handler) {
    return {std::move(awaited), std::move(handler)};
}

}  // namespace tendril
