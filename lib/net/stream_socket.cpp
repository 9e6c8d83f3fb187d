// SPDX-License-Identifier: BSL-1.0
//
// How a read goes, and what it costs:
// * After a read that filled its buffer there is probably more, so the next one calls `recv`
//   itself. After a short read there is probably nothing yet: the peer waits for an answer, or has
//   just got one. A `recv` would be in vain, and costs more than a hundred switches. So whoever
//   else is ready goes first, and then the `recv` finds data more often than not. Where it does
//   not, because peers are slower than we are, the next reads of the thread leave that out, on
//   whichever stream: one, then two, then four, at most 64.
// * When nobody is ready, or there is no data after all, the greenlet parks, and Asio's reactor
//   does the `recv` when the descriptor is ready. (Asio tries once more before it waits.)
// * A read does not use `async_wait`: Asio re-arms the descriptor for it with a system call each
//   time. (With another table of system calls it does; see `read_by_readiness`.)
// * A write goes to `send` directly and parks only when the kernel's buffer is full.
//
// Invariants:
// 1. At most one greenlet is inside a read, and at most one inside a write (`direction_use`).
// 2. An operation that was started is seen to its end before its frame goes (io_operation).
// 3. A closed core starts nothing.
// 4. Once an operation may have let others run, it looks at its core only: the stream may be gone,
//    or have another connection.
#include "stream_calls.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/net/stream_socket.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace tendril {
namespace detail {

bool must_retry(stream_core const& core, stream_operation const& ended, error_code& error) {
    error = ended.error();
    if (error != boost::asio::error::operation_aborted) {
        return false;
    }
    // What came first counts: a wish for the greenlet, or the end of the stream.
    if (core.stage != stream_stage::closed || ended.stopped_while_open()) {
        deliver_interruption();
    }
    if (core.stage == stream_stage::closed) {
        error = io_error(errc::closed);
        return false;
    }
    if (ended.wanted() == waiter::outcome::timed_out) {
        error = io_error(errc::timed_out);
        return false;
    }
    error = {};
    return true;
}

bool wait_for_room(stream_core& core, call_limit& limit, error_code& error) {
    stream_operation ready{*core.socket, "room to write to a stream"};
    run_operation(ready, limit.moment(), [&] {
        core.socket->async_wait(plain_socket::wait_write, ready.completion());
    });
    return must_retry(core, ready, error) || !error.failed();
}

namespace {

// Where a read goes: one buffer, by the cheapest calls that there are.
struct one_buffer {
    void* data;
    std::size_t size;

    ssize_t receive(int descriptor) const noexcept {
        return kernel().recv(descriptor, data, size, 0);
    }
    boost::asio::mutable_buffer for_asio() const noexcept { return {data, size}; }
};

// A view of buffers that stand in somebody's frame.
struct buffers_view {
    using value_type = boost::asio::mutable_buffer;
    using const_iterator = boost::asio::mutable_buffer const*;

    const_iterator begin() const noexcept { return first; }
    const_iterator end() const noexcept { return last; }

    const_iterator first;
    const_iterator last;
};

// Several buffers, filled one behind the other by one call.
struct many_buffers {
    many_buffers(iovec const* from, std::size_t number) noexcept : parts{from}, count{number} {
        for (std::size_t at = 0; at < count; ++at) {
            views[at] = {parts[at].iov_base, parts[at].iov_len};
            size += parts[at].iov_len;
        }
    }
    ssize_t receive(int descriptor) const noexcept {
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(parts);
        message.msg_iovlen = count;
        return kernel().recvmsg(descriptor, &message, 0);
    }
    buffers_view for_asio() const noexcept { return {views.data(), views.data() + count}; }

