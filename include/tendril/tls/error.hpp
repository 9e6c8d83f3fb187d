// SPDX-License-Identifier: BSL-1.0
#pragma once

// What can go wrong with TLS, beside what can go wrong with any stream.
//
//     error_code error;
//     stream.handshake(error);
//     if (error == tendril::tls_errc::wrong_host) …
//
// `truncated` is Asio's own code for it (`asio::ssl::error::stream_truncated`), so that what is
// written for Asio's streams, Boost.Beast for example, knows it. What the protocol itself finds
// wrong, an alert of the peer among it, comes with Asio's category for OpenSSL ("asio.ssl"). Why a
// certificate was refused comes with the codes below.

#include <tendril/io/error.hpp>

#include <string>
#include <type_traits>

namespace tendril {

/// Why a connection was not secured, or is no longer.
enum class tls_errc {
    /// The connection ended without the peer's word that this is the end: what came may be cut off.
    truncated = 1,
    /// The peer's certificate has expired.
    expired,
    /// It is not valid yet; or a clock is wrong.
    not_yet_valid,
    /// It, or the root of its chain, is signed by itself and is not among those that are trusted.
    self_signed,
    /// Nobody who is trusted has signed it.
    unknown_authority,
    /// It was made for another host.
    wrong_host,
    /// It was revoked.
    revoked,
    /// The peer has shown none, and had to.
    no_certificate,
    /// It was refused for another reason, which the text of the exception has.
    refused,
};

/// Makes a code out of it. Switches: never. Thread: any.
error_code make_error_code(tls_errc code) noexcept;

}  // namespace tendril

template <>
struct boost::system::is_error_code_enum<tendril::tls_errc> : std::true_type {};
