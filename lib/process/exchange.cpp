// SPDX-License-Identifier: BSL-1.0
#include "exchange.hpp"

#include <tendril/hub/hub.hpp>
#include <tendril/io/error.hpp>
#include <tendril/scope/task_group.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <cerrno>
#include <cstddef>
#include <exception>
#include <utility>

namespace tendril::detail {
namespace {

// As much as a pipe holds.
constexpr std::size_t most_at_once = 65536;

error_code write_pending(child_stream& to, std::string& pending, deadline limit) {
    std::size_t written = 0;
    scope_exit const forget_written{[&] { pending.erase(0, written); }};
    error_code error;
    while (written < pending.size() && !error.failed()) {
        to.set_write_limit(
            limit.is_never() ? std::chrono::nanoseconds::max() : limit.moment() - this_hub().now());
        written += to.write_some(boost::asio::buffer(pending) + written, error);
    }
    // The child need not read its input.
    if (error == boost::asio::error::broken_pipe) {
        written = pending.size();
        error = {};
    }
    return error;
}

error_code read_to_end(child_stream& from, std::string& into, deadline limit) {
    std::vector<char> room(most_at_once);
    error_code error;
    while (!error.failed()) {
        std::size_t const got = from.read_some_until(boost::asio::buffer(room), error, limit);
        into.append(room.data(), got);
    }
    return error == boost::asio::error::eof ? error_code{} : error;
}

}  // namespace

void exchange::write_to(child_stream& to, std::string& pending) {
    if (to.is_open()) {
        parts_.push_back({&to, &pending, true});
    }
}

void exchange::read_from(child_stream& from, std::string& into) {
    if (from.is_open()) {
        parts_.push_back({&from, &into, false});
    }
}

bool exchange::run_until(deadline limit) {
    std::exception_ptr first;
    bool in_time = true;
    auto const run_part = [&](part const& each) {
        try {
            error_code const error = each.writes ? write_pending(*each.stream, *each.text, limit)
                                                 : read_to_end(*each.stream, *each.text, limit);
            if (error == errc::timed_out) {
                in_time = false;
                return;
            }
            throw_if(error, each.writes ? "cannot write to a child" : "cannot read from a child");
            each.stream->close();
        } catch (std::exception const&) {
            first = first ? first : std::current_exception();
        }
    };
    if (parts_.size() == 1) {
        run_part(parts_.front());
    } else if (!parts_.empty()) {
        with_task_group([&](task_group& group) {
            for (std::size_t number = 1; number < parts_.size(); ++number) {
                group.spawn([&, number] { run_part(parts_[number]); });
            }
            run_part(parts_.front());
        });
    }
    if (first) {
        std::rethrow_exception(first);
    }
    return in_time;
}

void take_what_is_there(child_stream& from, std::string& into) {
    std::vector<char> room(most_at_once);
    while (from.is_open()) {
        ssize_t const got = kernel().read(from.native_handle(), room.data(), room.size());
        if (got > 0) {
            into.append(room.data(), static_cast<std::size_t>(got));
        } else if (got == 0 || errno != EINTR) {
            from.close();
        }
    }
}

}  // namespace tendril::detail
