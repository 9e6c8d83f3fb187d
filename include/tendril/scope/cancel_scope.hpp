// SPDX-License-Identifier: BSL-1.0
#pragma once

// A block of code that can be cancelled as a whole, by a deadline or by anybody who holds it.
//
//     bool finished = tendril::move_on_after(1s, [&] { fetch(); });      // goes on either way
//     auto page = tendril::move_on_after(1s, [&] { return fetch(); });   // std::optional<…>
//     auto sure = tendril::fail_after(1s, [&] { return fetch(); });      // throws timed_out
//
//     tendril::cancel_scope scope;
//     button.on_click([&] { scope.cancel(); });
//     bool finished = scope.run([&] { render(); });
//
// While a scope is cancelled, every park within it throws `scope_cancelled`, again and again, until
// the block is left; and the scope that was cancelled absorbs it. Nothing else does: of several
// that are cancelled it is the outermost one. So cleanup that waits cannot hang for ever. Cleanup
// that must wait does so in a scope of its own that is a shield:
//
//     tendril::cancel_scope last_words{{.limit = tendril::deadline::after(1s), .shield = true}};
//     last_words.run([&] { stream.write(goodbye); });
//
// A shield holds back all that comes from further out: cancelled scopes, timeouts, `cancel` and
// `kill` of the task, and the exit of a hub that closes. It comes through when the shield has gone.
//
// Absorbing needs a function, because a destructor can end no exception. Children of a task group
// are within the scopes in which the group stands (task_group.hpp); tasks made by `spawn` are not.

#include <tendril/hub/alarm.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/scope/cancel_node.hpp>
#include <tendril/time/timeout.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace tendril {

/// How a scope begins.
struct cancel_scope_options {
    /// When it is cancelled by itself.
    deadline limit = deadline::never();
    /// Whether it holds back what comes from outside.
    bool shield = false;
};

class cancel_scope final : private alarm {
public:
    /// Makes a scope, to be entered by `run`. Switches: never. Thread: that of `run`.
    explicit cancel_scope(cancel_scope_options const& options = {}) noexcept
        : limit_{options.limit} {
        node_.set_shield(options.shield);
    }
    ~cancel_scope() = default;

    /// Calls `block` within the scope, once. Returns whether it has returned, or, when it returns
    /// something, that or nothing: nothing when the scope was cancelled and the block was left by
    /// `scope_cancelled`.
    /// Throws: what the block throws; `scope_cancelled` of a scope further out; misuse when it was
    /// entered before; std::bad_alloc. Switches: may, if the block does.
    template <typename F>
    auto run(F&& block) {
        using result = std::invoke_result_t<F>;
        visit const inside{*this};
        try {
            if constexpr (std::is_void_v<result>) {
                std::invoke(std::forward<F>(block));
                return true;
            } else {
                return std::optional<result>{std::invoke(std::forward<F>(block))};
            }
        } catch (scope_cancelled const&) {
            if (!absorbs()) {
                throw;
            }
        }
        if constexpr (std::is_void_v<result>) {
            return false;
        } else {
            return std::optional<result>{};
        }
    }

    /// Makes every park within the scope throw from now on, those of other greenlets at once.
    /// Before it is entered, it is cancelled at the first park within it. `reason` is a literal,
    /// for messages. A second call does nothing. Throws: wrong_thread. Switches: never.
    void cancel(char const* reason = "cancelled");

    /// Says whether it was cancelled, by a call or by its deadline. Switches: never.
    bool cancel_called() const noexcept { return node_.was_cancelled(); }

    /// Says whether the block was left because of that. Switches: never.
    bool caught() const noexcept { return caught_; }

    /// Says whether its deadline has cancelled it. Switches: never.
    bool expired() const noexcept { return expired_; }

    /// When it is cancelled by itself. Switches: never.
    deadline limit() const noexcept { return limit_; }

    /// Moves that; a moment that is past cancels in the next turn. Does nothing to a scope that is
    /// cancelled. Throws: std::bad_alloc, wrong_thread. Switches: never.
    void set_limit(deadline moment);

    /// Says whether it holds back what comes from outside. Switches: never.
    bool is_shield() const noexcept { return node_.is_shield(); }

    /// Changes that, at once. Throws: wrong_thread. Switches: never.
    void set_shield(bool raised);

    /// The depth of the scope, for a `timed_out` that stands for it. Switches: never.
    std::uint64_t depth() const noexcept { return node_.depth(); }

private:
    // Being inside, from entry to exit.
    class visit {
    public:
        explicit visit(cancel_scope& entered) : entered_{entered} { entered_.enter(); }
        visit(visit const&) = delete;
        visit& operator=(visit const&) = delete;
        ~visit() { entered_.leave(); }

    private:
        cancel_scope& entered_;
    };

    enum class stage : std::uint8_t { outside, inside, left };

    void enter();
    void begin_limit(hub& here);
    void leave() noexcept;
    bool absorbs() noexcept;
    void require_own_thread() const;
    void expire() noexcept override;

    detail::cancel_node node_;
    deadline limit_;
    thread_record* thread_ = nullptr;
    stage stage_ = stage::outside;
    bool caught_ = false;
    bool expired_ = false;
};

/// Calls `block` for a while at most, and goes on. Returns as `cancel_scope::run`: whether, or
/// what, it has returned. The while begins now.
/// Throws: misuse when the duration is not a number; as `run`. Switches: may.
template <typename Rep, typename Period, typename F>
auto move_on_after(std::chrono::duration<Rep, Period> const& limit, F&& block) {
    return cancel_scope{{.limit = deadline::after(limit)}}.run(std::forward<F>(block));
}

/// As above, until a moment at most.
template <typename F>
auto move_on_at(deadline limit, F&& block) {
    return cancel_scope{{.limit = limit}}.run(std::forward<F>(block));
}

/// Calls `block` until a moment at most, and returns what it returns.
/// Throws: timed_out when the block was left because the moment had come; as `run`. Switches: may.
template <typename F>
std::invoke_result_t<F> fail_at(deadline limit, F&& block) {
    cancel_scope scope{{.limit = limit}};
    auto finished = scope.run(std::forward<F>(block));
    if (!finished) {
        throw timed_out{scope.depth()};
    }
    if constexpr (!std::is_void_v<std::invoke_result_t<F>>) {
        return *std::move(finished);
    }
}

/// As above, for a while at most. Throws: as above; misuse when the duration is not a number.
template <typename Rep, typename Period, typename F>
std::invoke_result_t<F> fail_after(std::chrono::duration<Rep, Period> const& limit, F&& block) {
    return fail_at(deadline::after(limit), std::forward<F>(block));
}

}  // namespace tendril
