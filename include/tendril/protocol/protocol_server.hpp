// SPDX-License-Identifier: BSL-1.0
#pragma once

// A server for protocols: a protocol of its own for each connection.
//
//     auto server = tendril::serve_protocol(
//         "127.0.0.1:7000", [] { return std::make_unique<echo>(); });
//     …
//     server.stop();                  // listens no more
//     server.close_clients();         // each after what it has still to write
//     server.wait();                  // until all are over
//
// Accepting and ending are two things. `stop` ends the listening only; connections go on, and may
// do so for ever, so `wait` alone may wait for ever. `close_clients` and `abort_clients` end those
// that are open.
//
// The protocol is made by the greenlet of its connection. A factory that throws ends this one
// connection, and is reported. When accepting fails (no descriptors, no memory) the server reports
// it once, waits, at first 10 ms and then twice as long up to a second, and goes on.
//
// Read next: lib/protocol/protocol_server.cpp; docs/protocols.md.

#include <tendril/hub/deadline.hpp>
#include <tendril/io/abi_lock.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/io/error.hpp>
#include <tendril/net/endpoint.hpp>
#include <tendril/protocol/protocol.hpp>
#include <tendril/protocol/transport.hpp>
#include <tendril/support/error.hpp>
#include <tendril/support/unique_function.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace tendril {

/// Makes the protocol of a connection.
using protocol_factory = unique_function<std::shared_ptr<protocol>()>;

namespace detail {

class protocol_server_state;

/// Where the connections of a server come from.
class stream_source {
public:
    stream_source() = default;
    stream_source(stream_source const&) = delete;
    stream_source& operator=(stream_source const&) = delete;
    virtual ~stream_source() = default;

    virtual any_stream accept(error_code& error) = 0;
    virtual void close() = 0;
    virtual tcp_endpoint local_endpoint() const = 0;
};

template <typename Listener>
class source_of final : public stream_source {
public:
    explicit source_of(Listener&& listener) : listener_{std::move(listener)} {}

private:
    any_stream accept(error_code& error) override {
        auto accepted = listener_.accept(error);
        return error.failed() ? any_stream{} : any_stream{std::move(accepted)};
    }
    void close() override { listener_.close(); }
    tcp_endpoint local_endpoint() const override {
        if constexpr (requires {
                          { listener_.local_endpoint() } -> std::same_as<tcp_endpoint>;
                      }) {
            return listener_.local_endpoint();
        } else {
            throw misuse{"the listener of this server has no TCP address"};
        }
    }

    Listener listener_;
};

}  // namespace detail

/// What streams can be accepted from: `accept` and `close`, as those of `tcp_listener`.
template <typename T>
concept stream_listener = std::move_constructible<T> && requires(T& listener, error_code& error) {
    { listener.accept(error) } -> byte_stream;
    listener.close();
};

class protocol_server {
public:
    /// Makes a handle to no server: only assignment is allowed.
    protocol_server() noexcept = default;
    protocol_server(protocol_server&&) noexcept = default;
    /// Ends the server that it was a handle to, as the destructor does. Switches: may.
    protocol_server& operator=(protocol_server&& other) noexcept;

    /// Stops, aborts the connections and waits until they are over. A call of a protocol that waits
    /// has a second to end, is then ended by `greenlet_exit`, and has a second more; one that goes
    /// on is left to itself. Nothing is delivered to its greenlet meanwhile. Must happen on the
    /// hub's thread, or after the hub has gone: elsewhere it ends the program. Switches: may.
    ~protocol_server();

    /// Listens no more. Connections go on. A second call does nothing.
    /// Throws: wrong_thread. Switches: never. Thread: hub.
    void stop();

    /// Closes every connection, each after what it has still to write; or at once.
    /// Throws: wrong_thread. Switches: never. Thread: hub.
    void close_clients();
    void abort_clients();

    /// Waits until it has been stopped and all connections are over.
    /// Throws: wrong_thread; what was requested for the greenlet. Switches: may. Thread: hub.
    void wait() { wait_until(deadline::never()); }
    /// As above, but for a while, or until a moment, at most. Returns whether it has come to that.
    /// Switches: may.
    template <typename Rep, typename Period>
    bool wait_for(std::chrono::duration<Rep, Period> const& duration) {
        return wait_until(deadline::after(duration));
    }
    bool wait_until(deadline limit);

    /// Says whether it listens. Switches: never.
    bool running() const;
    /// How many connections there are. Switches: never.
    std::size_t connections() const;
    /// Where it listens. Throws: system_error when it has stopped; misuse when that is no TCP
    /// address. Switches: never.
    tcp_endpoint local_endpoint() const;

private:
    friend protocol_server start_protocol_server(
        std::unique_ptr<detail::stream_source> source, protocol_factory factory,
        protocol_options const& options);
    explicit protocol_server(std::shared_ptr<detail::protocol_server_state> state) noexcept
        : state_{std::move(state)} {}

    detail::protocol_server_state& state() const;

    std::shared_ptr<detail::protocol_server_state> state_;
};

/// As `serve_protocol`, for a source of any kind.
/// Throws: std::bad_alloc; misuse for options that make no sense. Switches: never. Thread: hub.
protocol_server start_protocol_server(
    std::unique_ptr<detail::stream_source> source, protocol_factory factory,
    protocol_options const& options);

/// Accepts from a listener, and runs a protocol of `factory` on each connection.
/// Throws: as above. Switches: never. Thread: hub.
template <stream_listener Listener>
protocol_server serve_protocol(
    Listener listener, protocol_factory factory, protocol_options const& options = {}) {
    return start_protocol_server(
        std::make_unique<detail::source_of<Listener>>(std::move(listener)), std::move(factory),
        options);
}

/// As above, at an address ("127.0.0.1:7000", ":0"; see endpoint.hpp).
/// Throws: system_error, naming the address; as above. Switches: may, when the host is a name.
protocol_server serve_protocol(
    std::string_view address, protocol_factory factory, protocol_options const& options = {});

}  // namespace tendril
