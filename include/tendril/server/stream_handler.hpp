// SPDX-License-Identifier: BSL-1.0
#pragma once

// What a server calls for each connection: a function of a stream, of whichever kind it takes.
//
//     void serve(tendril::tcp_stream& stream);         // "host:port"
//     void serve(tendril::unix_stream& stream);        // "unix:/path"
//     void serve(tendril::stream_socket& stream);      // both
//     void serve(tendril::any_stream& stream);         // both, and TLS (tls_server.hpp)
//
// Which addresses a server may have follows from what its handler takes; the wrong kind is refused
// when the server is made. A handler that takes several kinds gets the stream as it is. A template
// (`auto&`) is looked at as a handler of TCP streams first, and then of Unix streams.
//
// A handler of sockets costs one call by pointer; one of `any_stream&` an allocation more for each
// connection, and the virtual calls of that stream.

#include <tendril/io/any_stream.hpp>
#include <tendril/net/tcp_stream.hpp>
#include <tendril/net/unix_socket.hpp>
#include <tendril/support/unique_function.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <variant>

namespace tendril {

/// The kinds of sockets that a server listens at.
enum class stream_kind : std::uint8_t { tcp, unix_socket };

namespace detail {

/// A stream that a server owns, as it was accepted or as its handler wants it.
using served_stream = std::variant<tcp_stream, unix_stream, any_stream>;

/// Makes an `any_stream` of it, if it is none, in its place. Throws: std::bad_alloc.
/// Switches: never.
any_stream& as_any_stream(served_stream& stream);

template <typename F>
concept takes_sockets = std::invocable<F&, tcp_stream&> || std::invocable<F&, unix_stream&>;
template <typename F>
concept takes_streams = takes_sockets<F> || std::invocable<F&, any_stream&> ||
    std::invocable<F&, served_stream&>;

}  // namespace detail

class stream_handler {
public:
    /// Takes over a function of a stream. Throws: std::bad_alloc. Switches: never. Thread: any.
    template <typename F>
    requires(
        !std::same_as<std::remove_cvref_t<F>, stream_handler> &&
        detail::takes_streams<std::decay_t<F>>) stream_handler(F&& function)
        : call_{adapted<std::decay_t<F>>(std::forward<F>(function))},
          takes_tcp_{takes_kind<std::decay_t<F>, tcp_stream>()},
          takes_unix_{takes_kind<std::decay_t<F>, unix_stream>()} {}

    /// Says whether it can be called with streams of this kind. Switches: never.
    bool takes(stream_kind kind) const noexcept {
        return kind == stream_kind::tcp ? takes_tcp_ : takes_unix_;
    }

    /// Calls it. Requires: it takes streams of that kind. Throws: what the function throws;
    /// std::bad_alloc. Switches: may, if the function does.
    void operator()(detail::served_stream& stream) { call_(stream); }

private:
    template <typename F, typename Stream>
    static constexpr bool takes_kind() {
        if constexpr (detail::takes_sockets<F>) {
            return std::invocable<F&, Stream&>;
        } else {
            return true;
        }
    }

    template <typename F>
    static auto adapted(F function) {
        return [function = std::move(function)](detail::served_stream& stream) mutable {
            if constexpr (!detail::takes_sockets<F> && std::invocable<F&, any_stream&>) {
                function(detail::as_any_stream(stream));
            } else if constexpr (!detail::takes_sockets<F>) {
                function(stream);
            } else {
                call_with_socket(function, stream);
            }
        };
    }

    template <typename F>
    static void call_with_socket(F& function, detail::served_stream& stream) {
        if constexpr (takes_kind<F, tcp_stream>()) {
            if (auto* const tcp = std::get_if<tcp_stream>(&stream)) {
                function(*tcp);
                return;
            }
        }
        if constexpr (takes_kind<F, unix_stream>()) {
            function(*std::get_if<unix_stream>(&stream));
        }
    }

    unique_function<void(detail::served_stream&)> call_;
    bool takes_tcp_;
    bool takes_unix_;
};

}  // namespace tendril
