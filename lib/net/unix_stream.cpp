// SPDX-License-Identifier: BSL-1.0
//
// Descriptors travel beside the data of one `sendmsg`, and arrive in the process at the moment of a
// `recvmsg`. From then on an object owns them, whose memory was there before; and nothing is waited
// for between the two. So they are neither lost nor left open, whoever is killed.
#include "stream_calls.hpp"
#include "unix_name.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/net/unix_socket.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/error.hpp>

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace tendril {
namespace detail {

stream_protocol::endpoint unix_address(std::string_view name, error_code& error) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    bool const abstract = is_abstract(name);
    // A path ends with a zero; an abstract name begins with one, in place of the "@".
    std::size_t const room = abstract ? sizeof address.sun_path : sizeof address.sun_path - 1;
    if (name.empty() || name.find('\0') != name.npos) {
        error = io_error(errc::bad_name);
        return {};
    }
    if (name.size() > room) {
        error = boost::asio::error::name_too_long;
        return {};
    }
    std::memcpy(address.sun_path, name.data(), name.size());
    if (abstract) {
        address.sun_path[0] = '\0';
    }
    error = {};
    return {&address, offsetof(sockaddr_un, sun_path) + name.size() + (abstract ? 0 : 1)};
}

std::string unix_name(stream_protocol::endpoint const& address) {
    sockaddr_un copy{};
    std::memcpy(&copy, address.data(), std::min(address.size(), sizeof copy));
    std::size_t const most = address.size() -
        std::min(address.size(), offsetof(sockaddr_un, sun_path));
    if (most == 0) {
        return {};
    }
    if (copy.sun_path[0] == '\0') {
        return "@" + std::string{copy.sun_path + 1, most - 1};
    }
    return {copy.sun_path, ::strnlen(copy.sun_path, most)};
}

namespace {

// The room that descriptors take beside a message.
constexpr std::size_t room_for_descriptors = CMSG_SPACE(
    sizeof(int) * unix_stream::most_descriptors);
struct alignas(cmsghdr) side_data {
    std::array<char, room_for_descriptors> bytes;
};

void put_beside(msghdr& message, side_data& side, std::span<int const> descriptors) noexcept {
    std::size_t const size = descriptors.size_bytes();
    side.bytes.fill(0);
    message.msg_control = side.bytes.data();
    message.msg_controllen = CMSG_SPACE(size);
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(head), descriptors.data(), size);
}

// Sends a part of some data with descriptors beside it. Returns how much.
std::size_t send_beside(
    stream_core& core, iovec& part, std::span<int const> descriptors, call_limit& limit,
    error_code& error) {
    side_data side;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
        put_beside(message, side, descriptors);
    }
    auto const send = [&](int descriptor) {
        return kernel().sendmsg(descriptor, &message, MSG_NOSIGNAL);
    };
    return send_when_there_is_room(core, send, limit, error);
}

// Appends what came beside a message. Requires: room for it.
void take_from_beside(msghdr& message, std::vector<int>& into) noexcept {
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
         head = CMSG_NXTHDR(&message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        std::size_t const count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t number = 0; number < count; ++number) {
            int descriptor = -1;
            std::memcpy(&descriptor, CMSG_DATA(head) + number * sizeof(int), sizeof descriptor);
            into.push_back(descriptor);
        }
    }
}

// Waits until there is something to read, or it is time to look. Returns false when the call is
// over; `error` says why.
bool wait_for_message(stream_core& core, call_limit& limit, error_code& error) {
    stream_operation ready{*core.socket, "descriptors from a stream"};
    run_operation(ready, limit.moment(), [&] {
        core.socket->async_wait(plain_socket::wait_read, ready.completion());
    });
    return must_retry(core, ready, error) || !error.failed();
}

// Receives into a message. Returns how much, or zero with an error.
std::size_t receive_message(
    stream_core& core, msghdr& message, call_limit& limit, error_code& error) {
    std::size_t const room = message.msg_controllen;
    while (core.stage != stream_stage::closed) {
        message.msg_controllen = room;
        ssize_t const got = kernel().recvmsg(
            core.socket->native_handle(), &message, MSG_CMSG_CLOEXEC);
        if (got > 0) {
            return static_cast<std::size_t>(got);
        }
        if (got == 0) {
            error = boost::asio::error::eof;
            return end_at_once();
        }
        if (errno == EINTR) {
            continue;
        }
        if (!would_block(errno)) {
            error = last_system_error();
            return end_at_once();
        }
        if (!wait_for_message(core, limit, error)) {
            return 0;
        }
    }
    error = io_error(errc::closed);
    return 0;
}

}  // namespace
}  // namespace detail

using detail::call_limit;
using detail::core_user;
using detail::direction_use;
using detail::stream_core;

passed_descriptors::passed_descriptors(passed_descriptors&& other) noexcept
    : all_{std::move(other.all_)},
      taken_{std::exchange(other.taken_, 0)} {
    other.all_.clear();
}

passed_descriptors& passed_descriptors::operator=(passed_descriptors&& other) noexcept {
    passed_descriptors old{std::move(*this)};
    all_ = std::move(other.all_);
    taken_ = std::exchange(other.taken_, 0);
    other.all_.clear();
    return *this;
}

passed_descriptors::~passed_descriptors() {
    while (size() > 0) {
        kernel().close(take());
    }
}

unix_stream unix_stream::connect(std::string_view name) {
    return connect_until(name, deadline::never());
}

unix_stream unix_stream::connect(std::string_view name, error_code& error) {
    return connect_until(name, error, deadline::never());
}

