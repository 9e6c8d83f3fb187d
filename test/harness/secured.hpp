// SPDX-License-Identifier: BSL-1.0
#pragma once

// Words that the tests of TLS share: both ends of a connection that is secured, in memory.

#include <harness/certificates.hpp>
#include <harness/tasks.hpp>
#include <tendril/testing/memory_stream.hpp>
#include <tendril/testing/settle.hpp>
#include <tendril/tls/tls_stream.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace tendril::test {

using testing::memory_stream;
using testing::memory_stream_options;
using testing::settle;

/// Whom the clients of the tests trust.
inline authority const& trusted() {
    static authority const one{"the authority of the tests"};
    return one;
}

/// A certificate for good.test that is trusted, and made once.
inline tls_identity const& good_identity() {
    static tls_identity const one = trusted().issue();
    return one;
}

inline tls_context good_client(tls_client_options options = {}) {
    options.authorities = trusted().pem();
    return tls_context::client(std::move(options));
}

inline tls_context good_server(tls_server_options options = {}) {
    if (options.identity.chain.empty()) {
        options.identity = good_identity();
    }
    return tls_context::server(std::move(options));
}

/// Both ends of one connection.
struct secured_ends {
    tls_stream client;
    tls_stream server;
};

/// Ends that have not shaken hands.
inline secured_ends unshaken_ends(
    tls_context const& client, tls_context const& server, memory_stream_options options = {},
    std::string host = "good.test") {
    auto [near, far] = memory_stream::pair(options);
    return {
        tls_stream::client(std::move(near), client, std::move(host)),
        tls_stream::server(std::move(far), server)};
}

/// Lets both shake hands. Returns what each of them had to say.
inline std::pair<error_code, error_code> shake(secured_ends& ends) {
    std::pair<error_code, error_code> said;
    auto server = spawn([&] { ends.server.handshake(said.second); });
    ends.client.handshake(said.first);
    server.join();
    return said;
}

/// Ends that have.
inline secured_ends shaken_ends(
    tls_context const& client, tls_context const& server, memory_stream_options options = {}) {
    secured_ends ends = unshaken_ends(client, server, options);
    auto const said = shake(ends);
    EXPECT_EQ(said.first, error_code{});
    EXPECT_EQ(said.second, error_code{});
    return ends;
}
inline secured_ends shaken_ends(memory_stream_options options = {}) {
    return shaken_ends(good_client(), good_server(), options);
}

inline error_code say(tls_stream& to, std::string_view text) {
    error_code error;
    to.write(boost::asio::buffer(text), error);
    return error;
}

/// Reads once: the bytes, or the error in words.
inline std::string hear(tls_stream& from) {
    std::array<char, 4096> data;
    error_code error;
    std::size_t const size = from.read_some(boost::asio::buffer(data), error);
    return error.failed() ? "[" + error.message() + "]" : std::string(data.data(), size);
}

/// Reads to the end, and says what that was: "…[End of file]".
inline std::string hear_all(tls_stream& from) {
    std::string text;
    std::array<char, 4096> data;
    error_code error;
    while (!error.failed()) {
        std::size_t const size = from.read_some(boost::asio::buffer(data), error);
        text.append(data.data(), size);
    }
    return text + "[" + error.message() + "]";
}

inline std::string in_brackets(error_code const& error) { return "[" + error.message() + "]"; }
inline std::string eof_said() { return in_brackets(boost::asio::error::eof); }
inline std::string truncated_said() { return in_brackets(tls_errc::truncated); }
inline std::string closed_said() { return in_brackets(io_error(errc::closed)); }

/// Bytes that differ from each other, for long transfers.
inline std::string long_text(std::size_t size, unsigned seed = 1) {
    std::string text(size, '\0');
    unsigned value = seed;
    for (char& each : text) {
        value = value * 1664525U + 1013904223U;
        each = static_cast<char>(value >> 24U);
    }
    return text;
}

/// Reads exactly so much, or less when an error comes first.
inline std::string hear_exactly(tls_stream& from, std::size_t size) {
    std::string text(size, '\0');
    std::size_t filled = 0;
    error_code error;
    while (filled < size && !error.failed()) {
        filled += from.read_some(boost::asio::buffer(text.data() + filled, size - filled), error);
    }
    text.resize(filled);
    return text;
}

}  // namespace tendril::test
