// SPDX-License-Identifier: BSL-1.0
#pragma once

// What stands behind a tls_context: OpenSSL's context, the settings it was made of, and sessions.

#include "openssl.hpp"

#include <tendril/tls/tls_context.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tendril::detail {

enum class tls_role : std::uint8_t { client, server };

/// The options of both roles in one form. They do not change.
struct tls_settings {
    tls_role role;
    tls_verify verify;
    std::string authorities;
    tls_version lowest;
    tls_version highest;
    /// As they are sent: each with its length before it.
    std::string protocols;
    std::size_t kept_sessions = 0;
    std::function<tls_context(std::string const& host)> choose = nullptr;
};

class tls_context_state {
public:
    /// Throws: system_error.
    tls_context_state(tls_settings settings, tls_identity const* identity);

    tls_settings const settings;

    /// The context for a connection that begins now. Thread: any.
    ssl_context_owner present();

    /// Makes another one with this identity the present one. Thread: any.
    void reload(tls_identity const& identity);

    /// What was kept for a host, if anything. Thread: any.
    session_owner session_for(std::string const& host);

    /// Keeps a session for a host. Throws: std::bad_alloc. Thread: any.
    void keep_session(std::string const& host, SSL_SESSION& session);

private:
    ssl_context_owner build(tls_identity const* identity) const;

    // Marks the server's sessions: a ticket of one context is no way into another one. A reload
    // keeps it.
    std::array<unsigned char, SSL_MAX_SID_CTX_LENGTH> const mark_;
    std::mutex guard_;
    // All below: under `guard_`.
    ssl_context_owner present_;
    std::unordered_map<std::string, session_owner> sessions_;
};

/// OpenSSL's number for a version.
int version_number(tls_version version) noexcept;

/// What is verified about the peer, as OpenSSL's flags.
int verify_flags(tls_settings const& settings) noexcept;

}  // namespace tendril::detail
