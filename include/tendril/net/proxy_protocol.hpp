// SPDX-License-Identifier: BSL-1.0
#pragma once

// Who has really connected, when a proxy stands between: the PROXY protocol, versions 1 and 2.
//
//     auto stream = listener.accept();
//     tendril::timeout limit{3s};
//     tendril::proxy_header const from = tendril::read_proxy_header(stream);
//     serve(stream, from.source);          // what follows is the client's
//
// The proxy sends a header before the first byte of the client. It is read to its end and not a
// byte further, whatever the stream. Only a listener that the proxy alone can reach may read one:
// anybody else could claim to be anybody. There is no guessing whether a header is there, and
// nothing is forgiven in one: what is not exactly as the specification has it is an error
// (EPROTO), and the connection is worth closing. How long a peer may take is the caller's to say.
//
//     what the header says                kind           addresses
//     v1 TCP4, TCP6; v2 over TCP or UDP   tcp, udp       source, destination
//     v2 over Unix sockets                unix_stream, unix_datagram
//                                                        source_path, destination_path
//     v1 UNKNOWN, v2 unspecified          unknown        none: use those of the connection
//     v2 LOCAL                            local          none: the proxy speaks for itself
//
// Source: "The PROXY protocol, versions 1 & 2", haproxy.org.

#include <tendril/io/error.hpp>
#include <tendril/net/endpoint.hpp>

#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tendril {

/// What a proxy says about a connection.
struct proxy_header {
    enum class kind : std::uint8_t { local, unknown, tcp, udp, unix_stream, unix_datagram };

    kind what = kind::unknown;
    /// Of `tcp` and `udp`: who has connected, and to where.
    tcp_endpoint source{};
    tcp_endpoint destination{};
    /// Of Unix sockets. A path may begin with a zero, for an abstract one; empty for none.
    std::string source_path{};
    std::string destination_path{};
    /// What follows the addresses in version 2, as it came: a sequence of type, length and value.
    std::string extensions{};
};

/// How a header is read.
struct proxy_header_options {
    /// How long it may be: from 107, the longest of version 1, to 65,551.
    std::size_t most_bytes = 4096;
};

/// Writes a header of version 1: one line of text. Throws: misuse when it cannot say that: it knows
/// `tcp` with two addresses of one family, and `unknown`. Switches: never. Thread: any.
std::string proxy_header_v1(proxy_header const& header);

/// Writes a header of version 2. Throws: misuse when the addresses are of two families, a path is
/// longer than 108 bytes, or the extensions do not fit. Switches: never. Thread: any.
std::string proxy_header_v2(proxy_header const& header);

namespace detail {

/// Reads a header piece by piece, each of a size that it asks for.
class proxy_parser {
public:
    /// Throws: misuse for a bound that makes no sense. Switches: never.
    explicit proxy_parser(proxy_header_options options);

    /// How many bytes are certainly still to come; zero when it is complete. Switches: never.
    std::size_t wanted() const noexcept { return wanted_; }

    /// Takes as many bytes as were wanted. Returns whether there may be more, or it is complete;
    /// false means that this is no header. Switches: never.
    bool take(std::string_view bytes);

    /// Requires: complete. Switches: never.
    proxy_header const& header() const noexcept { return header_; }

private:
    bool take_line();
    bool read_line(std::string_view line);
    bool read_binary_start();
    bool read_binary();

    std::size_t const most_bytes_;
    std::string seen_;
    std::size_t wanted_;
    proxy_header header_;
};

error_code no_proxy_header() noexcept;

}  // namespace detail

/// Reads the header from the beginning of a stream. Errors are those of the stream, `eof` when it
/// ends too early, and `protocol_error` of Boost.System when this is no header.
/// Throws: what was requested for the greenlet; misuse for a bound out of range. Switches: may.
template <typename ReadStream>
proxy_header read_proxy_header(
    ReadStream& stream, proxy_header_options options, error_code& error) {
    detail::proxy_parser parser{options};
    error = {};
    char piece[256];
    std::string bytes;
    while (parser.wanted() > 0) {
        bytes.clear();
        while (bytes.size() < parser.wanted()) {
            std::size_t const missing = parser.wanted() - bytes.size();
            std::size_t const size = stream.read_some(
                boost::asio::buffer(piece, missing < sizeof piece ? missing : sizeof piece), error);
            if (error.failed()) {
                return {};
            }
            bytes.append(piece, size);
        }
        if (!parser.take(bytes)) {
            error = detail::no_proxy_header();
            return {};
        }
    }
    return parser.header();
}
template <typename ReadStream>
proxy_header read_proxy_header(ReadStream& stream, proxy_header_options options = {}) {
    error_code error;
    proxy_header header = read_proxy_header(stream, options, error);
    detail::throw_if(error, "the header of a proxy");
    return header;
}

}  // namespace tendril
