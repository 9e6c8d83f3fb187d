// SPDX-License-Identifier: BSL-1.0
#pragma once

// Why a request of `http_client` has no answer, or not all of it.
//
//     try {
//         answer = client.get(url);
//     } catch (tendril::http_client_error const& error) {
//         if (error.code() == tendril::errc::timed_out) …
//         if (error.phase() == tendril::http_phase::connect) …       // nothing was sent
//     }
//
// The code is one of those below, or that of the layer that has failed: the resolver's, the
// system's (refused, reset), `tls_errc`, or `errc::timed_out` for a limit, `errc::closed` for a
// client that was closed meanwhile. The text names method, URL, phase and reason.

#include <tendril/io/error.hpp>

#include <cstdint>
#include <string>
#include <type_traits>

namespace tendril {

/// What an answer may be refused for.
enum class http_client_errc {
    /// It is not HTTP, or could be read in two ways.
    bad_response = 1,
    /// Its head has more bytes or fields than it may have.
    head_too_large,
    /// Its body has more bytes than it may have.
    body_too_large,
    /// The connection ended before the end of the answer.
    truncated,
    /// The connection ended before an answer came.
    no_response,
    /// One redirect followed another too often.
    too_many_redirects,
    /// A redirect leads from https to http.
    insecure_redirect,
    /// The library was built without TLS.
    no_tls,
    /// The proxy does not let this connection through.
    proxy_refused,
    /// The server wants to speak another protocol (ALPN).
    wrong_protocol,
};

/// Makes a code out of it. Switches: never. Thread: any.
error_code make_error_code(http_client_errc code) noexcept;

/// How far a request has got.
enum class http_phase : std::uint8_t {
    /// It waits for one of the connections that the pool may have.
    slot,
    /// The name is looked up, and the connection made.
    connect,
    /// The proxy is asked for a tunnel.
    tunnel,
    /// Hands are shaken for TLS.
    handshake,
    /// The request is sent.
    send,
    /// The head of the answer is awaited.
    response,
    /// The body of the answer is read.
    body,
};

/// A word for it: "connect". Switches: never. Thread: any.
char const* to_string(http_phase phase) noexcept;

/// A request that has failed.
class http_client_error : public system_error {
public:
    /// Keeps how far the request had got. Switches: never. Thread: any.
    http_client_error(error_code code, http_phase phase, std::string const& what)
        : system_error{code, what},
          phase_{phase} {}

    /// How far it had got. Switches: never.
    http_phase phase() const noexcept { return phase_; }

private:
    http_phase phase_;
};

}  // namespace tendril

template <>
struct boost::system::is_error_code_enum<tendril::http_client_errc> : std::true_type {};
