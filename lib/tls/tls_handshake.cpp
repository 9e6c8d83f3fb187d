// SPDX-License-Identifier: BSL-1.0
//
// The beginning of a connection: what each end is told before, the handshake, and what OpenSSL asks
// meanwhile. None of the functions that it calls parks; to ask which context a client's greeting
// is for, it is made to stop, and goes on when that is known.
#include "certificate.hpp"
#include "tls_core.hpp"

#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/tls/error.hpp>

#include <openssl/err.h>

#include <algorithm>
#include <new>
#include <string_view>
#include <utility>

namespace tendril::detail {
namespace {

tls_core& core_of(SSL* ssl) noexcept { return *static_cast<tls_core*>(SSL_get_app_data(ssl)); }

// The name in the extension of a client's greeting: a list of names, each with its type and length,
// of which there is one in practice (RFC 6066).
std::string_view name_in(unsigned char const* data, std::size_t size) noexcept {
    constexpr std::size_t head = 5;
    if (size < head || data[2] != TLSEXT_NAMETYPE_host_name) {
        return {};
    }
    std::size_t const length = std::size_t{data[3]} << 8 | data[4];
    if (length > size - head) {
        return {};
    }
    return {reinterpret_cast<char const*>(data + head), length};
}

// The name of a host as a certificate has it: without the dot that ends an absolute one. OpenSSL
// would take an empty name for any host, and one that begins with a dot for all hosts below.
std::string certified_name(std::string const& host) {
    std::string name = host;
    if (name.ends_with('.')) {
        name.pop_back();
    }
    bool const is_whole = !name.empty() && name.front() != '.' && name.back() != '.' &&
        name.find("..") == std::string::npos;
    if (!is_whole) {
        throw system_error{
            boost::system::errc::make_error_code(boost::system::errc::invalid_argument),
            "'" + host + "' cannot be the name of a host"};
    }
    return name;
}

}  // namespace

tls_core::tls_core(hub& here, tls_context const& used, std::string host_name)
    : context_bound{here.context()},
      home{here},
      host{std::move(host_name)},
      context_{used} {
    clear_openssl_errors();
    ssl_context_owner const present = used.state_->present();
    ssl_.reset(SSL_new(present.get()));
    if (ssl_ == nullptr) {
        throw_openssl_error("OpenSSL makes no connection");
    }
    BIO* const bio = wire_.as_bio().release();
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_app_data(ssl_.get(), this);
    SSL_set_verify(ssl_.get(), SSL_get_verify_mode(ssl_.get()), &certificate_came);
}

// A session of a connection that did not end in order could not be resumed otherwise; that rule of
// TLS 1.0 is gone.
tls_core::~tls_core() {
    if (SSL_is_init_finished(ssl_.get()) != 0) {
        SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    clear_openssl_errors();
}

void tls_core::require_host(std::string const& name) {
    // What follows would be cut off there.
    if (name.find('\0') != std::string::npos) {
        throw system_error{
            boost::system::errc::make_error_code(boost::system::errc::invalid_argument),
            "the name of a host has no zero byte"};
    }
    // Certificates and greetings have A-labels only, and nothing else would ever match.
    bool const is_ascii = std::all_of(name.begin(), name.end(), [](char each) {
        return static_cast<unsigned char>(each) < 0x80;
    });
    if (!is_ascii) {
        throw system_error{
            io_error(errc::bad_name),
            "'" + name + "' is not ASCII: give the A-label of the host, which begins with xn--"};
    }
}

void tls_core::prepare_client(session_owner resumed) {
    require_host(host);
    SSL_set_connect_state(ssl_.get());
    X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl_.get());
    bool const is_address = X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) == 1;
    clear_openssl_errors();
    if (!is_address && !host.empty()) {
        std::string const name = certified_name(host);
        SSL_set_hostflags(ssl_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        if (SSL_set1_host(ssl_.get(), name.c_str()) != 1 ||
            SSL_set_tlsext_host_name(ssl_.get(), name.c_str()) != 1) {
            throw_openssl_error("'" + host + "' cannot be the name of a host");
        }
    }
    if (resumed != nullptr) {
        SSL_set_session(ssl_.get(), resumed.get());
        clear_openssl_errors();
    }
}

void tls_core::prepare_server() { SSL_set_accept_state(ssl_.get()); }

error_code tls_core::shake_or_wait() {
    while (stage == tls_stage::shaking) {
        wait_for_tls(shaken_, "the handshake of a TLS stream");
    }
    if (stage == tls_stage::fresh) {
        shake_hands();
    }
    return refusal();
}

void tls_core::shake_hands() {
    stage = tls_stage::shaking;
    scope_exit interrupted{[this] { abandon(); }};
    error_code error;
    bool const in_time = within(
        deadline::after(handshake_limit), [&] { go_through_handshake(error); });
    interrupted.dismiss();
    if (!in_time) {
        describe_failure({});
        set_failed(io_error(errc::timed_out));
        drop_below();
    } else if (error.failed()) {
        describe_failure(error);
        fail(error);
    } else if (stage == tls_stage::shaking) {
        stage = tls_stage::secured;
        shaken_.wake_all();
    }
}

void tls_core::go_through_handshake(error_code& error) {
    tls_step step = tls_step::wants_context;
    while (step == tls_step::wants_context) {
        step = drive([](SSL* ssl) { return SSL_do_handshake(ssl); }, error);
        if (step == tls_step::wants_context) {
            choose_context();
        }
    }
    if (step == tls_step::ended) {
        error = tls_errc::truncated;
    }
    if (step != tls_step::done) {
        return;
    }
    bool const must_be_good = (SSL_get_verify_mode(ssl_.get()) & SSL_VERIFY_PEER) != 0;
    long const verified = SSL_get_verify_result(ssl_.get());
    if (must_be_good && verified != X509_V_OK) {
        // A session that somebody has taken over from a context that verifies nothing.
        error = certificate_error(verified);
        return;
    }
    if (lacks_certificate()) {
        error = tls_errc::no_certificate;
        return;
    }
    // What a server has left now are tickets, which no client waits for: they go with what is next.
    if (SSL_is_server(ssl_.get()) == 0 || SSL_version(ssl_.get()) == TLS1_2_VERSION) {
        flush(error);
    }
}

// A resumed session shows what was shown when it began, which may be nothing.
bool tls_core::lacks_certificate() const noexcept {
    bool const must_show = SSL_is_server(ssl_.get()) != 0 &&
        (SSL_get_verify_mode(ssl_.get()) & SSL_VERIFY_FAIL_IF_NO_PEER_CERT) != 0;
    return must_show && SSL_get0_peer_certificate(ssl_.get()) == nullptr;
}

void tls_core::choose_context() {
    tls_context chosen = context_.state_->settings.choose(host);
    context_is_chosen_ = true;
    if (!chosen) {
        return;
    }
    tls_settings const& settings = chosen.state_->settings;
    TENDRIL_REQUIRE(
        settings.role == tls_role::server,
        "a server goes on with a context for servers: make it with `tls_context::server`");
    chosen_ = std::move(chosen);
    ssl_context_owner const present = chosen_.state_->present();
    SSL_set_SSL_CTX(ssl_.get(), present.get());
    SSL_set_verify(ssl_.get(), verify_flags(settings), &certificate_came);
    SSL_set_min_proto_version(ssl_.get(), version_number(settings.lowest));
    SSL_set_max_proto_version(ssl_.get(), version_number(settings.highest));
    clear_openssl_errors();
}

void tls_core::describe_failure(error_code const& error) {
    bool const is_server = SSL_is_server(ssl_.get()) != 0;
    complaint = is_server ? "TLS handshake with a client" : "TLS handshake";
    if (!host.empty()) {
        complaint += (is_server ? " that wants " : " with ") + host;
    }
    if (!refused_.empty()) {
        complaint += ", which shows a certificate of " + refused_;
    }
    if (error == tls_errc::refused) {
        complaint += " (";
        complaint += X509_verify_cert_error_string(SSL_get_verify_result(ssl_.get()));
        complaint += ")";
    }
}

int tls_core::certificate_came(int good, X509_STORE_CTX* chain) noexcept {
    auto* const ssl = static_cast<SSL*>(
        X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
    X509* const certificate = X509_STORE_CTX_get0_cert(chain);
    if (good != 1 && ssl != nullptr && certificate != nullptr) {
        try {
            tls_certificate const facts = describe_certificate(*certificate);
            std::string& refused = core_of(ssl).refused_;
            refused = "'" + facts.subject + "'";
            for (std::string const& name : facts.names) {
                refused += (&name == &facts.names.front() ? " for " : ", ") + name;
            }
        } catch (std::bad_alloc const&) {}
    }
    return good;
}

int tls_core::session_came(SSL* ssl, SSL_SESSION* came) noexcept {
    tls_core& core = core_of(ssl);
    core.session.reset(came);
    try {
        if (!core.host.empty() && SSL_SESSION_is_resumable(came) != 0) {
            core.context_.state_->keep_session(core.host, *came);
        }
    } catch (std::bad_alloc const&) {}
    // It is ours now.
    return 1;
}

int tls_core::hello_came(SSL* ssl, int* alert, void*) noexcept {
    tls_core& core = core_of(ssl);
    unsigned char const* data = nullptr;
    std::size_t size = 0;
    std::string_view name;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) == 1) {
        name = name_in(data, size);
    }
    if (core.context_is_chosen_) {
        // The same greeting once more, or the second one of a client that was asked for another
        // key: that may not want another host (RFC 8446, 4.1.2).
        if (name == core.host) {
            return SSL_CLIENT_HELLO_SUCCESS;
        }
        *alert = SSL_AD_ILLEGAL_PARAMETER;
        return SSL_CLIENT_HELLO_ERROR;
    }
    try {
        core.host = name;
    } catch (std::bad_alloc const&) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }
    return SSL_CLIENT_HELLO_RETRY;
}

}  // namespace tendril::detail
