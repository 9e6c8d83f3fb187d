// SPDX-License-Identifier: BSL-1.0
#pragma once

// What UDP sockets and Unix datagram sockets have in common: receiving, sending, and their limits.
//
//     std::array<char, 1500> data;
//     tendril::udp_endpoint sender;
//     std::size_t const size = socket.receive_from(boost::asio::buffer(data), sender);
//     socket.send_to(boost::asio::buffer(data, size), sender);
//
// A datagram arrives whole or not at all, and one of no bytes is a datagram like any other: there
// is no end of file. One greenlet may receive while another one sends. Every call has a form that
// throws `system_error` and one with an `error_code&`, and may have a limit, which comes last.
//
//     condition                                         error
//     the datagram was larger than the buffers          asio::error::message_size
//     the datagram is too large to be sent              asio::error::message_size
//     the peer of a connected socket has no socket      asio::error::connection_refused
//     closed by this program, now or before             errc::closed
//     another greenlet receives (or sends)              errc::busy
//     the limit of the call has come                    errc::timed_out
//     anything else                                     the system's
//
// None of them but the third last is the end: the next call starts afresh. A refusal belongs to a
// datagram that was sent before, and whichever call comes next reports it, once.
//
// A greenlet that is interrupted takes nothing along: a datagram that arrives in the same moment
// stays for the next call, or this one returns it and the next one is interrupted.
//
// Read next: udp_socket.hpp, unix_datagram.hpp.

#include <tendril/hub/deadline.hpp>
#include <tendril/io/abi_lock.hpp>
#include <tendril/io/error.hpp>
#include <tendril/net/datagram_handle.hpp>

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <span>

namespace tendril {

/// A place for a datagram that is received in a batch.
template <typename Endpoint>
struct datagram_place {
    /// Where it goes; given by the caller, like a buffer of `receive_from`.
    boost::asio::mutable_buffer room;
    /// Who has sent it.
    Endpoint sender{};
    /// How many bytes of it are in the room.
    std::size_t size = 0;
    /// Whether it was larger than the room: the rest is lost.
    bool truncated = false;

    /// What was received. Switches: never.
    boost::asio::mutable_buffer data() const noexcept { return boost::asio::buffer(room, size); }
};

/// A datagram that is sent in a batch.
template <typename Endpoint>
struct outgoing_datagram {
    boost::asio::const_buffer data;
    /// Where it goes; a connected socket sends to its peer and does not look here.
    Endpoint receiver{};
};

/// A socket for datagrams between addresses of one kind.
template <typename Endpoint>
class datagram_socket : public detail::datagram_handle {
public:
    using endpoint_type = Endpoint;

    /// At most so many datagrams go with one system call.
    static constexpr std::size_t most_in_batch = detail::datagram_batch::most;

    /// Waits for a datagram, and learns who has sent it. Returns its size, or as much of it as the
    /// buffers have room for. Switches: may.
    template <typename MutableBuffers>
    std::size_t receive_from(MutableBuffers const& buffers, Endpoint& sender, error_code& error) {
        return receive_from_until(buffers, sender, error, deadline::never());
    }
    template <typename MutableBuffers>
    std::size_t receive_from(MutableBuffers const& buffers, Endpoint& sender) {
        return receive_from_until(buffers, sender, deadline::never());
    }
    template <typename MutableBuffers>
    std::size_t receive_from_until(
        MutableBuffers const& buffers, Endpoint& sender, error_code& error, deadline limit) {
        detail::datagram_parts parts{buffers};
        address name = room_of(sender);
        std::size_t const size = receive_one(parts, name, limit, error);
        resize(sender, name.size);
        return size;
    }
    template <typename MutableBuffers>
    std::size_t receive_from_until(
        MutableBuffers const& buffers, Endpoint& sender, deadline limit) {
        return detail::or_throw("receive_from", [&](error_code& error) {
            return receive_from_until(buffers, sender, error, limit);
        });
    }
    template <typename MutableBuffers, typename Rep, typename Period>
    std::size_t receive_from_for(
        MutableBuffers const& buffers, Endpoint& sender, error_code& error,
        std::chrono::duration<Rep, Period> const& duration) {
        return receive_from_until(buffers, sender, error, deadline::after(duration));
    }
    template <typename MutableBuffers, typename Rep, typename Period>
    std::size_t receive_from_for(
        MutableBuffers const& buffers, Endpoint& sender,
        std::chrono::duration<Rep, Period> const& duration) {
        return receive_from_until(buffers, sender, deadline::after(duration));
    }

