// SPDX-License-Identifier: BSL-1.0
#pragma once

// A limit on a block of code.
//
//     try {
//         tendril::timeout limit{1s};
//         slow();                                  // every park in here is interrupted after 1 s
//     } catch (tendril::timed_out const& late) {
//         if (!late.by(limit_of_somebody_else)) …
//     }
//
// The exception carries the identity of its timeout, so that an inner limit never answers for an
// outer one. A timeout that expires after the block has ended is not delivered: the end of the
// block wins. Code that never parks is never interrupted.

#include <tendril/greenlet/control_block.hpp>
#include <tendril/hub/alarm.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/deadline.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

namespace tendril {

class timeout;

/// A timeout ran out. It does not derive from `std::exception`: a `catch (std::exception&)` inside
/// the block must not swallow the limit that somebody further out has set.
class timed_out {
public:
    /// Carries the number of the timeout that ran out. Switches: never.
    explicit timed_out(std::uint64_t identity) noexcept : identity_{identity} {}

    /// Says whether `limit` is the one that ran out. Switches: never.
    bool by(timeout const& limit) const noexcept;

    /// The depth of the timeout that ran out (hub/cancellation.hpp). Switches: never.
    std::uint64_t depth() const noexcept { return identity_; }

    /// A sentence for people. Switches: never.
    char const* what() const noexcept { return "a timeout ran out"; }

private:
    std::uint64_t identity_;
};

class timeout final : private interruption, private alarm {
public:
    /// Limits what the running greenlet does until this object is destroyed.
    /// Throws: std::bad_alloc; misuse when the duration is not a number. Switches: never.
    template <typename Rep, typename Period>
    explicit timeout(std::chrono::duration<Rep, Period> const& duration)
        : timeout{deadline::after(duration)} {}
    explicit timeout(deadline limit);

    /// Ends the limit, expired or not. Switches: never.
    ~timeout() { cancel(); }

    /// As the end of the scope. Switches: never.
    void cancel() noexcept;

    /// Says whether it ran out while it was in force. Switches: never.
    bool expired() const noexcept { return expired_; }

private:
    friend class timed_out;
    void expire() noexcept override;
    [[noreturn]] void raise() override;

    control_block* target_;
    std::uint64_t identity_;
    bool expired_ = false;
};

/// Calls `function` with a limit, and returns what it returns.
/// Throws: timed_out when the limit ran out; what the function throws. Switches: may.
template <typename Rep, typename Period, typename F>
std::invoke_result_t<F> with_timeout(
    std::chrono::duration<Rep, Period> const& duration, F&& function) {
    timeout const limit{duration};
    return std::invoke(std::forward<F>(function));
}

}  // namespace tendril
