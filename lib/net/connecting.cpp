// SPDX-License-Identifier: BSL-1.0
//
// One attempt to connect: the system call is made, and made again when the socket can be written.
// The second one says whether there is a connection, and else why not, with the error of the
// attempt itself. Who has several addresses makes several attempts (connect.cpp).
#include "stream_calls.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/net/tcp_stream.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/time/sleep.hpp>

#include <boost/asio/error.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace tendril::detail {
namespace {

using namespace std::chrono_literals;

// Asio's own `open` would leave the descriptor to every child process.
void open_socket(stream_core& core, int family, error_code& error) {
    int const descriptor = kernel().socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        error = last_system_error();
        end_at_once();
        return;
    }
    core.take(descriptor, family, error);
}

// Gives a socket the address that it is to come from.
void bind_local_end(int descriptor, tcp_endpoint const& local, error_code& error) noexcept {
    int const on = 1;
    if (local.port() != 0) {
        kernel().setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    } else {
        // The port is chosen when the peer is known, so that several peers can share one.
        kernel().setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    }
    if (kernel().bind(descriptor, local.data(), static_cast<socklen_t>(local.size())) != 0) {
        error = last_system_error();
    }
}

// Returns false when the call is over; `error` says why.
bool wait_for_an_answer(stream_core& core, deadline limit, error_code& error) {
    stream_operation connecting{*core.socket, "a connection"};
    run_operation(connecting, limit, [&] {
        core.socket->async_wait(plain_socket::wait_write, connecting.completion());
    });
    return must_retry(core, connecting, error) || !error.failed();
}

// A Unix listener whose queue is full answers "try again" and tells nobody when there is room. So
// one asks again, at growing distances.
bool wait_for_a_place(
    stream_core& core, deadline limit, std::chrono::nanoseconds& pause, error_code& error) {
    deadline const next = deadline::after(pause);
    pause = std::min<std::chrono::nanoseconds>(pause * 2, 100ms);
    sleep_until(std::min(next, limit));
    if (core.stage == stream_stage::closed) {
        error = io_error(errc::closed);
    } else if (!limit.is_never() && core.home.now() >= limit.moment()) {
        error = io_error(errc::timed_out);
    }
    return !error.failed();
}

// Says whether a socket is connected with itself: one that calls an address where nobody listens
// may get the same port for itself.
bool is_its_own_peer(int descriptor, stream_protocol::endpoint const& peer) noexcept {
    stream_protocol::endpoint mine;
    auto size = static_cast<socklen_t>(mine.capacity());
    if (peer.protocol().family() == AF_UNIX ||
        kernel().getsockname(descriptor, mine.data(), &size) != 0 || size > mine.capacity()) {
        return false;
    }
    mine.resize(size);
    return mine == peer;
}

// Asks the kernel until a socket is connected, or cannot be.
void connect_socket(
    stream_core& core, stream_protocol::endpoint const& peer, deadline limit, error_code& error) {
    std::chrono::nanoseconds pause = 1ms;
    bool again = true;
    while (again) {
        int const done = kernel().connect(
            core.socket->native_handle(), peer.data(), static_cast<socklen_t>(peer.size()));
        if (done == 0 || errno == EISCONN) {
            if (is_its_own_peer(core.socket->native_handle(), peer)) {
                error = boost::asio::error::connection_refused;
            }
            break;
        }
        switch (errno) {
        case EINTR:
            break;
        case EINPROGRESS:
        case EALREADY:
            again = wait_for_an_answer(core, limit, error);
            break;
        case EAGAIN:
            if (core.family == AF_UNIX) {
                again = wait_for_a_place(core, limit, pause, error);
                break;
            }
            [[fallthrough]];
        default:
            error = last_system_error();
            again = false;
        }
    }
    account_for_success(core.home, accept_steps);
}

}  // namespace

void connect_core(
    stream_core& core, stream_protocol::endpoint const& peer, deadline limit, error_code& error) {
    error = {};
    open_socket(core, peer.protocol().family(), error);
    if (!error.failed()) {
        connect_socket(core, peer, limit, error);
    }
}

tcp_stream connect_once(
    tcp_endpoint const& peer, tcp_endpoint const* local, deadline limit, error_code& error) {
    tcp_stream made{*new stream_core{this_hub()}};
    stream_core& core = *made.core();
    error = {};
    open_socket(core, peer.protocol().family(), error);
    if (!error.failed() && local != nullptr) {
        bind_local_end(core.socket->native_handle(), *local, error);
    }
    if (!error.failed()) {
        connect_socket(core, peer, limit, error);
    }
    if (error.failed()) {
        return {};
    }
    int const on = 1;
    kernel().setsockopt(made.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return made;
}

}  // namespace tendril::detail
