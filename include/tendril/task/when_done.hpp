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

#include <tendril/sync/select.hpp>

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

}  // namespace detail

/// The arm of a `select` that completes when a task or a future has ended, however it did. It keeps
/// a copy of the handle, and the handler gets that, unless it takes nothing.
/// Throws: misuse, in the select, for an empty handle or the running task; wrong_thread.
/// Switches: never.
template <typename Handle, typename F>
detail::done_arm<Handle, F> when_done(Handle awaited, F handler) {
    return {std::move(awaited), std::move(handler)};
}

}  // namespace tendril
