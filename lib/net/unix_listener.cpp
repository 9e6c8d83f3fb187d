// SPDX-License-Identifier: BSL-1.0
//
// Listeners at Unix sockets. A listening socket is watched like a stream that is only read from.
//
// A path is removed by whoever has made it, and only while the file there is still the same one:
// somebody else may listen at that path by then.
#include "stream_calls.hpp"
#include "unix_name.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/net/unix_socket.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace tendril {
namespace {

using detail::core_user;
using detail::direction_use;
using detail::stream_core;
using detail::stream_stage;

int new_socket() noexcept {
    return kernel().socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int bind_at(int descriptor, detail::stream_protocol::endpoint const& address) noexcept {
    return kernel().bind(descriptor, address.data(), static_cast<socklen_t>(address.size()));
}

// Says whether a path is a socket where nobody listens any more. Changes `errno`.
bool is_stale(std::string const& path, detail::stream_protocol::endpoint const& address) noexcept {
    struct stat found {};
    if (kernel().lstat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) {
        return false;
    }
    int const probe = new_socket();
    if (probe < 0) {
        return false;
    }
    bool const refused = kernel().connect(
                             probe, address.data(), static_cast<socklen_t>(address.size())) != 0 &&
        errno == ECONNREFUSED;
    kernel().close(probe);
    return refused;
}

// Binds and listens. Returns whether it does, else `errno` says why.
bool listen_at(
    int descriptor, std::string const& name, detail::stream_protocol::endpoint const& address,
    unix_listen_options const& options) noexcept {
    bool bound = bind_at(descriptor, address) == 0;
    if (!bound && errno == EADDRINUSE && options.remove_stale && !detail::is_abstract(name)) {
        if (is_stale(name, address) && kernel().unlink(name.c_str()) == 0) {
            bound = bind_at(descriptor, address) == 0;
        } else {
            errno = EADDRINUSE;
        }
    }
    if (!bound || kernel().listen(descriptor, options.backlog) == 0) {
        return bound;
    }
    int const reason = errno;
    if (!detail::is_abstract(name)) {
        kernel().unlink(name.c_str());
    }
    errno = reason;
    return false;
}

// Waits for a connection. Returns its descriptor, or -1 with an error.
int accept_one(stream_core& core, error_code& error) {
    detail::call_limit limit{nullptr, detail::no_limit};
    while (core.stage == stream_stage::open) {
        int const descriptor = kernel().accept4(
            core.socket->native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) {
            return descriptor;
        }
        if (errno == EINTR || errno == ECONNABORTED) {
            detail::account_for_success(core.home, detail::accept_steps);
            continue;
        }
        if (!detail::would_block(errno)) {
            error = detail::last_system_error();
            detail::end_at_once();
            return -1;
        }
        detail::stream_operation ready{*core.socket, "a connection to accept"};
        detail::run_operation(ready, limit.moment(), [&] {
            core.socket->async_wait(detail::plain_socket::wait_read, ready.completion());
        });
        if (!detail::must_retry(core, ready, error) && error.failed()) {
            return -1;
        }
        deliver_interruption();
    }
    error = io_error(errc::closed);
    return -1;
}

}  // namespace

unix_listener::unix_listener(unix_listener&& other) noexcept
    : core_{std::exchange(other.core_, nullptr)},
      name_{std::exchange(other.name_, {})},
      device_{other.device_},
      file_{other.file_},
      owner_{std::exchange(other.owner_, 0)} {}

unix_listener& unix_listener::operator=(unix_listener&& other) noexcept {
    if (this != &other) {
        unix_listener const old{std::move(*this)};
        core_ = std::exchange(other.core_, nullptr);
        name_ = std::exchange(other.name_, {});
        device_ = other.device_;
        file_ = other.file_;
        owner_ = std::exchange(other.owner_, 0);
    }
    return *this;
}

unix_listener::~unix_listener() {
    remove_path();
    detail::end_handle(core_);
}

unix_listener unix_listener::bind(std::string_view name, unix_listen_options const& options) {
    std::string const problem = "cannot listen at " + std::string{name};
    error_code error;
    auto const address = detail::unix_address(name, error);
    detail::throw_if(error, problem.c_str());
    unix_listener made;
    made.name_ = name;
    made.core_ = new stream_core{this_hub()};
    int const descriptor = new_socket();
    if (descriptor < 0) {
        throw system_error{detail::last_system_error(), problem};
    }
    made.core_->take(descriptor, AF_UNIX, error);
    if (error.failed()) {
        throw system_error{error, problem};
    }
    if (!listen_at(descriptor, made.name_, address, options)) {
        throw system_error{detail::last_system_error(), problem};
    }
    struct stat found {};
    if (!detail::is_abstract(name) && kernel().lstat(made.name_.c_str(), &found) == 0) {
        made.device_ = found.st_dev;
        made.file_ = found.st_ino;
        made.owner_ = ::getpid();
    }
    return made;
}

unix_stream unix_listener::accept() {
    error_code error;
    unix_stream accepted = accept(error);
    detail::throw_if(error, "accept");
    return accepted;
}

unix_stream unix_listener::accept(error_code& error) {
    check_interruption();
    error = detail::refusal(core_, &stream_core::reading);
    if (error.failed()) {
        detail::end_at_once();
        return {};
    }
    stream_core& core = *core_;
    core_user<stream_core> const alive{core};
    direction_use const acceptor{core.reading};
    int const descriptor = accept_one(core, error);
    if (error.failed()) {
        return {};
    }
    unix_stream accepted = unix_stream::adopt(descriptor, error);
    detail::account_for_success(core.home, detail::accept_steps);
    return accepted;
}

void unix_listener::close() {
    if (is_open()) {
        detail::require_thread_of(core_->home);
        remove_path();
        core_->close();
    }
}

bool unix_listener::is_open() const noexcept {
    return core_ != nullptr && core_->stage != stream_stage::closed;
}

void unix_listener::remove_path() noexcept {
    struct stat found {};
    if (owner_ != 0 && owner_ == ::getpid() && kernel().lstat(name_.c_str(), &found) == 0 &&
        found.st_dev == device_ && found.st_ino == file_) {
        kernel().unlink(name_.c_str());
    }
    owner_ = 0;
}

}  // namespace tendril
