// SPDX-License-Identifier: BSL-1.0
#pragma once

// Waiting for whichever comes first of several things.
//
//     tendril::select(
//         jobs.on_receive([](job next) { … }),
//         results.on_send(done, [] { … }),
//         stop.on_set([] { … }),                       // an event
//         tendril::after(1s, [] { … }));
//
//     what it finds                      what it does
//     one arm is ready                   completes that one
//     several are ready                  completes one of them, each with the same probability
//     none, and there is `otherwise`     takes that one
//     none                               waits until one completes, or until the first limit
//
// Exactly one arm completes, and its handler is called then, in the greenlet that has called
// `select`: it may park and throw. Nothing is taken from, or given to, an arm that does not
// complete. A closed channel is ready (channel.hpp says what its arms do then); a limit never is,
// so a result of the same turn beats it.
//
// All arms wait through one park. An arm is whatever derives from `select_arm`, so what can be
// waited for later joins in without a change here. The arms live in the caller's frame; nothing is
// allocated. Read next: channel.hpp; hub/waiter.hpp for how one of several wins.

#include <tendril/hub/deadline.hpp>
#include <tendril/hub/waiter.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

namespace tendril {

/// One of the things that a `select` waits for, and what to do when it has come. A `select` calls
/// either `complete` or, when it has to wait, `enlist` and later `leave`; then `finish` of the one
/// that has completed. Switches: never, but for `finish`.
class select_arm {
public:
    select_arm() noexcept = default;
    select_arm(select_arm const&) = delete;
    select_arm& operator=(select_arm const&) = delete;

    /// Says whether it could complete now.
    virtual bool ready() = 0;

    /// Completes. Requires: ready. May throw, and then nothing has changed.
    virtual void complete() = 0;

    /// Puts a part of `whole` (hub/waiter.hpp) into the queue of what it waits for.
    virtual void enlist(waiter& whole) = 0;

    /// Takes that part out of the queue; does nothing when it is in none.
    virtual void leave() noexcept = 0;

    /// Says whether that part was woken, which completes the arm.
    virtual bool woken() const noexcept = 0;

    /// When it completes by itself.
    virtual deadline limit() const noexcept { return deadline::never(); }

    /// Says whether it is for when no other is ready.
    virtual bool is_otherwise() const noexcept { return false; }

    /// Calls the handler. Requires: completed. Switches: may.
    virtual void finish() = 0;

protected:
    ~select_arm() = default;
};

/// Which of several arms that are ready completes.
enum class select_order : std::uint8_t {
    /// Each with the same probability, by the hub's random numbers.
    fair,
    /// The first one.
    as_written,
};

/// Waits for one of so many arms, which the caller keeps, and returns its index; of several
/// `otherwise`, or of equal limits, the first counts.
/// Requires: at least one arm. Throws: what was requested for the greenlet, and then no arm has
/// completed; what completing or the handler throws; misuse when there is no arm; wrong_thread.
/// Switches: may.
std::size_t select(std::span<select_arm* const> arms, select_order order = select_order::fair);

namespace detail {

template <typename... Arms>
inline constexpr bool are_arms = sizeof...(Arms) > 0 &&
    (... && (std::is_base_of_v<select_arm, Arms> && !std::is_lvalue_reference_v<Arms>));

// An arm that waits in a queue, with a part of a certain type.
template <typename Part>
class arm_in_queue : public select_arm {
public:
    void leave() noexcept final {
        if (part_) {
            part_->unlink();
        }
    }
    bool woken() const noexcept final {
        return part_ && part_->settled() == waiter::outcome::woken;
    }

protected:
    ~arm_in_queue() = default;

    std::optional<Part> part_;
};

// The part of an arm that is handed nothing but the wake.
class plain_part final : public waiter {
public:
    plain_part(waiter& whole, char const* what) noexcept : waiter{whole, what} {}
};

// An arm that waits in no queue.
template <typename F>
class arm_by_itself : public select_arm {
public:
    explicit arm_by_itself(F&& handler) : handler_{std::move(handler)} {}

    bool ready() final { return false; }
    void complete() final {}
    void enlist(waiter&) final {}
    void leave() noexcept final {}
    bool woken() const noexcept final { return false; }
    void finish() final { handler_(); }

protected:
    ~arm_by_itself() = default;

private:
    F handler_;
};

template <typename F>
class limit_arm final : public arm_by_itself<F> {
public:
    limit_arm(deadline limit, F handler) : arm_by_itself<F>{std::move(handler)}, limit_{limit} {}
    deadline limit() const noexcept override { return limit_; }

private:
    deadline limit_;
};

template <typename F>
class otherwise_arm final : public arm_by_itself<F> {
public:
    explicit otherwise_arm(F handler) : arm_by_itself<F>{std::move(handler)} {}
    bool is_otherwise() const noexcept override { return true; }
};

}  // namespace detail

/// Waits for one of the arms, which are made in the call, and returns its index.
/// Throws: as above. Switches: may.
template <typename... Arms>
requires detail::are_arms<Arms...> std::size_t select(Arms&&... arms) {
    std::array<select_arm*, sizeof...(Arms)> const all{&arms...};
    return select(std::span<select_arm* const>{all});
}

/// As above, but of several arms that are ready the first one completes. Switches: may.
template <typename... Arms>
requires detail::are_arms<Arms...> std::size_t select_in_order(Arms&&... arms) {
    std::array<select_arm*, sizeof...(Arms)> const all{&arms...};
    return select(std::span<select_arm* const>{all}, select_order::as_written);
}

/// The arm of a `select` that completes when nothing else has, at a moment or after a while.
/// Throws: misuse when the duration is not a number. Switches: never.
template <typename F>
detail::limit_arm<F> at(deadline limit, F handler) {
    return {limit, std::move(handler)};
}
template <typename F>
detail::limit_arm<F> at(time_point moment, F handler) {
    return {deadline::at(moment), std::move(handler)};
}
template <typename Rep, typename Period, typename F>
detail::limit_arm<F> after(std::chrono::duration<Rep, Period> const& duration, F handler) {
    return {deadline::after(duration), std::move(handler)};
}

/// The arm of a `select` that completes when no other is ready, so that it never waits.
/// Switches: never.
template <typename F>
detail::otherwise_arm<F> otherwise(F handler) {
    return detail::otherwise_arm<F>{std::move(handler)};
}

}  // namespace tendril
