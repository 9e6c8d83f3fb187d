// SPDX-License-Identifier: BSL-1.0
//
// A call tries first and waits only when there is nothing: a datagram that is there costs one
// system call.
//
// Invariants:
// 1. At most one greenlet is inside a receive, and at most one inside a send (`direction_use`).
// 2. A wait that was started is seen to its end before its frame goes (io_operation).
// 3. A closed core starts nothing.
// 4. Once a call may have let others run, it looks at its core only: the socket may be gone.
// 5. No datagram is taken from the kernel by a call that then throws what was requested for the
//    greenlet: a request is delivered before a wait and after one that brought nothing.
#include "datagram_core.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/net/datagram_handle.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/error.hpp>

#include <cerrno>
#include <system_error>

namespace tendril::detail {
namespace {

void require_thread_of_socket(datagram_core const& core) {
    TENDRIL_REQUIRE_AS(
        wrong_thread, &core.home.thread() == &this_thread(),
        "this socket belongs to another thread: use it there; to hand it over, release its "
        "descriptor and adopt it on the other side");
}

bool is_usable(datagram_core const* core) noexcept {
    return core != nullptr && core->stage == stream_stage::open;
}

// Says why a call on `core` cannot begin, if it cannot.
error_code refusal_of_datagrams(datagram_core* core, bool datagram_core::*direction) {
    if (!is_usable(core)) {
        return io_error(errc::closed);
    }
    require_thread_of_socket(*core);
    error_code const error = core->follow_fork();
    return core->*direction ? io_error(errc::busy) : error;
}

// So often in a row a call may be interrupted by signals; then its caller is told.
constexpr int most_interrupted = 1024;

error_code result_of(int returned) noexcept {
    return returned < 0 ? last_system_error() : error_code{};
}

// Tries again and again, with a wait in between, until the attempt succeeds or there is an error.
template <typename Attempt, typename Wait>
std::size_t try_until(datagram_core& core, error_code& error, Attempt attempt, Wait wait) {
    bool in_time = true;
    int interrupted = 0;
    while (core.stage == stream_stage::open) {
        auto const done = attempt(core.descriptor->native_handle());
        if (done >= 0) {
            auto const size = static_cast<std::size_t>(done);
            account_for_success(core.home, io_steps_for(size));
            return size;
        }
        if (errno == EINTR && ++interrupted < most_interrupted) {
            continue;
        }
        if (!must_wait(errno)) {
            error = last_system_error();
            return end_at_once();
        }
        // What is ready beats the limit, so the limit counts after one more attempt.
        if (!in_time) {
            error = io_error(errc::timed_out);
            return 0;
        }
        in_time = wait();
        if (error.failed()) {
            return 0;
        }
    }
    error = io_error(errc::closed);
    return 0;
}

template <typename Attempt>
std::size_t receive_by(datagram_core* maybe, deadline limit, error_code& error, Attempt attempt) {
    check_interruption();
    error = refusal_of_datagrams(maybe, &datagram_core::receiving);
    if (error.failed()) {
        return end_at_once();
    }
    core_user<datagram_core> const alive{*maybe};
    direction_use const receiver{maybe->receiving};
    return try_until(*maybe, error, attempt, [&core = *maybe, limit, &error] {
        return wait_for_datagrams(core, datagram_wait::receive, limit, error);
    });
}

// The socket of a Unix address that is not our peer may be full while our own has room. The kernel
// tells nobody but its peers when there is room again, so a socket that is made its peer is waited
// for, and sends nothing. Returns whether it was in time.
bool wait_for_room_at(
    datagram_core& core, const_datagram_address receiver, deadline limit, error_code& error) {
    int const stand_in = kernel().socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (stand_in < 0) {
        error = last_system_error();
        return true;
    }
    scope_exit const close_it{[stand_in] { kernel().close(stand_in); }};
    if (kernel().connect(stand_in, receiver.data, receiver.size) != 0) {
        error = last_system_error();
        return true;
    }
    core.stand_in = stand_in;
    scope_exit const no_longer{[&core] { core.stand_in = -1; }};
    try {
        return wait_writable_until(stand_in, limit);
    } catch (std::system_error const& failure) {
        if (failure.code() != std::errc::operation_canceled) {
            error = error_code{failure.code().value(), boost::system::system_category()};
        }
        return true;
    }
}

template <typename Attempt>
std::size_t send_by(
    datagram_core* maybe, const_datagram_address receiver, deadline limit, error_code& error,
    Attempt attempt) {
    check_interruption();
    error = refusal_of_datagrams(maybe, &datagram_core::sending);
    if (error.failed()) {
        return end_at_once();
    }
    core_user<datagram_core> const alive{*maybe};
    direction_use const sender{maybe->sending};
    return try_until(*maybe, error, attempt, [&core = *maybe, receiver, limit, &error] {
        bool const in_time = wait_for_datagrams(core, datagram_wait::send, limit, error);
        bool const may_be_full = core.family == AF_UNIX && receiver.data != nullptr;
        if (!in_time || error.failed() || !may_be_full || core.stage != stream_stage::open) {
            return in_time;
        }
        return wait_for_room_at(core, receiver, limit, error);
    });
}

void fill_address(
    datagram_core* core, int (*ask)(int, sockaddr*, socklen_t*), datagram_address& filled,
    error_code& error) {
    error = is_usable(core)
        ? result_of(ask(core->descriptor->native_handle(), filled.data, &filled.size))
        : io_error(errc::closed);
}

}  // namespace

datagram_handle& datagram_handle::operator=(datagram_handle&& other) noexcept {
    if (this != &other) {
        datagram_handle const old{std::move(*this)};
        core_ = std::exchange(other.core_, nullptr);
    }
    return *this;
}

datagram_handle::~datagram_handle() { end_handle(core_); }

void datagram_handle::close() {
    if (is_open()) {
        require_thread_of_socket(*core_);
        core_->close();
    }
}

int datagram_handle::release() {
    if (!is_open()) {
        throw system_error{io_error(errc::closed), "release"};
    }
    require_thread_of_socket(*core_);
    return core_->release();
}

bool datagram_handle::is_open() const noexcept { return is_usable(core_); }

bool datagram_handle::is_connected() const noexcept { return is_open() && core_->connected; }

int datagram_handle::native_handle() const noexcept {
    return is_open() ? core_->descriptor->native_handle() : -1;
}

int datagram_handle::family() const noexcept { return is_open() ? core_->family : AF_UNSPEC; }

error_code datagram_handle::open(int family) {
    int const descriptor = kernel().socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return descriptor < 0 ? last_system_error() : take(descriptor, family, false);
}

error_code datagram_handle::adopt_descriptor(int descriptor) {
    scope_exit close_on_failure{[descriptor] { kernel().close(descriptor); }};
    int type = 0;
    socklen_t size = sizeof type;
    if (kernel().getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
        return last_system_error();
    }
    if (type != SOCK_DGRAM) {
        return boost::asio::error::operation_not_supported;
    }
    sockaddr_storage name{};
    size = sizeof name;
    if (kernel().getsockname(descriptor, reinterpret_cast<sockaddr*>(&name), &size) != 0) {
        return last_system_error();
    }
    sockaddr_storage peer{};
    size = sizeof peer;
    bool const connected = kernel().getpeername(
                               descriptor, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
    close_on_failure.dismiss();
    return take(descriptor, name.ss_family, connected);
}

// From the call on, the descriptor is ours: it is closed when this fails.
error_code datagram_handle::take(int descriptor, int family, bool connected) {
    scope_exit close_on_failure{[descriptor] { kernel().close(descriptor); }};
    datagram_handle made;
    made.core_ = new datagram_core{this_hub()};
    made.core_->family = family;
    made.core_->connected = connected;
    error_code error;
    made.core_->descriptor->assign(descriptor, error);
    if (error.failed()) {
        return without_place(error);
    }
    close_on_failure.dismiss();
    made.core_->descriptor->native_non_blocking(true, error);
    if (!error.failed()) {
        *this = std::move(made);
    }
    return without_place(error);
}

error_code datagram_handle::bind_to(const_address local) {
    if (!is_open()) {
        return io_error(errc::closed);
    }
    require_thread_of_socket(*core_);
    return result_of(kernel().bind(native_handle(), local.data, local.size));
}

error_code datagram_handle::connect_to(const_address peer) {
    if (!is_open()) {
        return io_error(errc::closed);
    }
    require_thread_of_socket(*core_);
    error_code const error = result_of(kernel().connect(native_handle(), peer.data, peer.size));
    core_->connected = core_->connected || !error.failed();
    return error;
}

void datagram_handle::local_address(address& filled, error_code& error) const {
    fill_address(core_, kernel().getsockname, filled, error);
}

void datagram_handle::remote_address(address& filled, error_code& error) const {
    fill_address(core_, kernel().getpeername, filled, error);
}

void datagram_handle::set_option(
    int level, int name, void const* value, std::size_t size, error_code& error) {
    if (!is_open()) {
        error = io_error(errc::closed);
        return;
    }
    require_thread_of_socket(*core_);
    error = result_of(
        kernel().setsockopt(native_handle(), level, name, value, static_cast<socklen_t>(size)));
}

void datagram_handle::get_option(
    int level, int name, void* value, std::size_t& size, error_code& error) const {
    if (!is_open()) {
        error = io_error(errc::closed);
        return;
    }
    require_thread_of_socket(*core_);
    auto length = static_cast<socklen_t>(size);
    error = result_of(kernel().getsockopt(native_handle(), level, name, value, &length));
    size = length;
}

std::size_t datagram_handle::receive_one(
    datagram_parts& parts, address& sender, deadline limit, error_code& error) {
    msghdr message{};
    std::size_t const size = receive_by(core_, limit, error, [&](int descriptor) {
        message.msg_name = sender.data;
        message.msg_namelen = sender.size;
        message.msg_iov = parts.data();
        message.msg_iovlen = parts.count();
        message.msg_flags = 0;
        return kernel().recvmsg(descriptor, &message, 0);
    });
    sender.size = error.failed() ? 0 : message.msg_namelen;
    if (!error.failed() && (message.msg_flags & MSG_TRUNC) != 0) {
        error = boost::asio::error::message_size;
    }
    return size;
}

std::size_t datagram_handle::send_one(
    datagram_parts& parts, const_address receiver, deadline limit, error_code& error) {
    msghdr message{};
    // The kernel does not write through this pointer.
    message.msg_name = const_cast<sockaddr*>(receiver.data);
    message.msg_namelen = receiver.size;
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.count();
    return send_by(core_, receiver, limit, error, [&](int descriptor) {
        return kernel().sendmsg(descriptor, &message, MSG_NOSIGNAL);
    });
}

std::size_t datagram_handle::receive_many(
    datagram_batch& batch, std::size_t count, deadline limit, error_code& error) {
    return receive_by(core_, limit, error, [&](int descriptor) {
        return count == 0
            ? 0
            : kernel().recvmmsg(
                  descriptor, batch.messages.data(), static_cast<unsigned>(count), 0, nullptr);
    });
}

std::size_t datagram_handle::send_many(
    datagram_batch& batch, std::size_t count, deadline limit, error_code& error) {
    msghdr const& first = batch.messages.front().msg_hdr;
    const_address receiver;
    if (count > 0) {
        receiver = {static_cast<sockaddr const*>(first.msg_name), first.msg_namelen};
    }
    return send_by(core_, receiver, limit, error, [&](int descriptor) {
        return count == 0
            ? 0
            : kernel().sendmmsg(
                  descriptor, batch.messages.data(), static_cast<unsigned>(count), MSG_NOSIGNAL);
    });
}

}  // namespace tendril::detail
