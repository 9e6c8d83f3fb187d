// SPDX-License-Identifier: BSL-1.0
#pragma once

// A value that arrives once, between threads: as promise and future, for greenlets of any hub and
// for plain threads.
//
//     tendril::shared_promise<int> p;
//     std::thread{[p] { p.set_value(compute()); }}.detach();
//     int const answer = p.get_future().get();       // parks this greenlet; elsewhere it blocks
//
// The table of future.hpp holds, and who waits does so in the way of its thread, as with the rest
// of the family (sync/shared.hpp): in one queue, behind one mutex, with limits on the clock of the
// caller's hub. What differs from the local ones: readers get the value as a constant, because
// several threads may look at it, and a link is called in the hub that has added it. So a `then`
// runs there, and a coroutine goes on there.
//
// Read next: when_done.hpp for `select`, awaitable.hpp for coroutines of the language.

#include <tendril/support/assert.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/task/fulfil.hpp>
#include <tendril/task/future_state.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace tendril {

template <typename T>
class shared_promise;

namespace detail {

class shared_link;

class shared_future_core : public counted_by_handles {
public:
    using stage = settlement::stage;

    stage how() const;
    bool done() const { return how() != stage::pending; }
    bool wait_until(deadline limit);
    /// Throws what there is in place of a value. Requires: done.
    void rethrow_failure();
    std::exception_ptr collect_error();
    bool cancel();
    /// What a link does: whatever the program likes, or no more than wake somebody of its thread.
    /// Then it is called at once when that thread settles the future.
    enum class link_kind : std::uint8_t { calls, wakes };

    void on_done(unique_function<void()> link) { add_link(std::move(link), link_kind::calls); }
    /// As `on_done`, and returns the number of the link.
    std::uint64_t add_link(unique_function<void()> link, link_kind kind);
    /// Takes a link back that was not sent to its hub yet.
    void remove_link(std::uint64_t number) noexcept;
    bool try_fail(std::exception_ptr error);
    std::size_t waiting() const { return core_.present(); }

protected:
    explicit shared_future_core(char const* what);
    ~shared_future_core() override;

    shared_core::lock enter() const { return core_.enter(); }
    /// Says whether a value may be given. Requires: the mutex.
    bool may_settle() const noexcept { return !settled_.done(); }
    /// Wakes everybody, and leaves the mutex. Requires: the mutex.
    void fulfil(shared_core::lock& entered) noexcept;

private:
    using links = std::vector<std::unique_ptr<shared_link>>;

    void lose_last_promise() noexcept override;
    void tell_readers(shared_core::lock& entered) noexcept;

    mutable shared_core core_;
    char const* what_;
    shared_places readers_;
    settlement settled_;
    links links_;
    std::uint64_t links_added_ = 0;
};

template <typename T>
class shared_future_state final : public shared_future_core {
public:
    using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
    static_assert(
        std::is_nothrow_move_constructible_v<stored>,
        "the value of a shared_promise is moved behind a mutex, so moving it must not throw: give "
        "it a std::unique_ptr");

    explicit shared_future_state(char const* what) : shared_future_core{what} {}

    /// Stores the value if it is the first. Returns whether it is.
    bool try_fulfil(stored&& value) {
        auto entered = enter();
        if (!may_settle()) {
            return false;
        }
        value_.emplace(std::move(value));
        fulfil(entered);
        return true;
    }
    stored const& value() const noexcept { return *value_; }

private:
    std::optional<stored> value_;
};

template <typename T>
using shared_reference = std::add_lvalue_reference_t<std::add_const_t<T>>;
template <typename T>
using shared_pointer = std::conditional_t<std::is_void_v<T>, bool, T const*>;
template <typename T, typename F>
using shared_continued = continuation_of<shared_reference<T>, F>;

}  // namespace detail

/// The reading end, which can be copied, and used by any thread.
template <typename T>
class shared_future {
    static_assert(!std::is_reference_v<T>, "a future keeps its value: give it a pointer instead");

public:
    using value_type = T;

    /// Makes a handle to no promise. Switches: never.
    shared_future() noexcept = default;

    /// Says whether it belongs to a promise. Switches: never.
    bool valid() const noexcept { return named_.get() != nullptr; }