    /// As above, for who knows the sender or does not ask. Switches: may.
    template <typename MutableBuffers>
    std::size_t receive(MutableBuffers const& buffers, error_code& error) {
        return receive_until(buffers, error, deadline::never());
    }
    template <typename MutableBuffers>
    std::size_t receive(MutableBuffers const& buffers) {
        return receive_until(buffers, deadline::never());
    }
    template <typename MutableBuffers>
    std::size_t receive_until(MutableBuffers const& buffers, error_code& error, deadline limit) {
        detail::datagram_parts parts{buffers};
        address nobody;
        return receive_one(parts, nobody, limit, error);
    }
    template <typename MutableBuffers>
    std::size_t receive_until(MutableBuffers const& buffers, deadline limit) {
        return detail::or_throw(
            "receive", [&](error_code& error) { return receive_until(buffers, error, limit); });
    }
    template <typename MutableBuffers, typename Rep, typename Period>
    std::size_t receive_for(
        MutableBuffers const& buffers, error_code& error,
        std::chrono::duration<Rep, Period> const& duration) {
        return receive_until(buffers, error, deadline::after(duration));
    }
    template <typename MutableBuffers, typename Rep, typename Period>
    std::size_t receive_for(
        MutableBuffers const& buffers, std::chrono::duration<Rep, Period> const& duration) {
        return receive_until(buffers, deadline::after(duration));
    }

    /// Sends one datagram, made of all of the buffers, waiting while there is no room for it.
    /// Returns its size. Switches: may.
    template <typename ConstBuffers>
    std::size_t send_to(ConstBuffers const& buffers, Endpoint const& receiver, error_code& error) {
        return send_to_until(buffers, receiver, error, deadline::never());
    }
    template <typename ConstBuffers>
    std::size_t send_to(ConstBuffers const& buffers, Endpoint const& receiver) {
        return send_to_until(buffers, receiver, deadline::never());
    }
    template <typename ConstBuffers>
    std::size_t send_to_until(
        ConstBuffers const& buffers, Endpoint const& receiver, error_code& error, deadline limit) {
        detail::datagram_parts parts{buffers};
        return send_one(parts, address_of(receiver), limit, error);
    }
    template <typename ConstBuffers>
    std::size_t send_to_until(
        ConstBuffers const& buffers, Endpoint const& receiver, deadline limit) {
        return detail::or_throw("send_to", [&](error_code& error) {
            return send_to_until(buffers, receiver, error, limit);
        });
    }
    template <typename ConstBuffers, typename Rep, typename Period>
    std::size_t send_to_for(
        ConstBuffers const& buffers, Endpoint const& receiver, error_code& error,
        std::chrono::duration<Rep, Period> const& duration) {
        return send_to_until(buffers, receiver, error, deadline::after(duration));
    }
    template <typename ConstBuffers, typename Rep, typename Period>
    std::size_t send_to_for(
        ConstBuffers const& buffers, Endpoint const& receiver,
        std::chrono::duration<Rep, Period> const& duration) {
        return send_to_until(buffers, receiver, deadline::after(duration));
    }

    /// As above, to the peer of a connected socket. Switches: may.
    template <typename ConstBuffers>
    std::size_t send(ConstBuffers const& buffers, error_code& error) {
        return send_until(buffers, error, deadline::never());
    }
    template <typename ConstBuffers>
    std::size_t send(ConstBuffers const& buffers) {
        return send_until(buffers, deadline::never());
    }
    template <typename ConstBuffers>
    std::size_t send_until(ConstBuffers const& buffers, error_code& error, deadline limit) {
        detail::datagram_parts parts{buffers};
        return send_one(parts, {}, limit, error);
    }
    template <typename ConstBuffers>
    std::size_t send_until(ConstBuffers const& buffers, deadline limit) {
        return detail::or_throw(
            "send", [&](error_code& error) { return send_until(buffers, error, limit); });
    }
    template <typename ConstBuffers, typename Rep, typename Period>
    std::size_t send_for(
        ConstBuffers const& buffers, error_code& error,
        std::chrono::duration<Rep, Period> const& duration) {
        return send_until(buffers, error, deadline::after(duration));
    }
    template <typename ConstBuffers, typename Rep, typename Period>
    std::size_t send_for(
        ConstBuffers const& buffers, std::chrono::duration<Rep, Period> const& duration) {
        return send_until(buffers, deadline::after(duration));
    }