unix_stream unix_stream::connect_until(std::string_view name, deadline limit) {
    error_code error;
    unix_stream connected = connect_until(name, error, limit);
    if (error.failed()) {
        throw system_error{error, "cannot connect to " + std::string{name}};
    }
    return connected;
}

unix_stream unix_stream::connect_until(std::string_view name, error_code& error, deadline limit) {
    check_interruption();
    auto const address = detail::unix_address(name, error);
    if (error.failed()) {
        detail::end_at_once();
        return {};
    }
    unix_stream made{*new stream_core{this_hub()}};
    detail::connect_core(*made.core(), address, limit, error);
    return error.failed() ? unix_stream{} : std::move(made);
}

std::pair<unix_stream, unix_stream> unix_stream::pair() {
    int ends[2] = {-1, -1};
    if (kernel().socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
        throw system_error{detail::last_system_error(), "cannot make a pair of streams"};
    }
    scope_exit close_second{[&] { kernel().close(ends[1]); }};
    unix_stream first = adopt(ends[0]);
    close_second.dismiss();
    return {std::move(first), adopt(ends[1])};
}

unix_stream unix_stream::adopt(int descriptor) {
    error_code error;
    unix_stream adopted = adopt(descriptor, error);
    detail::throw_if(error, "cannot adopt a descriptor as a Unix stream");
    return adopted;
}

unix_stream unix_stream::adopt(int descriptor, error_code& error) {
    unix_stream adopted;
    adopted.take_over(descriptor, error);
    return adopted;
}

std::size_t unix_stream::send_descriptors(
    boost::asio::const_buffer data, std::span<int const> descriptors, error_code& error) {
    check_interruption();
    TENDRIL_REQUIRE(
        data.size() > 0,
        "descriptors travel with data: send at least one byte, and let the receiver expect it");
    TENDRIL_REQUIRE(
        descriptors.size() <= most_descriptors,
        "too many descriptors for one message: pass at most 253 with each");
    error = detail::refusal_to_write(core());
    if (error.failed()) {
        return detail::end_at_once();
    }
    stream_core& core = *this->core();
    core_user<stream_core> const alive{core};
    direction_use const writer{core.writing};
    call_limit limit{nullptr, core.write_limit};
    std::uint64_t sent = 0;
    detail::half_way_guard const judge{core, sent, error};
    iovec part{const_cast<void*>(data.data()), data.size()};
    sent = detail::send_beside(core, part, descriptors, limit, error);
    if (!error.failed() && sent < data.size()) {
        boost::asio::const_buffer const rest = data + sent;
        part = {const_cast<void*>(rest.data()), rest.size()};
        detail::write_parts_to_end(core, {&part, 1}, limit, sent, error);
    }
    return sent;
}

std::size_t unix_stream::send_descriptors(
    boost::asio::const_buffer data, std::span<int const> descriptors) {
    error_code error;
    std::size_t const sent = send_descriptors(data, descriptors, error);
    detail::throw_if(error, "send_descriptors");
    return sent;
}

received_descriptors unix_stream::receive_descriptors(
    boost::asio::mutable_buffer data, error_code& error) {
    check_interruption();
    TENDRIL_REQUIRE(
        data.size() > 0, "descriptors travel with data: give room for at least one byte");
    error = detail::refusal(core(), &stream_core::reading);
    if (error.failed()) {
        detail::end_at_once();
        return {};
    }
    stream_core& core = *this->core();
    core_user<stream_core> const alive{core};
    direction_use const reader{core.reading};
    call_limit limit{nullptr, core.read_limit};
    received_descriptors received;
    received.descriptors.all_.reserve(most_descriptors);
    detail::side_data side;
    iovec part{data.data(), data.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = side.bytes.data();
    message.msg_controllen = side.bytes.size();
    received.size = detail::receive_message(core, message, limit, error);
    if (received.size > 0) {
        detail::take_from_beside(message, received.descriptors.all_);
        received.cut_short = (message.msg_flags & MSG_CTRUNC) != 0;
        detail::account_for_success(core.home, detail::io_steps_for(received.size));
    }
    return received;
}

received_descriptors unix_stream::receive_descriptors(boost::asio::mutable_buffer data) {
    error_code error;
    received_descriptors received = receive_descriptors(data, error);
    detail::throw_if(error, "receive_descriptors");
    return received;
}

peer_credentials unix_stream::credentials_of_peer() const {
    error_code error = io_error(errc::closed);
    ucred found{};
    if (is_open()) {
        socklen_t size = sizeof found;
        bool const done = kernel().getsockopt(
                              native_handle(), SOL_SOCKET, SO_PEERCRED, &found, &size) == 0;
        error = done ? error_code{} : detail::last_system_error();
    }
    detail::throw_if(error, "credentials_of_peer");
    return {.process = found.pid, .user = found.uid, .group = found.gid};
}

std::string unix_stream::local_name() const {
    error_code error = io_error(errc::closed);
    detail::stream_protocol::endpoint address;
    if (is_open()) {
        address = core()->socket->local_endpoint(error);
    }
    detail::throw_if(error, "local_name");
    return detail::unix_name(address);
}

std::string unix_stream::remote_name() const {
    error_code error = io_error(errc::closed);
    detail::stream_protocol::endpoint address;
    if (is_open()) {
        address = core()->socket->remote_endpoint(error);
    }
    detail::throw_if(error, "remote_name");
    return detail::unix_name(address);
}

void teardown(boost::beast::role_type, unix_stream& stream, error_code& error) {
    detail::tear_down(stream, error);
}

}  // namespace tendril
