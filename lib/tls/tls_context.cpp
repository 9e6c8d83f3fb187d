// SPDX-License-Identifier: BSL-1.0
//
// 1. OpenSSL's context does not change once a connection was made of it: another certificate means
//    another context. Connections hold theirs.
// 2. The keys of tickets are handed on to the next context, so that a reload ends no session.
// 3. A chosen context decrypts the tickets of the one that chose it, so the mark of a session says
//    whose it is: each context goes on with its own only.
#include "context_state.hpp"
#include "tls_core.hpp"

#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/tls/tls_context.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

extern "C" char const tendril_needs_openssl_3_for_tls = 0;

namespace tendril {
namespace detail {
namespace {

std::string on_the_wire(std::vector<std::string> const& protocols) {
    std::string wire;
    for (std::string const& each : protocols) {
        TENDRIL_REQUIRE(
            !each.empty() && each.size() < 256,
            "the name of a protocol (ALPN) has 1 to 255 bytes, such as \"http/1.1\"");
        wire += static_cast<char>(static_cast<unsigned char>(each.size()));
        wire += each;
    }
    return wire;
}

unsigned char const* bytes_of(std::string const& text) noexcept {
    return reinterpret_cast<unsigned char const*>(text.data());
}

// Is asked by OpenSSL for the password of a key.
int give_password(char* into, int size, int, void* given) noexcept {
    auto const& password = *static_cast<std::string const*>(given);
    if (password.size() > static_cast<std::size_t>(size)) {
        return -1;
    }
    std::memcpy(into, password.data(), password.size());
    return static_cast<int>(password.size());
}

certificate_owner next_certificate(BIO& text) {
    return certificate_owner{PEM_read_bio_X509_AUX(&text, nullptr, nullptr, nullptr)};
}

void use_chain(SSL_CTX& context, std::string const& chain) {
    bio_owner const text = read_from(chain);
    certificate_owner const own = next_certificate(*text);
    if (own == nullptr || SSL_CTX_use_certificate(&context, own.get()) != 1) {
        throw_openssl_error("the certificate chain cannot be used");
    }
    while (certificate_owner issuer = next_certificate(*text)) {
        if (SSL_CTX_add0_chain_cert(&context, issuer.get()) != 1) {
            throw_openssl_error("the certificate chain cannot be used");
        }
        static_cast<void>(issuer.release());
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        throw_openssl_error("the certificate chain cannot be read to its end");
    }
    ERR_clear_error();
}

void use_identity(SSL_CTX& context, tls_identity const& identity) {
    use_chain(context, identity.chain);
    bio_owner const text = read_from(identity.key);
    auto* const password = const_cast<std::string*>(&identity.password);
    key_owner const key{PEM_read_bio_PrivateKey(text.get(), nullptr, &give_password, password)};
    if (key == nullptr) {
        throw_openssl_error("the private key cannot be read");
    }
    if (SSL_CTX_use_PrivateKey(&context, key.get()) != 1) {
        throw_openssl_error("the private key does not belong to the certificate");
    }
}

void trust(SSL_CTX& context, tls_settings const& settings) {
    if (settings.authorities.empty()) {
        if (settings.role == tls_role::client && settings.verify != tls_verify::nothing &&
            SSL_CTX_set_default_verify_paths(&context) != 1) {
            throw_openssl_error("the system's authorities cannot be read");
        }
        clear_openssl_errors();
        return;
    }
    bio_owner const text = read_from(settings.authorities);
    int count = 0;
    while (certificate_owner const authority = next_certificate(*text)) {
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(&context), authority.get()) != 1 ||
            SSL_CTX_add_client_CA(&context, authority.get()) != 1) {
            throw_openssl_error("the authorities cannot be used");
        }
        ++count;
    }
    if (count == 0) {
        throw_openssl_error("the authorities cannot be read");
    }
    ERR_clear_error();
}

// The server's answer to the protocols that a client offers.
int choose_protocol(
    SSL*, unsigned char const** chosen, unsigned char* size, unsigned char const* offered,
    unsigned int offered_size, void* given) noexcept {
    auto const& ours = static_cast<tls_settings const*>(given)->protocols;
    unsigned char* found = nullptr;
    int const result = SSL_select_next_proto(
        &found, size, bytes_of(ours), static_cast<unsigned int>(ours.size()), offered,
        offered_size);
    *chosen = found;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

void set_protocols(SSL_CTX& context, tls_settings const& settings) {
    if (settings.protocols.empty()) {
        return;
    }
    if (settings.role == tls_role::server) {
        SSL_CTX_set_alpn_select_cb(
            &context, &choose_protocol, const_cast<tls_settings*>(&settings));
    } else if (
        SSL_CTX_set_alpn_protos(
            &context, bytes_of(settings.protocols),
            static_cast<unsigned int>(settings.protocols.size())) != 0) {
        throw_openssl_error("the protocols cannot be offered");
    }
}

using session_mark = std::array<unsigned char, SSL_MAX_SID_CTX_LENGTH>;

session_mark new_session_mark() {
    session_mark made;
    if (RAND_bytes(made.data(), static_cast<int>(made.size())) != 1) {
        throw_openssl_error("OpenSSL gives no random bytes");
    }
    return made;
}

void set_sessions(SSL_CTX& context, tls_settings const& settings, session_mark const& mark) {
    if (settings.role == tls_role::server) {
        // Tickets alone: the server keeps nothing.
        SSL_CTX_set_session_id_context(
            &context, mark.data(), static_cast<unsigned int>(mark.size()));
        SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
        return;
    }
    SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(&context, &tls_core::session_came);
}

void hand_on_ticket_keys(SSL_CTX& from, SSL_CTX& to) noexcept {
    std::array<unsigned char, 80> keys;
    long const size = SSL_CTX_get_tlsext_ticket_keys(&from, nullptr, 0);
    if (size > 0 && static_cast<std::size_t>(size) <= keys.size() &&
        SSL_CTX_get_tlsext_ticket_keys(&from, keys.data(), size) == 1) {
        SSL_CTX_set_tlsext_ticket_keys(&to, keys.data(), size);
    }
    OPENSSL_cleanse(keys.data(), keys.size());
    clear_openssl_errors();
}

}  // namespace

int version_number(tls_version version) noexcept {
    return version == tls_version::tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

int verify_flags(tls_settings const& settings) noexcept {
    switch (settings.verify) {
    case tls_verify::required:
        return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    case tls_verify::if_shown:
        return SSL_VERIFY_PEER;
    case tls_verify::nothing:
        break;
    }
    return SSL_VERIFY_NONE;
}

tls_context_state::tls_context_state(tls_settings given, tls_identity const* identity)
    : settings{std::move(given)},
      mark_{new_session_mark()},
      present_{build(identity)} {}

ssl_context_owner tls_context_state::build(tls_identity const* identity) const {
    clear_openssl_errors();
    bool const is_client = settings.role == tls_role::client;
    ssl_context_owner made{SSL_CTX_new(is_client ? TLS_client_method() : TLS_server_method())};
    if (made == nullptr) {
        throw_openssl_error("OpenSSL makes no context");
    }
    SSL_CTX& context = *made;
    SSL_CTX_set_min_proto_version(&context, version_number(settings.lowest));
    SSL_CTX_set_max_proto_version(&context, version_number(settings.highest));
    SSL_CTX_set_options(
        &context,
        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(
        &context,
        SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
            SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(&context, verify_flags(settings), nullptr);
    trust(context, settings);
    if (identity != nullptr) {
        use_identity(context, *identity);
    }
    set_protocols(context, settings);
    set_sessions(context, settings, mark_);
    if (settings.choose) {
        SSL_CTX_set_client_hello_cb(&context, &tls_core::hello_came, nullptr);
    }
    clear_openssl_errors();
    return made;
}

ssl_context_owner tls_context_state::present() {
    std::lock_guard const lock{guard_};
    SSL_CTX_up_ref(present_.get());
    return ssl_context_owner{present_.get()};
}

void tls_context_state::reload(tls_identity const& identity) {
    ssl_context_owner next = build(&identity);
    std::lock_guard const lock{guard_};
    hand_on_ticket_keys(*present_, *next);
    present_.swap(next);
}

// A session of TLS 1.3 is for one use: who watches the network could tell that two connections come
// from one client.
session_owner tls_context_state::session_for(std::string const& host) {
    std::lock_guard const lock{guard_};
    auto const found = sessions_.find(host);
    if (found == sessions_.end()) {
        return nullptr;
    }
    if (SSL_SESSION_get_protocol_version(found->second.get()) >= TLS1_3_VERSION) {
        session_owner taken = std::move(found->second);
        sessions_.erase(found);
        return taken;
    }
    SSL_SESSION_up_ref(found->second.get());
    return session_owner{found->second.get()};
}

void tls_context_state::keep_session(std::string const& host, SSL_SESSION& session) {
    std::lock_guard const lock{guard_};
    if (settings.kept_sessions == 0) {
        return;
    }
    if (sessions_.size() >= settings.kept_sessions && sessions_.count(host) == 0) {
        sessions_.erase(sessions_.begin());
    }
    session_owner& place = sessions_[host];
    SSL_SESSION_up_ref(&session);
    place.reset(&session);
}

}  // namespace detail

using detail::tls_context_state;
using detail::tls_role;
using detail::tls_settings;

namespace {

void require_order(tls_version lowest, tls_version highest) {
    TENDRIL_REQUIRE(
        lowest <= highest, "the lowest version of TLS is above the highest: exchange the two");
}

}  // namespace

tls_context tls_context::make_client(tls_client_options options, char const*) {
    require_order(options.lowest, options.highest);
    TENDRIL_REQUIRE(
        options.verify != tls_verify::if_shown,
        "a server always shows its certificate: a client verifies it, or takes whatever it is");
    tls_settings settings{
        tls_role::client,     options.verify,  std::move(options.authorities),
        options.lowest,       options.highest, detail::on_the_wire(options.protocols),
        options.kept_sessions};
    tls_context made;
    made.state_ = std::make_shared<tls_context_state>(
        std::move(settings), options.identity ? &*options.identity : nullptr);
    return made;
}

tls_context tls_context::make_server(tls_server_options options, char const*) {
    require_order(options.lowest, options.highest);
    TENDRIL_REQUIRE(
        options.clients == tls_verify::nothing || !options.authorities.empty(),
        "clients are verified against authorities of your own: name them in `authorities`");
    tls_settings settings{
        tls_role::server,
        options.clients,
        std::move(options.authorities),
        options.lowest,
        options.highest,
        detail::on_the_wire(options.protocols),
        0,
        std::move(options.choose)};
    tls_context made;
    made.state_ = std::make_shared<tls_context_state>(std::move(settings), &options.identity);
    return made;
}

void tls_context::reload(tls_identity identity) {
    TENDRIL_REQUIRE(state_ != nullptr, "an empty context has no certificate to exchange");
    state_->reload(identity);
}

}  // namespace tendril
