// SPDX-License-Identifier: BSL-1.0
//
// `accept4` is called directly and made to give up only when nobody waits: a server that takes one
// connection a turn falls behind when thousands come at once. Asio is asked for readiness only. Its
// own accept would try again and again, at full speed, when the process is out of descriptors.
//
// The kernel looks for a free descriptor first, and then for a connection. So a lack is told also
// when nobody waits; only who gives the reserve up learns whether somebody does.
//
// Invariants:
// 1. Nobody else runs on this thread while the reserve is given up, so what it makes room for goes
//    to the connection. Another thread may be faster: then it is opened again by a later call.
// 2. A call that has turned somebody away ends with what lacks, or with a connection after all; it
//    does not wait. So whoever calls hears of the lack and can slow down.
#include "listener_core.hpp"
#include "socket_operation.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/net/listener_socket.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/error.hpp>

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace tendril {
namespace detail {
namespace {

using accept_operation = socket_operation<plain_acceptor>;

// A rule of the machine may forbid every connection: then it is not their fault.
constexpr int most_forbidden = 1024;
// So many are turned away by one call, which then says what lacks.
constexpr int most_turned_away = 1024;

bool may_last_for_ever(int error) noexcept { return error == EPERM || error == EOPNOTSUPP; }
bool nobody_waits(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }
bool lacks_descriptors(int error) noexcept { return error == EMFILE || error == ENFILE; }

// A connection that failed before it was accepted; the next one may be fine.
bool concerns_one_connection(int error) noexcept {
    switch (error) {
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EINTR:
    case EPERM:
        return true;
    default:
        return false;
    }
}

int accept_at_once(listener_core& core) noexcept {
    return kernel().accept4(
        core.acceptor->native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

// Waits for somebody who connects. Returns false when the limit has come first.
bool wait_for_connection(listener_core& core, deadline limit) {
    accept_operation ready{*core.acceptor, "a connection to accept"};
    park_limit const limited{ready, limit};
    core.acceptor->async_wait(plain_acceptor::wait_read, ready.completion());
    ready.await();
    // What came first counts: a wish for the greenlet, or the end of the listener.
    if (core.stage != stream_stage::closed || ready.stopped_while_open()) {
        deliver_interruption();
    }
    return ready.wanted() != waiter::outcome::timed_out || !ready.error().failed();
}

// Opens the reserve if there is to be one and it is not there. Any descriptor will do.
error_code ensure_reserve(listener_core& core) noexcept {
    if (core.wants_reserve && core.reserve < 0) {
        core.reserve = kernel().eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        return core.reserve < 0 ? last_system_error() : error_code{};
    }
    return {};
}

// Accepts one connection with the help of the reserve, and closes it. Returns 0, or the error of
// `accept4`.
int turn_one_away(listener_core& core) noexcept {
    kernel().close(std::exchange(core.reserve, -1));
    int const descriptor = accept_at_once(core);
    int const error = descriptor < 0 ? errno : 0;
    if (descriptor >= 0) {
        kernel().close(descriptor);
    }
    ensure_reserve(core);
    return error;
}

// One call of accept.
class acceptance {
public:
    acceptance(listener_core& core, deadline limit) noexcept : core_{core}, limit_{limit} {}

    // Returns a descriptor, or -1 with an error.
    int run(error_code& error) {
        while (core_.stage == stream_stage::open) {
            int const descriptor = accept_at_once(core_);
            if (descriptor >= 0) {
                return descriptor;
            }
            if (!goes_on_after(errno, error)) {
                return -1;
            }
        }
        error = io_error(errc::closed);
        return -1;
    }

private:
    bool goes_on_after(int failure, error_code& error) {
        if (lacks_descriptors(failure) && core_.reserve >= 0) {
            lack_ = error_code{failure, boost::system::system_category()};
            failure = turn_one_away(core_);
            if (failure == 0 || concerns_one_connection(failure)) {
                return ++turned_away_ < most_turned_away ? goes_on_at_once()
                                                         : ends_with(lack_, error);
            }
        }
        if (nobody_waits(failure)) {
            if (turned_away_ > 0) {
                return ends_with(lack_, error);
            }
            return wait_for_connection(core_, limit_) ||
                ends_with(io_error(errc::timed_out), error);
        }
        bool const passes = concerns_one_connection(failure) &&
            (!may_last_for_ever(failure) || ++forbidden_ <= most_forbidden);
        return passes ? goes_on_at_once()
                      : ends_with({failure, boost::system::system_category()}, error);
    }

    // Nothing is lost here, and there may be many of them.
    bool goes_on_at_once() {
        account_for_success(core_.home, accept_steps);
        deliver_interruption();
        return true;
    }
    static bool ends_with(error_code const& reason, error_code& error) noexcept {
        error = reason;
        return false;
    }

    listener_core& core_;
    deadline const limit_;
    int forbidden_ = 0;
    int turned_away_ = 0;
    error_code lack_;
};

}  // namespace

error_code look_at_listening(int descriptor, int& family) noexcept {
    int listens = 0;
    socklen_t size = sizeof listens;
    if (kernel().getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 ||
        kernel().getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &family, &size) != 0) {
        return last_system_error();
    }
    return listens == 0 ? error_code{boost::asio::error::invalid_argument} : error_code{};
}

void listener_core::close() noexcept {
    if (stage != stream_stage::closed) {
        stage = stream_stage::closed;
        error_code ignored;
        acceptor->close(ignored);
        if (reserve >= 0) {
            kernel().close(std::exchange(reserve, -1));
        }
    }
}

// A wait for it that a greenlet of the parent has left behind ends with `release`, unheard.
error_code listener_core::follow_fork() {
    if (!is_of_parent()) [[likely]] {
        return {};
    }
    move_to(home.context());
    forks = forks_until_now();
    accepting = false;
    error_code error;
    stream_protocol const protocol = acceptor->local_endpoint(error).protocol();
    int const descriptor = error.failed() ? -1 : acceptor->release(error);
    if (!error.failed()) {
        acceptor.emplace(home.context());
        acceptor->assign(protocol, descriptor, error);
    }
    if (!error.failed()) {
        acceptor->native_non_blocking(true, error);
    } else if (descriptor >= 0) {
        kernel().close(descriptor);
    }
    if (error.failed()) {
        close();
    }
    return without_place(error);
}

error_code refusal_to_accept(listener_core* core) {
    if (core == nullptr || core->stage == stream_stage::closed) {
        return io_error(errc::closed);
    }
    require_thread_of(core->home);
    error_code const error = core->follow_fork();
    return core->accepting ? io_error(errc::busy) : error;
}

int accept_descriptor(listener_core& core, deadline limit, error_code& error) {
    ensure_reserve(core);
    return acceptance{core, limit}.run(error);
}

}  // namespace detail

using detail::stream_stage;

listener_socket& listener_socket::operator=(listener_socket&& other) noexcept {
    if (this != &other) {
        detail::end_handle(std::exchange(core_, std::exchange(other.core_, nullptr)));
    }
    return *this;
}

listener_socket::~listener_socket() { detail::end_handle(core_); }

void listener_socket::take_over(int descriptor, int family, error_code& error) {
    scope_exit close_on_failure{[&] { kernel().close(descriptor); }};
    auto const made = new detail::listener_core{this_hub()};
    scope_exit drop_on_failure{[&] { detail::end_handle(made); }};
    made->acceptor->assign(detail::stream_protocol{family, 0}, descriptor, error);
    error = detail::without_place(error);
    if (error.failed()) {
        return;
    }
    // From here on the core closes it.
    close_on_failure.dismiss();
    made->acceptor->native_non_blocking(true, error);
    error = detail::without_place(error);
    if (!error.failed()) {
        drop_on_failure.dismiss();
        core_ = made;
    }
}

void listener_socket::close() {
    if (is_open()) {
        detail::require_thread_of(core_->home);
        core_->close();
    }
}

bool listener_socket::is_open() const noexcept {
    return core_ != nullptr && core_->stage != stream_stage::closed;
}

int listener_socket::native_handle() const noexcept {
    return is_open() ? core_->acceptor->native_handle() : -1;
}

void listener_socket::reserve_descriptor(error_code& error) {
    if (!is_open()) {
        error = io_error(errc::closed);
        return;
    }
    detail::require_thread_of(core_->home);
    core_->wants_reserve = true;
    error = detail::ensure_reserve(*core_);
}

void listener_socket::reserve_descriptor() {
    error_code error;
    reserve_descriptor(error);
    detail::throw_if(error, "reserve_descriptor");
}

}  // namespace tendril