    /// Waits until there is a datagram, and takes as many as there are, and places for them, with
    /// one system call. Returns how many; truncation is said in each place and is no error.
    /// Switches: may.
    std::size_t receive_batch(std::span<datagram_place<Endpoint>> places, error_code& error) {
        return receive_batch_until(places, error, deadline::never());
    }
    std::size_t receive_batch(std::span<datagram_place<Endpoint>> places) {
        return receive_batch_until(places, deadline::never());
    }
    std::size_t receive_batch_until(
        std::span<datagram_place<Endpoint>> places, error_code& error, deadline limit) {
        detail::datagram_batch batch;
        std::size_t const count = std::min(places.size(), most_in_batch);
        for (std::size_t at = 0; at < count; ++at) {
            batch.set(at, places[at].room, room_of(places[at].sender));
        }
        std::size_t const received = receive_many(batch, count, limit, error);
        for (std::size_t at = 0; at < received; ++at) {
            places[at].size = batch.messages[at].msg_len;
            places[at].truncated = (batch.messages[at].msg_hdr.msg_flags & MSG_TRUNC) != 0;
            resize(places[at].sender, batch.messages[at].msg_hdr.msg_namelen);
        }
        return received;
    }
    std::size_t receive_batch_until(std::span<datagram_place<Endpoint>> places, deadline limit) {
        return detail::or_throw("receive_batch", [&](error_code& error) {
            return receive_batch_until(places, error, limit);
        });
    }
    template <typename Rep, typename Period>
    std::size_t receive_batch_for(
        std::span<datagram_place<Endpoint>> places, error_code& error,
        std::chrono::duration<Rep, Period> const& duration) {
        return receive_batch_until(places, error, deadline::after(duration));
    }
    template <typename Rep, typename Period>
    std::size_t receive_batch_for(
        std::span<datagram_place<Endpoint>> places,
        std::chrono::duration<Rep, Period> const& duration) {
        return receive_batch_until(places, deadline::after(duration));
    }

    /// Sends the first of these datagrams, and as many more as one system call takes, waiting only
    /// while there is no room for the first. Returns how many; the rest is for another call. An
    /// error is about the first. Switches: may.
    std::size_t send_batch(
        std::span<outgoing_datagram<Endpoint> const> datagrams, error_code& error) {
        return send_batch_until(datagrams, error, deadline::never());
    }
    std::size_t send_batch(std::span<outgoing_datagram<Endpoint> const> datagrams) {
        return send_batch_until(datagrams, deadline::never());
    }
    std::size_t send_batch_until(
        std::span<outgoing_datagram<Endpoint> const> datagrams, error_code& error, deadline limit) {
        detail::datagram_batch batch;
        std::size_t const count = std::min(datagrams.size(), most_in_batch);
        for (std::size_t at = 0; at < count; ++at) {
            batch.set(at, datagrams[at].data, receiver_of(datagrams[at]));
        }
        return send_many(batch, count, limit, error);
    }
    std::size_t send_batch_until(
        std::span<outgoing_datagram<Endpoint> const> datagrams, deadline limit) {
        return detail::or_throw("send_batch", [&](error_code& error) {
            return send_batch_until(datagrams, error, limit);
        });
    }
    template <typename Rep, typename Period>
    std::size_t send_batch_for(
        std::span<outgoing_datagram<Endpoint> const> datagrams, error_code& error,
        std::chrono::duration<Rep, Period> const& duration) {
        return send_batch_until(datagrams, error, deadline::after(duration));
    }
    template <typename Rep, typename Period>
    std::size_t send_batch_for(
        std::span<outgoing_datagram<Endpoint> const> datagrams,
        std::chrono::duration<Rep, Period> const& duration) {
        return send_batch_until(datagrams, deadline::after(duration));
    }

    /// Makes `peer` the only one that it sends to and receives from. What has come before stays.
    /// Throws: system_error. Switches: never.
    void connect_to(Endpoint const& peer, error_code& error) {
        error = detail::datagram_handle::connect_to(address_of(peer));
    }
    void connect_to(Endpoint const& peer) {
        error_code error;
        connect_to(peer, error);
        detail::throw_if(error, "connect_to");
    }

    /// Its own address, and that of its peer. Throws: system_error. Switches: never.
    Endpoint local_endpoint() const { return endpoint_by(&datagram_socket::local_address); }
    Endpoint remote_endpoint() const { return endpoint_by(&datagram_socket::remote_address); }

private:
    const_address receiver_of(outgoing_datagram<Endpoint> const& datagram) const noexcept {
        return is_connected() ? const_address{} : address_of(datagram.receiver);
    }
    Endpoint endpoint_by(void (detail::datagram_handle::*ask)(address&, error_code&) const) const {
        Endpoint endpoint;
        address name = room_of(endpoint);
        error_code error;
        (this->*ask)(name, error);
        detail::throw_if(error, "an address of a socket");
        resize(endpoint, name.size);
        return endpoint;
    }
};

}  // namespace tendril
