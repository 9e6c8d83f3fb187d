// SPDX-License-Identifier: BSL-1.0
#pragma once

// What many connections have in common: whom to trust, what to show, which protocols to speak.
//
//     auto web = tendril::tls_context::client();
//     auto mine = tendril::tls_context::server({
//         .identity = tendril::tls_identity::from_files("chain.pem", "key.pem"),
//         .protocols = {"h2", "http/1.1"},
//     });
//     …
//     mine.reload(tendril::tls_identity::from_files("chain.pem", "key.pem"));
//
// A client verifies the server's certificate, against the authorities that the system trusts unless
// it is told others, and for the host that it has asked for. To switch that off is possible, has to
// be written out, and leaves a connection that anybody in between can read.
//
// A context is a handle: copies are the same context. Making one takes milliseconds (a client reads
// the system's authorities), so make it once. It keeps sessions: a client that connects to the same
// host again needs no certificate and less arithmetic. A server gives out tickets and keeps
// nothing.
//
// All threads may share one. Read next: tls_stream.hpp.

#include <tendril/tls/certificate.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Is in a library that was built with OpenSSL, and missing in another.
extern "C" char const tendril_needs_openssl_3_for_tls;

namespace tendril {

class tls_context;

namespace detail {
class tls_context_state;
class tls_core;
}  // namespace detail

/// What is spoken. Older ones are not.
enum class tls_version : std::uint8_t { tls_1_2, tls_1_3 };

/// Whether the peer must prove who it is.
enum class tls_verify : std::uint8_t {
    /// It must, or the handshake fails.
    required,
    /// It need not show a certificate; but one that it shows must be good. For servers.
    if_shown,
    /// Whatever it shows is taken.
    nothing,
};

/// How a client goes about it.
struct tls_client_options {
    tls_verify verify = tls_verify::required;
    /// Whom to trust, as PEM text; empty means those that the system trusts.
    std::string authorities = {};
    /// What to show to servers that ask for it.
    std::optional<tls_identity> identity = std::nullopt;
    /// Which protocols to offer (ALPN), the best first.
    std::vector<std::string> protocols = {};
    tls_version lowest = tls_version::tls_1_2;
    tls_version highest = tls_version::tls_1_3;
    /// For how many hosts a session is kept; zero for none.
    std::size_t kept_sessions = 256;
};

/// How a server goes about it.
struct tls_server_options {
    tls_identity identity = {};
    /// Whether clients must show a certificate, and by whom it must be signed, as PEM text.
    tls_verify clients = tls_verify::nothing;
    std::string authorities = {};
    /// Which protocols are spoken (ALPN), the best first. A client that offers others only is
    /// refused; one that offers none is not.
    std::vector<std::string> protocols = {};
    tls_version lowest = tls_version::tls_1_2;
    tls_version highest = tls_version::tls_1_3;
    /// Is asked with the name of the host that a client wants (SNI), which may be empty, and
    /// returns the context to go on with; an empty one means this one. It is called in the greenlet
    /// that shakes hands and may park. What it throws ends the handshake. Thread: any that uses the
    /// context.
    std::function<tls_context(std::string const& host)> choose = nullptr;
};

class tls_context {
public:
    /// Makes an empty one, which is good for nothing but an answer of `choose`.
    tls_context() noexcept = default;

    /// Makes one for clients. Blocks the thread while it reads the system's authorities.
    /// Throws: system_error, saying which part cannot be used; misuse for options that contradict
    /// each other. Switches: never. Thread: any.
    static tls_context client(tls_client_options options = {}) {
        return make_client(std::move(options), &tendril_needs_openssl_3_for_tls);
    }

    /// Makes one for servers. Throws: as above. Switches: never. Thread: any.
    static tls_context server(tls_server_options options) {
        return make_server(std::move(options), &tendril_needs_openssl_3_for_tls);
    }

    /// Shows another certificate from now on. Connections that have begun go on as they are, and
    /// sessions of before can be resumed. Throws: system_error when it cannot be used, and then
    /// nothing has changed; misuse when the context is empty. Switches: never. Thread: any.
    void reload(tls_identity identity);

    /// Says whether it is one. Switches: never. Thread: any.
    explicit operator bool() const noexcept { return state_ != nullptr; }

private:
    friend class tls_stream;
    friend class detail::tls_core;

    static tls_context make_client(tls_client_options options, char const* built);
    static tls_context make_server(tls_server_options options, char const* built);

    std::shared_ptr<detail::tls_context_state> state_;
};

}  // namespace tendril
