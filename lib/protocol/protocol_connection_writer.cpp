// SPDX-License-Identifier: BSL-1.0
//
// The half of a connection that writes: what a transport puts into the buffer, and the greenlet
// that empties it. The invariants are those of protocol_connection.cpp.
#include "protocol_connection.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/no_switch.hpp>
#include <tendril/io/error.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/time/sleep.hpp>

#include <cxxabi.h>

#include <utility>

namespace tendril::detail {
namespace {

// After so many writes that nobody will receive, somebody should look at the program.
constexpr int ignored_writes_until_report = 5;

}  // namespace

template <typename F>
void protocol_connection::call_without_switch(char const* name, F&& callback) {
    try {
        no_switch const alone;
        callback();
    } catch (abi::__forced_unwind const&) {
        throw;
    } catch (...) {
        fail(name);
    }
}

void protocol_connection::write(std::span<boost::asio::const_buffer const> parts) {
    require_own_thread();
    TENDRIL_REQUIRE(
        !eof_wanted_, "write() after write_eof(): the peer was promised that nothing more comes");
    std::size_t const added = boost::asio::buffer_size(parts);
    if (added == 0) {
        return;
    }
    if (is_closing()) {
        note_ignored_write();
        return;
    }
    ensure_writer();
    // All of it or nothing.
    std::string& buffer = exchanging_ ? held_ : pending_;
    buffer.reserve(buffer.size() + added);
    for (boost::asio::const_buffer const& each : parts) {
        buffer.append(static_cast<char const*>(each.data()), each.size());
    }
    unsent_ += added;
    work_for_writer_.set();
    look_at_marks();
}

void protocol_connection::note_ignored_write() {
    if (++ignored_writes_ == ignored_writes_until_report) {
        this_hub().report_error(
            std::make_exception_ptr(
                misuse{"write() to a transport that is closed, five times: it does nothing; ask "
                       "is_closing(), or let drain() say so"}),
            "transport");
    }
}

void protocol_connection::write_eof() {
    require_own_thread();
    if (is_closing() || eof_wanted_) {
        return;
    }
    ensure_writer();
    eof_wanted_ = true;
    work_for_writer_.set();
}

void protocol_connection::ensure_writer() {
    if (!writer_.valid()) {
        writer_ = spawn(
            {.name = "writer of a transport", .where = {}},
            [self = end_of_task{shared_from_this(), &protocol_connection::end_stream}] {
                self.of->write_to_end();
            });
    }
}

void protocol_connection::write_to_end() {
    try {
        while (stage_ != stage::over) {
            if (unsent_ > held_.size()) {
                send_some();
            } else if (eof_wanted_ && !eof_sent_ && !exchanging_) {
                send_eof();
            } else if (stage_ == stage::closing && !exchanging_) {
                end_stream();
            } else {
                still_.set();
                work_for_writer_.reset();
                work_for_writer_.wait();
            }
        }
    } catch (abi::__forced_unwind const&) {
        throw;
    } catch (...) {
        lose(std::current_exception(), io_error(errc::closed));
        throw;
    }
}

void protocol_connection::send_some() {
    if (sent_ == sending_.size()) {
        // Memory that was needed once is not kept.
        if (sending_.capacity() > marks_.high) {
            sending_ = {};
        }
        sending_.clear();
        sent_ = 0;
        std::swap(sending_, pending_);
    }
    error_code error;
    std::size_t const size = stop_writing_.run([&] {
        return stream_.write_some(
            boost::asio::buffer(sending_.data() + sent_, sending_.size() - sent_), error);
    });
    if (error.failed()) {
        lose(error);
    } else if (stage_ != stage::over) {
        sent_ += size;
        unsent_ -= size;
        look_at_marks();
    }
}

void protocol_connection::send_eof() {
    error_code error;
    stop_writing_.run([&] {
        stream_.shutdown_send(error);
        return 0U;
    });
    eof_sent_ = true;
    if (error.failed()) {
        lose(error);
    } else if (eof_received_) {
        close();
    }
}

void protocol_connection::look_at_marks() {
    if (!writing_paused_ && unsent_ > marks_.high && stage_ == stage::open) {
        writing_paused_ = true;
        may_write_.reset();
        tell_of_pause();
    }
    if (writing_paused_ && unsent_ <= marks_.low && stage_ != stage::over) {
        writing_paused_ = false;
        may_write_.set();
        if (std::exchange(told_of_pause_, false)) {
            call_without_switch("protocol::resume_writing", [this] { handler_->resume_writing(); });
        }
    }
}

// Somebody may have written before `connection_made`; that remains the first call.
void protocol_connection::tell_of_pause() {
    if (begun_ && writing_paused_ && !told_of_pause_ && stage_ == stage::open) {
        told_of_pause_ = true;
        call_without_switch("protocol::pause_writing", [this] { handler_->pause_writing(); });
    }
}

void protocol_connection::set_marks(write_marks marks) {
    require_own_thread();
    require_sensible({.marks = marks});
    marks_ = marks;
    look_at_marks();
}

void protocol_connection::drain() {
    require_own_thread();
    check_interruption();
    if (stage_ == stage::closing) {
        yield();
    }
    while (writing_paused_ && stage_ != stage::over) {
        may_write_.wait();
    }
    if (stage_ == stage::over) {
        end_at_once();
        throw system_error{without_place(error_), "drain"};
    }
}

}  // namespace tendril::detail
