// SPDX-License-Identifier: BSL-1.0
//
// The exchange of the stream below for another one. The reader is called out of the stream, the
// writer sends what was written before, and then the stream is nobody's but that of `change`. What
// was received and not delivered goes along: it came through the old stream, and must not look as
// if it had come through the new one. The invariants are those of protocol_connection.cpp.
#include "protocol_connection.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>

#include <boost/asio/error.hpp>

#include <cxxabi.h>

#include <utility>

namespace tendril::detail {

void protocol_connection::exchange_stream(stream_exchange change, deadline limit) {
    require_own_thread();
    require_exchangeable();
    if (is_closing()) {
        throw system_error{io_error(errc::closed), "exchange_stream"};
    }
    exchanging_ = true;
    changed_ = false;
    scope_exit const done{[this] { end_exchange(); }};
    try {
        check_interruption();
        wait_until_still(limit);
        change_stream(change);
    } catch (abi::__forced_unwind const&) {
        throw;
    } catch (system_error const& error) {
        lose(std::current_exception(), error.code());
        throw;
    } catch (...) {
        lose(std::current_exception(), io_error(errc::closed));
        throw;
    }
}

void protocol_connection::require_exchangeable() const {
    TENDRIL_REQUIRE(
        !eof_wanted_,
        "exchange_stream() after write_eof(): the peer was promised that nothing more comes");
    TENDRIL_REQUIRE(
        !exchanging_,
        "the stream of this transport is being exchanged already: do one after the other");
}

// Waits until the reader is out of the stream, and the writer has written what is for it.
void protocol_connection::wait_until_still(deadline limit) {
    stop_reading_.ask();
    work_for_writer_.set();
    while (stage_ != stage::over && (in_read_ || unsent_ > held_.size())) {
        still_.reset();
        if (!still_.wait_until(limit)) {
            throw system_error{io_error(errc::timed_out), "exchange_stream"};
        }
    }
    if (stage_ != stage::over && input_has_ended_) {
        throw system_error{error_code{boost::asio::error::eof}, "exchange_stream"};
    }
}

void protocol_connection::change_stream(stream_exchange& change) {
    if (stage_ != stage::over) {
        std::string received{std::exchange(arrived_, {})};
        stop_changing_.run([&] {
            stream_ = change(std::move(stream_), std::move(received));
            changed_ = true;
            return 0U;
        });
    }
    if (stage_ == stage::over) {
        throw system_error{without_place(error_), "exchange_stream"};
    }
}

void protocol_connection::end_exchange() noexcept {
    if (!changed_) {
        end_stream();
    }
    exchanging_ = false;
    pending_ = std::exchange(held_, {});
    may_read_.set();
    work_for_writer_.set();
    exchanged_.set();
}

}  // namespace tendril::detail
