// SPDX-License-Identifier: BSL-1.0
#include "certificate.hpp"
#include "tls_core.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/net/tcp_stream.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/tls/error.hpp>
#include <tendril/tls/tls_stream.hpp>

#include <boost/asio/error.hpp>

#include <new>
#include <utility>

namespace tendril {
namespace {

using detail::tls_core;
using detail::tls_mark;
using detail::tls_role;
using detail::tls_user;

// Says why a call cannot begin, if it cannot.
error_code refusal_of(tls_core const* core) {
    if (core == nullptr) {
        return io_error(errc::closed);
    }
    // The hub of a closed one may be gone.
    if (core->stage != detail::tls_stage::closed) {
        core->require_thread();
    }
    return core->refusal();
}
error_code refusal_of(tls_core const* core, bool tls_core::*direction) {
    error_code const why = refusal_of(core);
    return !why.failed() && core->*direction ? io_error(errc::busy) : why;
}

error_code refusal_of_both(tls_core const* core) {
    error_code const why = refusal_of(core, &tls_core::writing);
    return !why.failed() && core->reading ? io_error(errc::busy) : why;
}

// Says whether nobody has cut the connection off but this program itself.
bool has_own_end(tls_core& core) {
    return core.stage == detail::tls_stage::secured && core.is_own_end && core.is_own_end();
}

// Says the end, and waits for that of the peer.
void end_both(tls_core& core, error_code& error) {
    core.end_sending(error);
    if (!error.failed()) {
        core.await_end(error);
    }
}

// The limit of a call, or else that of the stream. Most have none, and need no look at the clock.
deadline present_limit(deadline const* given, std::chrono::nanoseconds own) {
    if (given != nullptr) {
        return *given;
    }
    return own == std::chrono::nanoseconds::max() ? deadline::never() : deadline::after(own);
}

std::size_t write_buffers(
    tls_core* core, tls_core::const_buffers from, tls_core::extent how_much, error_code& error,
    deadline const* limit) {
    check_interruption();
    error = refusal_of(core, &tls_core::writing);
    if (error.failed() || from.empty()) {
        return detail::end_at_once();
    }
    tls_user const alive{*core};
    tls_mark const writer{core->writing};
    std::size_t written = 0;
    bool const in_time = detail::within(present_limit(limit, core->write_limit), [&] {
        written = core->write(from, how_much, error);
    });
    if (!in_time) {
        error = io_error(errc::timed_out);
    }
    if (error.failed()) [[unlikely]] {
        detail::end_at_once();
    }
    return written;
}

}  // namespace

tls_stream& tls_stream::operator=(tls_stream&& other) noexcept {
    if (this != &other) {
        tls_stream const old{std::move(*this)};
        core_ = std::exchange(other.core_, nullptr);
    }
    return *this;
}

tls_stream::~tls_stream() {
    if (core_ != nullptr) {
        core_->abandon();
        tls_user::drop(*core_);
    }
}

tls_stream tls_stream::connect(
    std::string const& host, std::string const& service, tls_context const& context) {
    tls_core::require_host(host);
    tls_stream made = client(tcp_stream::connect(host, service), context, host);
    made.handshake();
    return made;
}

tls_stream tls_stream::prepare_client(
    tls_context const& context, std::string host, tls_session session) {
    TENDRIL_REQUIRE(
        context && context.state_->settings.role == tls_role::client,
        "a client's end needs a context for clients: make it with `tls_context::client`");
    TENDRIL_REQUIRE(
        !host.empty() || context.state_->settings.verify == tls_verify::nothing,
        "the name of the host is needed to verify its certificate: give the one that was asked "
        "for");
    detail::session_owner resumed;
    if (session && session.host_ == host && session.context_.lock() == context.state_) {
        resumed.reset(static_cast<SSL_SESSION*>(session.kept_.get()));
        SSL_SESSION_up_ref(resumed.get());
    } else {
        resumed = context.state_->session_for(host);
    }
    tls_stream made{*new tls_core{this_hub(), context, std::move(host)}};
    made.core_->prepare_client(std::move(resumed));
    return made;
}

tls_stream tls_stream::prepare_server(tls_context const& context) {
    TENDRIL_REQUIRE(
        context && context.state_->settings.role == tls_role::server,
        "a server's end needs a context for servers: make it with `tls_context::server`");
    tls_stream made{*new tls_core{this_hub(), context, {}}};
    made.core_->prepare_server();
    return made;
}

void tls_stream::take(any_stream&& stream) noexcept { core_->below = std::move(stream); }

void tls_stream::take_for_own(unique_function<bool()> is_own_end) noexcept {
    core_->is_own_end = std::move(is_own_end);
}

bool tls_stream::has_said_end() const noexcept { return core_ != nullptr && core_->said_end; }

void tls_stream::handshake(error_code& error) {
    check_interruption();
    error = refusal_of(core_);
    if (!error.failed()) {
        tls_user const alive{*core_};
        error = core_->be_secured();
    }
    if (error.failed()) {
        detail::end_at_once();
    }
}

void tls_stream::handshake() {
    error_code error;
    handshake(error);
    checked(0, error, "handshake");
}

std::size_t tls_stream::read_once(
    boost::asio::mutable_buffer into, error_code& error, deadline const* limit) {
    check_interruption();
    error = refusal_of(core_, &tls_core::reading);
    if (error.failed() || into.size() == 0) {
        return detail::end_at_once();
    }
    tls_core& core = *core_;
    tls_user const alive{core};
    tls_mark const reader{core.reading};
    std::size_t size = 0;
    bool const in_time = detail::within(present_limit(limit, core.read_limit), [&] {
        size = core.read(into.data(), into.size(), error);
    });
    if (!in_time) {
        error = io_error(errc::timed_out);
    }
    if (error == tls_errc::truncated && has_own_end(core)) {
        error = boost::asio::error::eof;
    }
    core.said_end |= error == boost::asio::error::eof;
    if (error.failed()) [[unlikely]] {
        detail::end_at_once();
    }
    return size;
}

std::size_t tls_stream::write_part(const_buffers from, error_code& error) {
    return write_buffers(core_, from, tls_core::extent::one_record, error, nullptr);
}

std::size_t tls_stream::write_all(const_buffers from, error_code& error, deadline const* limit) {
    return write_buffers(core_, from, tls_core::extent::all, error, limit);
}

void tls_stream::set_limit(limited what, std::chrono::nanoseconds most) {
    TENDRIL_REQUIRE(core_ != nullptr, "an empty stream has no limits: set them after it was made");
    switch (what) {
    case limited::read:
        core_->read_limit = most;
        break;
    case limited::write:
        core_->write_limit = most;
        break;
    case limited::handshake:
        core_->handshake_limit = most;
        break;
    case limited::close:
        core_->close_limit = most;
        break;
    }
}

std::size_t tls_stream::checked(std::size_t size, error_code const& error, char const* what) const {
    if (error.failed()) [[unlikely]] {
        bool const is_known = core_ != nullptr && !core_->complaint.empty() &&
            core_->stage == detail::tls_stage::failed && core_->refusal() == error;
        throw system_error{detail::without_place(error), is_known ? core_->complaint : what};
    }
    return size;
}

void tls_stream::shutdown_send(error_code& error) {
    check_interruption();
    error = refusal_of(core_, &tls_core::writing);
    if (error.failed()) {
        detail::end_at_once();
        return;
    }
    tls_core& core = *core_;
    tls_user const alive{core};
    tls_mark const writer{core.writing};
    bool const in_time = detail::within(
        present_limit(nullptr, core.write_limit), [&] { core.end_sending(error); });
    if (!in_time) {
        error = io_error(errc::timed_out);
    }
    if (error.failed()) {
        detail::end_at_once();
    }
}

void tls_stream::shutdown_send() {
    error_code error;
    shutdown_send(error);
    checked(0, error, "shutdown_send");
}

void tls_stream::close() {
    if (core_ != nullptr && core_->stage != detail::tls_stage::closed) {
        core_->require_thread();
        tls_user const alive{*core_};
        core_->close();
    }
}

void tls_stream::abort() {
    if (core_ != nullptr && core_->stage != detail::tls_stage::closed) {
        core_->require_thread();
        tls_user const alive{*core_};
        core_->abandon();
    }
}

void tls_stream::shutdown_until(error_code& error, deadline limit) {
    check_interruption();
    error = refusal_of_both(core_);
    if (error.failed()) {
        return;
    }
    tls_core& core = *core_;
    tls_user const alive{core};
    tls_mark const reader{core.reading};
    tls_mark const writer{core.writing};
    scope_exit const closed{[&] { core.abandon(); }};
    bool const in_time = detail::within(limit, [&] {
        end_both(core, error);
        if (!error.failed()) {
            core.close_below();
        }
    });
    if (!in_time) {
        error = io_error(errc::timed_out);
    }
}

void tls_stream::shutdown_until(deadline limit) {
    error_code error;
    shutdown_until(error, limit);
    checked(0, error, "shutdown");
}

any_stream tls_stream::unwrap(error_code& error) {
    check_interruption();
    error = refusal_of_both(core_);
    if (error.failed()) {
        detail::end_at_once();
        return {};
    }
    tls_core& core = *core_;
    tls_user const alive{core};
    tls_mark const reader{core.reading};
    tls_mark const writer{core.writing};
    bool const in_time = detail::within(
        deadline::after(core.close_limit), [&] { end_both(core, error); });
    if (!in_time) {
        error = io_error(errc::timed_out);
    } else if (error == tls_errc::truncated) {
        error = {};
    }
    return error.failed() ? any_stream{} : core.give_back();
}

any_stream tls_stream::unwrap() {
    error_code error;
    any_stream below = unwrap(error);
    checked(0, error, "unwrap");
    return below;
}

bool tls_stream::is_open() const noexcept {
    return core_ != nullptr && core_->stage != detail::tls_stage::failed &&
        core_->stage != detail::tls_stage::closed;
}

tls_core& tls_stream::secured() const {
    TENDRIL_REQUIRE(
        core_ != nullptr && SSL_is_init_finished(core_->ssl()) != 0,
        "nothing is agreed upon before the handshake: call `handshake` first");
    return *core_;
}

tls_version tls_stream::version() const {
    return SSL_version(secured().ssl()) == TLS1_2_VERSION ? tls_version::tls_1_2
                                                          : tls_version::tls_1_3;
}

std::string tls_stream::cipher() const {
    return SSL_CIPHER_standard_name(SSL_get_current_cipher(secured().ssl()));
}

std::string tls_stream::alpn() const {
    unsigned char const* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(secured().ssl(), &name, &size);
    return {reinterpret_cast<char const*>(name), size};
}

std::string tls_stream::server_name() const {
    if (secured().context_is_chosen()) {
        return core_->host;
    }
    char const* const name = SSL_get_servername(secured().ssl(), TLSEXT_NAMETYPE_host_name);
    return name != nullptr ? name : "";
}

bool tls_stream::session_reused() const { return SSL_session_reused(secured().ssl()) != 0; }

std::optional<tls_certificate> tls_stream::peer_certificate() const {
    detail::certificate_owner const shown{SSL_get1_peer_certificate(secured().ssl())};
    if (shown == nullptr) {
        return std::nullopt;
    }
    return detail::describe_certificate(*shown);
}

tls_session tls_stream::session() const {
    tls_session kept;
    if (core_ != nullptr && core_->session != nullptr) {
        SSL_SESSION_up_ref(core_->session.get());
        kept.kept_ = std::shared_ptr<void>{core_->session.get(), [](void* session) {
                                               SSL_SESSION_free(static_cast<SSL_SESSION*>(session));
                                           }};
        kept.host_ = core_->host;
        kept.context_ = core_->context().state_;
    }
    return kept;
}

tls_stream::executor_type tls_stream::get_executor() const {
    TENDRIL_REQUIRE(core_ != nullptr, "a TLS stream that was never connected has no executor");
    return core_->below.get_executor();
}

}  // namespace tendril
