// SPDX-License-Identifier: BSL-1.0
#pragma once

// `co_await` of tasks and futures, in the coroutines of the language.
//
//     some_coroutine answer_later(tendril::future<int> answer) {
//         int const value = co_await answer;
//         …
//     }
//
// A coroutine that awaits a result is suspended and resumed by the hub: nothing parks, and there is
// no stack to keep. This is for programs that have such coroutines already. Any coroutine type
// serves whose promise has no `await_transform` that refuses. The rules are those of links
// (`on_done`), one of which resumes the coroutine:
//
//     the result       the coroutine goes on
//     is there         at once, on the stack it runs on
//     comes later      in the hub, on the thread of the task or future, or, for a `shared_future`,
//                      on that of the one who awaits; it must not wait there by any other means,
//                      and what it does next should be short
//
// A coroutine that is destroyed while it awaits is not resumed. One whose hub closes before the
// result has come is never resumed, and is left to its owner.

#include <tendril/task/future.hpp>
#include <tendril/task/shared_future.hpp>
#include <tendril/task/task.hpp>

#include <coroutine>
#include <memory>
#include <type_traits>
#include <utility>

namespace tendril {

namespace detail {

// The value of what has ended, or its error; looks for no interruption.
template <typename T>
std::add_lvalue_reference_t<T> ended_with(task<T> const& ended) {
    ended.state().rethrow_failure();
    if constexpr (!std::is_void_v<T>) {
        return static_cast<task_result<T>&>(ended.state()).result();
    }
}
template <typename T>
std::add_lvalue_reference_t<T> ended_with(future<T> const& ended) {
    ended.state().rethrow_failure();
    if constexpr (!std::is_void_v<T>) {
        return ended.state().value();
    }
}
template <typename T>
shared_reference<T> ended_with(shared_future<T> const& ended) {
    ended.state().rethrow_failure();
    if constexpr (!std::is_void_v<T>) {
        return ended.state().value();
    }
}

// It lives in the frame of the coroutine. `Result` is what `co_await` returns: a reference to the
// value, or a value that is moved or copied out as `get` does it.
template <typename Handle, typename Result>
class result_awaiter {
public:
    explicit result_awaiter(Handle awaited) noexcept : awaited_{std::move(awaited)} {}
    result_awaiter(result_awaiter const&) = delete;
    result_awaiter& operator=(result_awaiter const&) = delete;

    bool await_ready() const { return awaited_.done(); }
    void await_suspend(std::coroutine_handle<> waiting) {
        // The link may outlive the coroutine.
        auto const kept = std::make_shared<std::coroutine_handle<>>(waiting);
        awaited_.on_done([weak = std::weak_ptr{kept}] {
            if (auto const still_there = weak.lock()) {
                still_there->resume();
            }
        });
        waiting_ = kept;
    }
    Result await_resume() {
        if constexpr (std::is_void_v<Result>) {
            ended_with(awaited_);
        } else if constexpr (std::is_reference_v<Result>) {
            return ended_with(awaited_);
        } else if constexpr (copies) {
            return ended_with(awaited_);
        } else {
            return std::move(ended_with(awaited_));
        }
    }

private:
    static constexpr bool copies = std::is_copy_constructible_v<Result> &&
        !std::is_same_v<Handle, task<typename Handle::value_type>>;

    Handle awaited_;
    std::shared_ptr<std::coroutine_handle<>> waiting_;
};

template <typename Handle>
using lasting_awaiter =
    result_awaiter<Handle, std::add_lvalue_reference_t<typename Handle::value_type>>;
template <typename Handle>
using passing_awaiter = result_awaiter<Handle, typename Handle::value_type>;

}  // namespace detail

/// Awaits the end of a task and returns its result, or throws, as `get` of the same handle does.
/// Throws: what the task threw; task_cancelled; misuse for an empty handle; wrong_thread.
/// Switches: never. Thread: the task's.
template <typename T>
detail::lasting_awaiter<task<T>> operator co_await(task<T> const& awaited) {
    return detail::lasting_awaiter<task<T>>{awaited};
}
template <typename T>
detail::passing_awaiter<task<T>> operator co_await(task<T>&& awaited) {
    return detail::passing_awaiter<task<T>>{std::move(awaited)};
}

/// As above, of a future. Throws: also broken_promise. Switches: never. Thread: the promise's.
template <typename T>
detail::lasting_awaiter<future<T>> operator co_await(future<T> const& awaited) {
    return detail::lasting_awaiter<future<T>>{awaited};
}
template <typename T>
detail::passing_awaiter<future<T>> operator co_await(future<T>&& awaited) {
    return detail::passing_awaiter<future<T>>{std::move(awaited)};
}

/// As above, of a future between threads; the value is a constant, and of a handle that goes away
/// a copy. The coroutine goes on in the hub of the thread that awaits.
/// Throws: also misuse on a thread without a hub. Switches: never. Thread: any with a hub.
template <typename T>
detail::result_awaiter<shared_future<T>, detail::shared_reference<T>> operator co_await(
    shared_future<T> const& awaited) {
    return detail::result_awaiter<shared_future<T>, detail::shared_reference<T>>{awaited};
}
template <typename T>
requires(
    std::is_void_v<T> || std::is_copy_constructible_v<T>) detail::passing_awaiter<shared_future<T>>
operator co_await(shared_future<T>&& awaited) {
    return detail::passing_awaiter<shared_future<T>>{std::move(awaited)};
}

}  // namespace tendril