    /// Waits until there is a value and returns a reference to it; from a handle that goes away at
    /// once, a copy.
    /// Throws: the error that was given; task_cancelled; broken_promise; what was requested for the
    /// greenlet; misuse in a callback of a hub. Switches: may. Thread: any; one without a hub
    /// blocks.
    detail::shared_reference<T> get() const& {
        shared_future const while_waiting{*this};
        while_waiting.named().wait_until(deadline::never());
        return while_waiting.value();
    }
    T get() && requires(std::is_void_v<T> || std::is_copy_constructible_v<T>) {
        named().wait_until(deadline::never());
        return value();
    }

    /// As above, but for a while, or until a moment, at most: returns a pointer to the value, null
    /// when the limit came first. Of a future without a value it is a bool.
    /// Switches: may. Thread: any; one without a hub blocks.
    template <typename Rep, typename Period>
    detail::shared_pointer<T> get_for(std::chrono::duration<Rep, Period> const& duration) const {
        return get_until(deadline::after(duration));
    }
    detail::shared_pointer<T> get_until(time_point moment) const {
        return get_until(deadline::at(moment));
    }
    detail::shared_pointer<T> get_until(deadline limit) const {
        shared_future const while_waiting{*this};
        return while_waiting.named().wait_until(limit) ? while_waiting.present() : nothing();
    }

    /// Returns a pointer to the value if it is there, else null; of a future without a value, a
    /// bool. Throws: as `get`, when there will be no value. Switches: never. Thread: any.
    detail::shared_pointer<T> try_get() const { return named().done() ? present() : nothing(); }

    /// Waits until there is a value, or there will be none. Throws: what was requested for the
    /// greenlet; misuse in a callback of a hub. Switches: may. Thread: any; one without a hub
    /// blocks.
    void wait() const { wait_until(deadline::never()); }

    /// As above, but for a while, or until a moment, at most. Returns whether it is over.
    /// Switches: may. Thread: any; one without a hub blocks.
    template <typename Rep, typename Period>
    bool wait_for(std::chrono::duration<Rep, Period> const& duration) const {
        return wait_until(deadline::after(duration));
    }
    bool wait_until(time_point moment) const { return wait_until(deadline::at(moment)); }
    bool wait_until(deadline limit) const {
        shared_future const while_waiting{*this};
        return while_waiting.named().wait_until(limit);
    }

    /// Says whether there is a value, or there will be none. Switches: never. Thread: any.
    bool done() const { return named().done(); }

    /// Says whether there is a value. Switches: never. Thread: any.
    bool succeeded() const { return named().how() == detail::settlement::stage::fulfilled; }

    /// Says whether it was cancelled. Switches: never. Thread: any.
    bool was_cancelled() const { return named().how() == detail::settlement::stage::cancelled; }

    /// The error that was given, or broken_promise; null when there is none. Counts as asking for
    /// it. Switches: never. Thread: any.
    std::exception_ptr exception() const { return named().collect_error(); }

    /// Gives up for all readers: they get `task_cancelled`, and the promise sees it. Returns false
    /// when it is over already. Switches: never. Thread: any.
    bool cancel() const { return named().cancel(); }

    /// Calls `link` in the caller's hub, soon after it is over, or soon if it is. Links of one hub
    /// are called in the order they were added; an error in one is reported. Until then the hub
    /// believes that it may be woken. A link whose hub closes before is dropped, on any thread.
    /// Throws: std::bad_alloc; misuse when the hub has closed, or the thread has none.
    /// Switches: never. Thread: any with a hub.
    void on_done(unique_function<void()> link) const { named().on_done(std::move(link)); }

    /// Calls `function` with the value, by reference to a constant, in a task of the caller's hub,
    /// soon after it has arrived, and returns a future of what it returns. The function may wait.
    /// When there will be no value it is not called, and the returned future gets the error, or is
    /// cancelled. When that future is cancelled first, it is not called either. When the hub closes
    /// first, the returned future is broken. Throws: as `on_done`. Switches: never.
    /// Thread: any with a hub.
    template <typename F>
    auto then(F function) const -> shared_future<typename detail::shared_continued<T, F>::type>;

    /// What stands behind the handle, for the library. Throws: misuse when there is nothing.
    /// Switches: never.
    detail::shared_future_state<T>& state() const { return named(); }

    /// How many wait at this moment, or were woken by another thread and do not know yet.
    /// Switches: never. Thread: any.
    std::size_t waiting() const { return named().waiting(); }

    /// Says whether both belong to the same promise.
    bool operator==(shared_future const&) const noexcept = default;

private:
    friend class shared_promise<T>;
    explicit shared_future(detail::shared_future_state<T>& named) noexcept : named_{named} {}