    iovec const* parts;
    std::size_t count;
    std::size_t size = 0;
    std::array<boost::asio::mutable_buffer, most_parts> views;
};

// Reads by ourselves. Returns whether the call is over with that.
template <typename Target>
bool read_directly(stream_core& core, Target const& into, std::size_t& read, error_code& error) {
    ssize_t got = 0;
    do {
        got = into.receive(core.socket->native_handle());
    } while (got < 0 && errno == EINTR);
    if (got < 0 && would_block(errno)) {
        core.more_is_likely = false;
        return false;
    }
    if (got <= 0) {
        error = got < 0 ? last_system_error() : error_code{boost::asio::error::eof};
        read = end_at_once();
    } else {
        read = static_cast<std::size_t>(got);
        core.more_is_likely = read == into.size;
        account_for_success(core.home, io_steps_for(read));
    }
    return true;
}

// How many reads in a row have let others go first, and then found nothing; and how many are left
// that do not try that again.
struct read_experience {
    unsigned vain_tries = 0;
    unsigned reads_without_try = 0;
};
constinit thread_local read_experience experience;
constexpr unsigned most_vain_tries = 7;

// Lets those run who are ready, if there are any and that has paid before. Returns whether it did.
bool let_others_go_first(stream_core const& core) {
    if (!core.home.others_are_ready() || !core.home.may_park()) {
        return false;
    }
    if (experience.reads_without_try > 0) {
        --experience.reads_without_try;
        return false;
    }
    core.home.leave_ready();
    return true;
}

// Learns from a `recv` after others have gone first.
void note_try(bool was_vain) noexcept {
    experience.vain_tries = was_vain ? std::min(experience.vain_tries + 1, most_vain_tries) : 0;
    experience.reads_without_try = (1U << experience.vain_tries) >> 1U;
}

template <typename Target>
std::size_t read_in_reactor(
    stream_core& core, Target const& into, call_limit& limit, error_code& error) {
    while (true) {
        stream_operation reading{*core.socket, "data from a stream"};
        run_operation(reading, limit.moment(), [&] {
            core.socket->async_receive(into.for_asio(), reading.completion());
        });
        if (!must_retry(core, reading, error)) {
            // Asio would wait for news after the end, and there is none: the next read asks itself.
            core.more_is_likely = reading.size() == into.size || error.failed();
            return reading.size();
        }
    }
}

// With another table of system calls in place, Asio is asked for readiness only, so that every read
// goes through the table.
template <typename Target>
std::size_t read_by_readiness(
    stream_core& core, Target const& into, call_limit& limit, error_code& error) {
    std::size_t read = 0;
    while (true) {
        error = core.stage == stream_stage::closed ? io_error(errc::closed) : error_code{};
        if (error.failed() || read_directly(core, into, read, error)) {
            return read;
        }
        stream_operation ready{*core.socket, "data from a stream"};
        run_operation(ready, limit.moment(), [&] {
            core.socket->async_wait(plain_socket::wait_read, ready.completion());
        });
        if (!must_retry(core, ready, error) && error.failed()) {
            return 0;
        }
    }
}

template <typename Target>
std::size_t read_from(
    stream_core* maybe, Target const& into, error_code& error, deadline const* given) {
    check_interruption();
    error = refusal(maybe, &stream_core::reading);
    if (error.failed()) {
        return end_at_once();
    }
    stream_core& core = *maybe;
    core_user<stream_core> const alive{core};
    direction_use const reader{core.reading};
    call_limit limit{given, core.read_limit};
    if (kernel_is_replaced()) {
        return read_by_readiness(core, into, limit, error);
    }
    bool const goes_on = core.more_is_likely;
    if (goes_on || let_others_go_first(core)) {
        std::size_t read = 0;
        error = core.stage == stream_stage::closed ? io_error(errc::closed) : error_code{};
        bool const over = error.failed() || read_directly(core, into, read, error);
        if (!goes_on) {
            note_try(!over);
        }
        if (over) {
            return read;
        }
        deliver_interruption();
    }
    return read_in_reactor(core, into, limit, error);
}

std::size_t send_some(
    stream_core& core, iovec const* parts, std::size_t count, call_limit& limit,
    error_code& error) {
    auto const send = [&](int descriptor) {
        if (count == 1) {
            return kernel().send(descriptor, parts->iov_base, parts->iov_len, MSG_NOSIGNAL);
        }
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(parts);
        message.msg_iovlen = count;
        return kernel().sendmsg(descriptor, &message, MSG_NOSIGNAL);
    };
    return send_when_there_is_room(core, send, limit, error);
}

}  // namespace

void write_parts_to_end(
    stream_core& core, std::span<iovec> parts, call_limit& limit, std::uint64_t& written,
    error_code& error) {
    write_to_end(core, parts, limit, written, error, [&](iovec const* next, std::size_t count) {
        return send_some(core, next, count, limit, error);
    });
}

}  // namespace detail

using detail::call_limit;
using detail::stream_core;

std::size_t stream_socket::read_parts(
    iovec const* parts, std::size_t count, error_code& error, deadline const* limit) {
    if (count == 1) {
        detail::one_buffer const only{parts->iov_base, parts->iov_len};
        return detail::read_from(core_, only, error, limit);
    }
    return detail::read_from(core_, detail::many_buffers{parts, count}, error, limit);
}

std::size_t stream_socket::write_once(iovec const* parts, std::size_t count, error_code& error) {
    return detail::write_some_with(core_, error, [&](stream_core& core, call_limit& limit) {
        return detail::send_some(core, parts, count, limit, error);
    });
}

std::size_t stream_socket::write_all(
    detail::parts_source next, error_code& error, deadline const* given) {
    auto const write_parts = [&](stream_core& core, std::span<iovec> parts, call_limit& limit,
                                 std::uint64_t& written) {
        detail::write_parts_to_end(core, parts, limit, written, error);
    };
    return detail::write_all_with(core_, next, error, given, write_parts);
}

}  // namespace tendril
