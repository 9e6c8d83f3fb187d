// SPDX-License-Identifier: BSL-1.0
#include "exchange.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/error.hpp>
#include <tendril/scope/cancel_scope.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/task/task.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

namespace tendril::detail {
namespace {

// As much as a pipe holds.
constexpr std::size_t most_at_once = 65536;

error_code write_pending(descriptor_stream& to, std::string& pending, deadline limit) {
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

error_code read_to_end(descriptor_stream& from, std::string& into, deadline limit) {
    std::vector<char> room(most_at_once);
    error_code error;
    while (!error.failed()) {
        std::size_t const got = from.read_some_until(boost::asio::buffer(room), error, limit);
        into.append(room.data(), got);
    }
    return error == boost::asio::error::eof ? error_code{} : error;
}

// How a part has ended, and what it was.
struct part_end {
    error_code error = {};
    char const* what = "";
};

// The tasks that do the other parts, none of which outlives this frame. An error that is thrown
// into the frame leaves it as it is, which a task group would not let it do.
class helpers {
public:
    helpers() = default;
    helpers(helpers const&) = delete;
    helpers& operator=(helpers const&) = delete;
    ~helpers() {
        interruption_shield const shield;
        for (task<part_end>& each : tasks_) {
            each.cancel();
        }
        for (task<part_end>& each : tasks_) {
            each.join();
            // The first error is thrown; the others are not reported.
            static_cast<void>(each.exception());
        }
    }

    void reserve(std::size_t count) { tasks_.reserve(count); }
    template <typename F>
    void add(F&& function) {
        tasks_.push_back(spawn(std::forward<F>(function)));
    }
    // A limit is less than any other failure: what it has kept is still there.
    part_end first_failure_or(part_end first) {
        for (task<part_end>& each : tasks_) {
            part_end const next = each.get();
            bool const is_worse = !first.error.failed() || first.error == errc::timed_out;
            first = next.error.failed() && is_worse ? next : first;
        }
        return first;
    }

private:
    std::vector<task<part_end>> tasks_;
};

part_end run_part(exchange::part const& each, deadline limit) {
    part_end const end = each.writes
        ? part_end{write_pending(*each.stream, *each.text, limit), "cannot write to a child"}
        : part_end{read_to_end(*each.stream, *each.text, limit), "cannot read from a child"};
    if (!end.error.failed()) {
        each.stream->close();
    }
    return end;
}

using scopes_of_parts = std::deque<cancel_scope>;

// A part that fails ends the others: the child may wait for what it would have done, and they for
// the child. A limit ends each part by itself.
part_end run_among(
    scopes_of_parts& scopes, std::size_t number, exchange::part const& each, deadline limit) {
    std::optional<part_end> const end = scopes[number].run([&] { return run_part(each, limit); });
    if (!end) {
        return {};
    }
    if (end->error.failed() && end->error != errc::timed_out) {
        for (cancel_scope& other : scopes) {
            other.cancel(end->what);
        }
    }
    return *end;
}

}  // namespace

void exchange::write_to(descriptor_stream& to, std::string& pending) {
    if (to.is_open()) {
        parts_.push_back({&to, &pending, true});
    }
}

void exchange::read_from(descriptor_stream& from, std::string& into) {
    if (from.is_open()) {
        parts_.push_back({&from, &into, false});
    }
}

bool exchange::run_until(deadline limit) {
    if (parts_.empty()) {
        return true;
    }
    scopes_of_parts scopes(parts_.size());
    helpers others;
    others.reserve(parts_.size());
    for (std::size_t number = 1; number < parts_.size(); ++number) {
        others.add([this, &scopes, number, limit] {
            return run_among(scopes, number, parts_[number], limit);
        });
    }
    part_end const mine = run_among(scopes, 0, parts_.front(), limit);
    part_end const all = others.first_failure_or(mine);
    if (all.error == errc::timed_out) {
        return false;
    }
    throw_if(all.error, all.what);
    return true;
}

void take_what_is_there(descriptor_stream& from, std::string& into) {
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
