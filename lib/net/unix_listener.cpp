// SPDX-License-Identifier: BSL-1.0
//
// Listeners at Unix sockets: their names. What they do there: listener_socket.cpp.
//
// A path is removed by whoever has made it, and only while the file there is still the same one:
// somebody else may listen at that path by then.
#include "listener_core.hpp"
#include "unix_name.hpp"

#include <tendril/net/unix_socket.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/error.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace tendril {
namespace {

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

// Says whether a descriptor listens at a Unix socket, and finds where.
error_code address_of_listening(int descriptor, detail::stream_protocol::endpoint& address) {
    int family = AF_UNSPEC;
    error_code error = detail::look_at_listening(descriptor, family);
    if (!error.failed() && family != AF_UNIX) {
        error = boost::asio::error::address_family_not_supported;
    }
    auto size = static_cast<socklen_t>(address.capacity());
    if (!error.failed() && kernel().getsockname(descriptor, address.data(), &size) != 0) {
        error = detail::last_system_error();
    }
    if (!error.failed()) {
        address.resize(size);
    }
    return error;
}

}  // namespace

unix_listener::unix_listener(unix_listener&& other) noexcept
    : listener_socket{std::move(other)},
      name_{std::exchange(other.name_, {})},
      device_{other.device_},
      file_{other.file_},
      owner_{std::exchange(other.owner_, 0)} {}

unix_listener& unix_listener::operator=(unix_listener&& other) noexcept {
    if (this != &other) {
        unix_listener const old{std::move(*this)};
        listener_socket::operator=(std::move(other));
        name_ = std::exchange(other.name_, {});
        device_ = other.device_;
        file_ = other.file_;
        owner_ = std::exchange(other.owner_, 0);
    }
    return *this;
}

unix_listener::~unix_listener() { remove_path(); }

unix_listener unix_listener::bind(std::string_view name, unix_listen_options const& options) {
    std::string const problem = "cannot listen at " + std::string{name};
    error_code error;
    auto const address = detail::unix_address(name, error);
    detail::throw_if(error, problem.c_str());
    unix_listener made;
    made.name_ = name;
    int const descriptor = new_socket();
    if (descriptor < 0) {
        throw system_error{detail::last_system_error(), problem};
    }
    scope_exit close_on_failure{[&] { kernel().close(descriptor); }};
    if (!listen_at(descriptor, made.name_, address, options)) {
        throw system_error{detail::last_system_error(), problem};
    }
    made.note_path();
    close_on_failure.dismiss();
    made.take_over(descriptor, AF_UNIX, error);
    if (!error.failed() && options.reserve_descriptor) {
        made.reserve_descriptor(error);
    }
    if (error.failed()) {
        throw system_error{error, problem};
    }
    return made;
}

unix_listener unix_listener::adopt(int descriptor) {
    scope_exit close_on_failure{[&] { kernel().close(descriptor); }};
    detail::stream_protocol::endpoint address;
    error_code error = address_of_listening(descriptor, address);
    unix_listener made;
    if (!error.failed()) {
        made.name_ = detail::unix_name(address);
        close_on_failure.dismiss();
        made.take_over(descriptor, AF_UNIX, error);
    }
    detail::throw_if(error, "cannot adopt a descriptor as a listener at a Unix socket");
    return made;
}

int unix_listener::release() {
    if (!is_open()) {
        return -1;
    }
    detail::require_thread_of(core()->home);
    // The set of descriptors that is watched knows the other number, which goes.
    int const kept = kernel().fcntl(native_handle(), F_DUPFD_CLOEXEC, 3);
    if (kept < 0) {
        throw system_error{detail::last_system_error(), "release"};
    }
    owner_ = 0;
    listener_socket::close();
    return kept;
}

unix_stream unix_listener::accept() { return accept_until(deadline::never()); }

unix_stream unix_listener::accept(error_code& error) {
    return accept_until(error, deadline::never());
}

unix_stream unix_listener::accept_until(deadline limit) {
    error_code error;
    unix_stream accepted = accept_until(error, limit);
    detail::throw_if(error, "accept");
    return accepted;
}

unix_stream unix_listener::accept_until(error_code& error, deadline limit) {
    return detail::accept_stream<unix_stream>(core(), limit, error);
}

void unix_listener::close() {
    if (is_open()) {
        detail::require_thread_of(core()->home);
        remove_path();
        listener_socket::close();
    }
}

// Remembers which file stands for it.
void unix_listener::note_path() noexcept {
    struct stat found {};
    if (!detail::is_abstract(name_) && kernel().lstat(name_.c_str(), &found) == 0) {
        device_ = found.st_dev;
        file_ = found.st_ino;
        owner_ = ::getpid();
    }
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
