// SPDX-License-Identifier: BSL-1.0
#pragma once

// A server for datagrams: one greenlet for each that comes.
//
//     tendril::datagram_server server{
//         "0.0.0.0:7000",
//         [](std::string_view data, tendril::udp_endpoint const& from, auto& reply) {
//             reply.send(boost::asio::buffer(data));
//         }};
//     server.serve_forever();
//
// * So many handlers run at once and no more. While all are busy it receives nothing, and the
//   kernel keeps what its buffer has room for, and drops the rest; that is what datagrams are for.
// * A datagram that is larger than `largest` is dropped and counted: half of one is worth less than
//   none.
// * Replies leave one after the other, whoever sends them.
// * When receiving fails it waits a little and goes on, as a `stream_server` that cannot accept.
//   What a handler throws is reported, with the sender, and ends nothing else.
// * `stop` receives no more, lets the handlers finish and reply for a while, ends those that have
//   not, and closes the socket.
// * In the child of a fork it does not run until `start`, which receives from the socket that the
//   parent has too: each datagram comes to one of them.
//
// A `unix_datagram_server` is the same at "unix:/path" or "unix:@name". It takes the place of a
// socket that nobody has any more, and removes its path at the end, unless somebody else has one
// there by then. Senders without a name cannot be answered.
//
// Read next: net/datagram_socket.hpp; docs/servers.md.

#include <tendril/context/stack_pool.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/io/error.hpp>
#include <tendril/net/udp_socket.hpp>
#include <tendril/net/unix_datagram.hpp>
#include <tendril/support/unique_function.hpp>

#include <boost/asio/buffer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tendril {

/// How a datagram server works.
struct datagram_server_options {
    /// How many handlers may run at once; zero means as many as the process can hold.
    std::size_t max_handlers = 1000;
    /// How many bytes a datagram may have. The largest of UDP has 65,507 over IPv4.
    std::size_t largest = 65'535;
    /// How the socket is made; not for Unix sockets.
    udp_options socket{};
    /// How many bytes of stack a handler gets.
    std::size_t stack_size = stack_pool::default_size;
    /// How long it waits after receiving has failed: the first time, and at most.
    std::chrono::milliseconds first_delay{10};
    std::chrono::milliseconds longest_delay{1000};
    /// Is called by `start`, in its greenlet, before anything is bound. What it throws ends that.
    std::function<void()> before_start{};
    /// Is told whose datagram it was and what the handler has thrown, in its greenlet, instead of
    /// the error handler of the hub. What it throws itself goes there.
    std::function<void(std::string const& from, std::exception_ptr)> on_error{};
};

/// Numbers of a datagram server at one moment, since it was made.
struct datagram_server_statistics {
    /// Handlers that run, and datagrams that were received and handed to one.
    std::size_t handlers = 0;
    std::uint64_t received = 0;
    /// Datagrams that were larger than allowed, and how often receiving has failed.
    std::uint64_t too_large = 0;
    std::uint64_t receive_errors = 0;
    /// How handlers have ended: by themselves, by an error, by a `stop` or another wish.
    std::uint64_t ended = 0;
    std::uint64_t failed = 0;
    std::uint64_t killed = 0;
    /// Datagrams that were sent.
    std::uint64_t sent = 0;
};

namespace detail {
template <typename Socket>
class datagram_service;
template <typename Socket>
struct served_datagram;
}  // namespace detail

/// Where a handler sends its answers. It is the handler's until that returns.
template <typename Socket>
class basic_datagram_reply {
public:
    using endpoint = typename Socket::endpoint_type;

    basic_datagram_reply(basic_datagram_reply const&) = delete;
    basic_datagram_reply& operator=(basic_datagram_reply const&) = delete;

    /// Sends a datagram to whoever has sent the one that is handled; or to somebody else. Waits
    /// while another handler sends, and while there is no room. Throws: system_error, with
    /// `errc::closed` after the end of the server; wrong_thread; what was requested for the
    /// greenlet. Switches: may. Thread: hub.
    void send(boost::asio::const_buffer data);
    void send(boost::asio::const_buffer data, error_code& error);
    void send_to(boost::asio::const_buffer data, endpoint const& receiver);
    void send_to(boost::asio::const_buffer data, endpoint const& receiver, error_code& error);

private:
    friend detail::datagram_service<Socket>;

