// SPDX-License-Identifier: BSL-1.0
#pragma once

// The part of a datagram socket that does not depend on the kind of its addresses.
//
//     socket.set_option(boost::asio::socket_base::receive_buffer_size{1 << 20});
//     if (socket.is_connected()) …
//     socket.close();
//
// It is compiled once; the templates of datagram_socket.hpp turn endpoints and buffers into what
// the system's calls take. Nothing else uses it.

#include <tendril/hub/deadline.hpp>
#include <tendril/io/abi_lock.hpp>
#include <tendril/io/error.hpp>
#include <tendril/support/assert.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/datagram_protocol.hpp>

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace tendril::detail {

class datagram_core;

/// The buffers that one datagram is made of, as the kernel wants them.
class datagram_parts {
public:
    template <typename Buffers>
    explicit datagram_parts(Buffers const& buffers) {
        auto const end = boost::asio::buffer_sequence_end(buffers);
        for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end; ++at) {
            TENDRIL_REQUIRE(
                count_ < parts_.size(), "one datagram has at most 16 buffers: join some of them");
            add(*at);
        }
    }
    iovec* data() noexcept { return parts_.data(); }
    std::size_t count() const noexcept { return count_; }

private:
    void add(boost::asio::mutable_buffer const& part) noexcept {
        parts_[count_++] = iovec{part.data(), part.size()};
    }
    // The kernel does not write through this pointer; `iovec` serves both directions.
    void add(boost::asio::const_buffer const& part) noexcept {
        parts_[count_++] = iovec{const_cast<void*>(part.data()), part.size()};
    }

    std::array<iovec, 16> parts_;
    std::size_t count_ = 0;
};

/// A name of any kind, or none, in a call of the system: where one goes, and one that is given.
struct datagram_address {
    sockaddr* data = nullptr;
    socklen_t size = 0;
};
struct const_datagram_address {
    sockaddr const* data = nullptr;
    socklen_t size = 0;
};

/// The datagrams of one system call.
struct datagram_batch {
    static constexpr std::size_t most = 32;
    std::array<mmsghdr, most> messages;
    std::array<iovec, most> parts;

    /// Describes one datagram that is received, and one that is sent.
    void set(
        std::size_t at, boost::asio::mutable_buffer const& room,
        datagram_address const& sender) noexcept {
        parts[at] = iovec{room.data(), room.size()};
        messages[at] = {};
        messages[at].msg_hdr.msg_iov = &parts[at];
        messages[at].msg_hdr.msg_iovlen = 1;
        messages[at].msg_hdr.msg_name = sender.data;
        messages[at].msg_hdr.msg_namelen = sender.size;
    }
    // The kernel does not write through these pointers.
    void set(
        std::size_t at, boost::asio::const_buffer const& data,
        const_datagram_address const& receiver) noexcept {
        set(at, boost::asio::mutable_buffer{const_cast<void*>(data.data()), data.size()},
            datagram_address{const_cast<sockaddr*>(receiver.data), receiver.size});
    }
};

/// Calls `receive` or the like with an error, and throws that.
template <typename F>
std::size_t or_throw(char const* what, F&& call) {
    error_code error;
    std::size_t const result = call(error);
    throw_if(error, what);
    return result;
}

/// The part that does not depend on the kind of address.
class datagram_handle {
public:
    datagram_handle() noexcept = default;
    datagram_handle(datagram_handle&& other) noexcept
        : core_{std::exchange(other.core_, nullptr)} {}
    datagram_handle& operator=(datagram_handle&& other) noexcept;
    ~datagram_handle();

    /// Closes it and wakes whoever receives or sends with `errc::closed`. A second call does
    /// nothing. Throws: wrong_thread. Switches: never. Thread: hub.
    void close();

    /// As `close`, but gives the descriptor to the caller, who closes it: for another thread or
    /// another library. Throws: system_error when it is closed; wrong_thread.
    /// Switches: never. Thread: hub.
    int release();

    /// Says whether it can be used. Switches: never.
    bool is_open() const noexcept;

    /// Says whether it has a peer, which alone it sends to and receives from. Switches: never.
    bool is_connected() const noexcept;

    /// The descriptor, or -1. It stays the socket's. Switches: never.
    int native_handle() const noexcept;

    /// Sets one of Asio's socket options, as `socket_base::broadcast`, `receive_buffer_size` or
    /// `ip::multicast::hops`. Throws: wrong_thread. Switches: never.
    template <typename Option>
    void set_option(Option const& option, error_code& error) {
        auto const protocol = this->protocol();
        set_option(
            option.level(protocol), option.name(protocol), option.data(protocol),
            option.size(protocol), error);
    }
    template <typename Option>
    void set_option(Option const& option) {
        error_code error;
        set_option(option, error);
        throw_if(error, "set_option");
    }

    /// Reads one of those options. Throws: wrong_thread. Switches: never.
    template <typename Option>
    void get_option(Option& option, error_code& error) const {
        auto const protocol = this->protocol();
        std::size_t size = option.size(protocol);
        get_option(
            option.level(protocol), option.name(protocol), option.data(protocol), size, error);
        if (!error.failed()) {
            option.resize(protocol, size);
        }
    }
    template <typename Option>
    void get_option(Option& option) const {
        error_code error;
        get_option(option, error);
        throw_if(error, "get_option");
    }

protected:
    using address = datagram_address;
    using const_address = const_datagram_address;

    // These return the error. `open` and `adopt_descriptor` take the place of what there was; on
    // failure the latter closes the descriptor.
    error_code open(int family);
    error_code adopt_descriptor(int descriptor);
    error_code bind_to(const_address local);
    error_code connect_to(const_address peer);
    void local_address(address& filled, error_code& error) const;
    void remote_address(address& filled, error_code& error) const;
    template <typename Value>
    void set_value(int level, int name, Value const& value, error_code& error) {
        set_option(level, name, &value, sizeof value, error);
    }
    int family() const noexcept;

    std::size_t receive_one(
        datagram_parts& parts, address& sender, deadline limit, error_code& error);
    std::size_t send_one(
        datagram_parts& parts, const_address receiver, deadline limit, error_code& error);
    std::size_t receive_many(
        datagram_batch& batch, std::size_t count, deadline limit, error_code& error);
    std::size_t send_many(
        datagram_batch& batch, std::size_t count, deadline limit, error_code& error);

    template <typename Endpoint>
    static const_address address_of(Endpoint const& endpoint) noexcept {
        return {endpoint.data(), static_cast<socklen_t>(endpoint.size())};
    }
    template <typename Endpoint>
    static address room_of(Endpoint& endpoint) noexcept {
        return {endpoint.data(), static_cast<socklen_t>(endpoint.capacity())};
    }
    // The kernel says how long a name would be, and a name of a path may be longer than its room.
    template <typename Endpoint>
    static void resize(Endpoint& endpoint, std::size_t size) {
        endpoint.resize(std::min(size, endpoint.capacity()));
    }

private:
    error_code take(int descriptor, int family, bool connected);
    void set_option(int level, int name, void const* value, std::size_t size, error_code& error);
    boost::asio::generic::datagram_protocol protocol() const noexcept { return {family(), 0}; }
    void get_option(int level, int name, void* value, std::size_t& size, error_code& error) const;

    datagram_core* core_ = nullptr;
};

}  // namespace tendril::detail
