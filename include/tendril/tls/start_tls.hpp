// SPDX-License-Identifier: BSL-1.0
#pragma once

// TLS that begins on a connection which was in the clear until now (STARTTLS).
//
//     void data_received(std::string_view bytes) override {
//         received_ += bytes;
//         if (!secured_ && received_.starts_with("STARTTLS\r\n")) {
//             peer_.write("220 go ahead\r\n");
//             secured_ = true;
//             tendril::start_tls_server(
//                 peer_, mine, {.received = std::exchange(received_, {}).substr(10)});
//         }
//         …
//
// The transport and its protocol stay the same. The protocol is told nothing meanwhile; what was
// written before leaves in the clear, and what is written meanwhile waits and is encrypted.
//
// Somebody in between can put a command of his own behind the request to begin, in the clear. Who
// obeys it later takes it for the peer's (CVE-2011-0411). So all that has come after the request
// belongs to the handshake, where it fails as what is no TLS. What has not been delivered goes
// there by itself. What a protocol holds in a buffer of its own it hands over as `received`, or
// drops; and it forgets what it has learnt in the clear.
//
// When TLS does not begin, the connection is lost: nothing goes on in the clear.
//
// With streams, `tls_stream::client` and `tls_stream::server` do the same: docs/tls.md.

#include <tendril/protocol/transport.hpp>
#include <tendril/tls/tls_context.hpp>

#include <chrono>
#include <string>

namespace tendril {

/// How TLS begins on a connection.
struct start_tls_options {
    /// What has come after the request and was delivered: it belongs to the handshake.
    std::string received = {};
    /// How long it may take until what was written before has left and hands are shaken.
    std::chrono::nanoseconds limit = std::chrono::minutes{1};
};

/// Begins TLS as the client, with the host that the peer should be; returns when hands are shaken.
/// It may be called by the protocol, in the calls that may wait, and by others.
/// Throws: system_error, as `tls_stream::handshake` does, with `errc::timed_out` for the limit, and
/// as `transport::exchange_stream`; misuse when the context is no client's, or there is no host and
/// it must be verified; what was requested for the greenlet. In each case the connection is lost.
/// Misuse, and nothing is lost, after `write_eof` and while TLS begins already. Switches: may.
void start_tls_client(
    transport connection, tls_context const& context, std::string host,
    start_tls_options options = {});

/// Begins TLS as the server. Throws: as above. Switches: may.
void start_tls_server(
    transport connection, tls_context const& context, start_tls_options options = {});

}  // namespace tendril