    detail::shared_future_state<T>& named() const {
        TENDRIL_REQUIRE(
            valid(),
            "an empty shared_future was used: it belongs to no promise, or was moved from");
        return *named_.get();
    }
    static detail::shared_pointer<T> nothing() noexcept { return {}; }
    detail::shared_reference<T> value() const {
        named_.get()->rethrow_failure();
        if constexpr (!std::is_void_v<T>) {
            return named_.get()->value();
        }
    }
    detail::shared_pointer<T> present() const {
        if constexpr (std::is_void_v<T>) {
            value();
            return true;
        } else {
            return &value();
        }
    }

    detail::reading_handle<detail::shared_future_state<T>> named_;
};

/// The giving end, which can be copied, and used by any thread: the first one that gives something
/// decides.
template <typename T>
class shared_promise {
    static_assert(!std::is_reference_v<T>, "a promise keeps its value: give it a pointer instead");
    using state = detail::shared_future_state<T>;

public:
    using value_type = T;

    /// Makes a promise. `what` names it in messages: a literal. Throws: std::bad_alloc.
    /// Switches: never. Thread: any.
    explicit shared_promise(char const* what = "a shared_future") : named_{*new state{what}} {}

    /// A future for its value; as many as one likes. Throws: misuse when it was moved from.
    /// Switches: never. Thread: any.
    shared_future<T> get_future() const { return shared_future<T>{named()}; }

    /// Gives the value and wakes all who wait, in the order they came. Without T there is no
    /// argument. Throws already_settled, and then nothing has changed. Switches: never.
    /// Thread: any.
    template <typename U = T>
    requires(!std::is_void_v<T> && std::is_constructible_v<T, U>) void set_value(U&& value) const {
        require_first(try_set_value(std::forward<U>(value)));
    }
    void set_value() const requires std::is_void_v<T> { require_first(try_set_value()); }

    /// As above, but returns false when something was given before. Switches: never. Thread: any.
    template <typename U = T>
    requires(!std::is_void_v<T> && std::is_constructible_v<T, U>) bool try_set_value(
        U&& value) const {
        return named().try_fulfil(T(std::forward<U>(value)));
    }
    bool try_set_value() const requires std::is_void_v<T> { return named().try_fulfil({}); }

    /// Gives an error in place of a value. `cancelled` and `greenlet_exit` are kept as a
    /// cancellation. Throws: already_settled; misuse for a null pointer. Switches: never.
    /// Thread: any.
    void set_exception(std::exception_ptr error) const {
        require_first(try_set_exception(std::move(error)));
    }
    template <typename Error>
    requires(!std::is_convertible_v<Error, std::exception_ptr>) void set_exception(
        Error error) const {
        set_exception(std::make_exception_ptr(std::move(error)));
    }

    /// As above, but returns false when something was given before. Switches: never. Thread: any.
    bool try_set_exception(std::exception_ptr error) const {
        return named().try_fail(std::move(error));
    }
    template <typename Error>
    requires(!std::is_convertible_v<Error, std::exception_ptr>) bool try_set_exception(
        Error error) const {
        return try_set_exception(std::make_exception_ptr(std::move(error)));
    }

    /// Cancels its futures, as their `cancel` does. Switches: never. Thread: any.
    bool try_cancel() const { return named().cancel(); }

    /// Says whether something was given, or the future was cancelled. Switches: never. Thread: any.
    bool settled() const { return named().done(); }

    /// Says whether its future was cancelled: nobody wants the value any more. Switches: never.
    /// Thread: any.
    bool was_cancelled() const { return named().how() == detail::settlement::stage::cancelled; }

    /// Says whether both give to the same futures.
    bool operator==(shared_promise const&) const noexcept = default;

private:
    state& named() const {
        TENDRIL_REQUIRE(named_.get() != nullptr, "a shared_promise was used that was moved from");
        return *named_.get();
    }
    void require_first(bool is_first) const {
        if (!is_first) {
            detail::throw_already_settled(named().how());
        }
    }

    detail::giving_handle<state> named_;
};

template <typename T>
template <typename F>
auto shared_future<T>::then(F function) const
    -> shared_future<typename detail::shared_continued<T, F>::type> {
    shared_promise<typename detail::shared_continued<T, F>::type> next{"a continuation"};
    auto made = next.get_future();
    on_done([source = *this, next = std::move(next), f = std::move(function)]() mutable {
        detail::start_continuation(std::move(source), std::move(next), std::move(f));
    });
    return made;
}

}  // namespace tendril