    explicit basic_datagram_reply(detail::served_datagram<Socket>& to) noexcept : to_{to} {}

    detail::served_datagram<Socket>& to_;
};

template <typename Socket>
class basic_datagram_server {
public:
    using endpoint = typename Socket::endpoint_type;
    using reply = basic_datagram_reply<Socket>;

    /// What is called for each datagram, in a greenlet of its own. The data is the handler's until
    /// it returns.
    using handler = unique_function<void(std::string_view data, endpoint const& from, reply&)>;

    /// Prepares a server. Nothing is bound before `start`. Throws: system_error with
    /// `errc::bad_name` for an address that cannot be read, or is of the other kind; misuse for a
    /// delay as `stream_server`, and when no datagram may have a byte. Switches: never.
    basic_datagram_server(
        std::string_view address, handler on_datagram, datagram_server_options options = {});
    basic_datagram_server(basic_datagram_server const&) = delete;
    basic_datagram_server& operator=(basic_datagram_server const&) = delete;

    /// Stops without grace; in a callback of the hub, where nobody may wait, it begins the end
    /// only. Must happen on the thread of the hub where it has started, or after that has gone:
    /// elsewhere it ends the program. Switches: may.
    ~basic_datagram_server();

    /// Binds the address and receives from now on. Does nothing when it runs.
    /// Throws: system_error, naming the address; misuse while another `start` or a `stop` is under
    /// way; errc::closed when it was stopped meanwhile; what `before_start` throws; wrong_thread
    /// while another thread has the hub where it ran before.
    /// Switches: may, when the host is a name.
    void start();

    /// As above, but receives from a socket that is there. It is closed when that fails, or when
    /// the server runs already. Throws: misuse, as above; std::bad_alloc; what `before_start`
    /// throws. Switches: never.
    void start(Socket bound);

    /// Starts if need be, and waits until somebody calls `stop`. When the wait is interrupted it
    /// stops the server without grace. Throws: as `start`; what was requested for the greenlet.
    /// Switches: may.
    void serve_forever();

    /// Receives no more, waits for the handlers, ends those that run on after `grace`, and closes
    /// the socket. May be called in a handler, which is then not waited for. Those that are ended
    /// get one second more to unwind. Returns whether all ended by themselves.
    /// Throws: misuse when the duration is not a number; wrong_thread; what was requested for the
    /// greenlet, and then the handlers are ended and not waited for. Switches: may.
    template <typename Rep, typename Period>
    bool stop(std::chrono::duration<Rep, Period> const& grace) {
        return stop(deadline::after(grace));
    }
    bool stop() { return stop(std::chrono::seconds{1}); }
    bool stop(deadline limit);

    /// Sends a datagram that answers none. Throws: system_error, `errc::closed` when it does not
    /// run; wrong_thread; what was requested for the greenlet. Switches: may. Thread: hub.
    void send_to(boost::asio::const_buffer data, endpoint const& receiver);

    /// Says whether it receives. Switches: never.
    bool running() const noexcept;

    /// Where it receives: with the real port when 0 was asked for. Throws: misuse when it does not
    /// run. Switches: never.
    endpoint local_endpoint() const;

    /// Returns the numbers of this moment. Switches: never.
    datagram_server_statistics statistics() const noexcept;

private:
    std::shared_ptr<detail::datagram_service<Socket>> state_;
};

/// Over UDP, and between processes of one machine.
using datagram_server = basic_datagram_server<udp_socket>;
using unix_datagram_server = basic_datagram_server<unix_datagram>;

extern template class basic_datagram_reply<udp_socket>;
extern template class basic_datagram_reply<unix_datagram>;
extern template class basic_datagram_server<udp_socket>;
extern template class basic_datagram_server<unix_datagram>;

}  // namespace tendril
