// SPDX-License-Identifier: BSL-1.0
#pragma once

// The loop of whoever accepts connections for long: it goes on whatever fails.
//
//     tendril::accept_loop loop{"the echo server"};
//     loop.run([&](tendril::error_code& error) {
//         auto stream = listener.accept(error);
//         if (!error.failed()) {
//             tendril::spawn([owned = std::move(stream)]() mutable { echo(owned); });
//         }
//     });
//
// A machine may lack descriptors or memory for a while. Then `accept` fails at once, and again at
// once, and a plain loop would keep the processor busy with that. So this one waits after each
// failure, at first 10 ms, then twice as long up to a second. It takes up to an eighth off each
// pause by chance, so that servers which failed together do not try again together. A success makes
// the next pause a short one.
//
// A series of failures is reported to the hub's error handler once, at its begin. The loop ends
// when the listener is closed, or when its greenlet is told to end.
//
// `stream_server` and `protocol_server` accept by it. Read next: lib/io/accept_loop.cpp.

#include <tendril/io/error.hpp>

#include <boost/asio/error.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <new>
#include <string>

namespace tendril {

/// How long an accept loop waits after a failure: the first time, and at most.
struct accept_pauses {
    std::chrono::milliseconds first{10};
    std::chrono::milliseconds longest{1000};
};

class accept_loop {
public:
    /// Prepares a loop. `whose` is what its reports call it. Throws: misuse when a pause is shorter
    /// than a millisecond, or the longest is shorter than the first. Switches: never.
    explicit accept_loop(std::string whose, accept_pauses pauses = {});
    accept_loop(accept_loop const&) = delete;
    accept_loop& operator=(accept_loop const&) = delete;

    /// Calls a function again and again, until the error that it sets is `errc::closed`. After any
    /// other error, and after a lack of memory that it throws, waits and goes on.
    /// Requires: no other `run` of the same loop is under way. Throws: what else the function
    /// throws; what was requested for the greenlet. Switches: may.
    template <std::invocable<error_code&> AcceptOne>
    void run(AcceptOne&& accept_one) {
        begin();
        while (goes_on_after(outcome_of(accept_one))) {}
    }

    /// How often accepting has failed, in all runs. Switches: never.
    std::uint64_t failures() const noexcept { return failures_; }

private:
    template <typename AcceptOne>
    static error_code outcome_of(AcceptOne& accept_one) {
        try {
            error_code error;
            accept_one(error);
            return error;
        } catch (std::bad_alloc const&) {
            return boost::asio::error::no_memory;
        }
    }
    void begin() noexcept { pause_ = std::chrono::milliseconds{0}; }
    bool goes_on_after(error_code const& outcome);
    void wait_after(error_code const& failure);
    void report_series(error_code const& failure) const noexcept;

    std::string const whose_;
    accept_pauses const pauses_;
    std::uint64_t failures_ = 0;
    // The last pause; zero after a success.
    std::chrono::milliseconds pause_{0};
};

}  // namespace tendril
