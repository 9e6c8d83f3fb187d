// SPDX-License-Identifier: BSL-1.0
#include "client_core.hpp"

#include "client_request_head.hpp"

#include <tendril/support/assert.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <utility>

namespace tendril::detail {
namespace {

// A server that says "wait" without end says nothing.
constexpr int most_interim_heads = 16;

// So much of what a proxy says becomes part of a message.
constexpr std::size_t most_quoted = 100;

client_pool::limits limits_of(http_client_options const& options) {
    TENDRIL_REQUIRE(
        options.connections > 0 && options.connections_per_host > 0,
        "a client needs a connection: `connections` and `connections_per_host` are at least one");
    return {options.connections_per_host, options.connections, options.idle_limit};
}

// "example.org" stands for itself, and for what ends in ".example.org".
bool is_below(std::string_view host, std::string_view domain) noexcept {
    if (host.size() <= domain.size()) {
        return same_http_name(host, domain);
    }
    std::size_t const dot = host.size() - domain.size() - 1;
    return !domain.empty() && host[dot] == '.' && same_http_name(host.substr(dot + 1), domain);
}

}  // namespace

deadline client_errand::until(std::chrono::nanoseconds limit) const {
    return std::min(deadline::after(limit), total);
}

std::chrono::nanoseconds client_errand::within(std::chrono::nanoseconds limit) const {
    if (total.is_never()) {
        return limit;
    }
    auto const left = total.moment() - now();
    return std::max(std::min<std::chrono::nanoseconds>(left, limit), std::chrono::nanoseconds{});
}

void client_errand::fail(error_code const& error, http_phase phase, std::string why) const {
    if (error == errc::timed_out && !total.is_never() && now() >= total.moment()) {
        why = "the limit for all of it";
    }
    std::string text = name + " (" + to_string(phase);
    if (!why.empty()) {
        text.append(": ").append(why);
    }
    throw http_client_error{without_place(error), phase, text.append(")")};
}

void client_errand::refuse(client_refusal const& refusal, http_phase phase) const {
    fail(refusal.code, phase, refusal.why);
}

client_core::client_core(http_client_options chosen)
    : options{std::move(chosen)},
      pool{std::make_shared<client_pool>(this_hub(), limits_of(options))},
      trust_{options.tls} {
    if (!options.proxy.url.empty()) {
        proxy_.emplace(options.proxy.url);
        TENDRIL_REQUIRE(
            !proxy_->is_secure(),
            "a proxy is spoken to in http: what is secret goes through it in a tunnel");
    }
    require_field_value(options.user_agent);
    require_field_value(options.proxy.authorization);
}

void client_core::require_thread() const {
    home_.require_own_thread(
        "this client belongs to another thread, as its connections do: make one for each thread");
    TENDRIL_REQUIRE(
        home_.exists(),
        "the hub of this client has gone, and its connections with it: make one for each hub");
}

void client_core::require_thread_to_destroy() const noexcept {
    home_.require_own_thread_to_destroy("an HTTP client");
}

bool client_core::uses_proxy(http_url const& url) const noexcept {
    auto const& direct = options.proxy.direct;
    return proxy_ && std::none_of(direct.begin(), direct.end(), [&](std::string const& domain) {
               return is_below(url.host(), domain);
           });
}

std::string client_core::key_of(http_url const& url) const {
    std::string key{url.scheme()};
    key.append("://").append(url.host_and_port());
    return uses_proxy(url) ? key.append(" by ").append(proxy_->host_and_port()) : key;
}

std::unique_ptr<client_connection> client_core::connect(client_errand const& errand) {
    bool const tunnelled = uses_proxy(errand.url);
    deadline const limit = errand.until(errand.limits.connect);
    tcp_stream stream = connect_plainly(errand, tunnelled ? *proxy_ : errand.url, limit);
    if (!errand.url.is_secure()) {
        return std::make_unique<client_connection>(
            std::make_unique<plain_client_transport>(std::move(stream)));
    }
    if (tunnelled) {
        stream = ask_for_tunnel(errand, std::move(stream), limit);
    }
    error_code error;
    std::string why;
    if (!trust_) {
        try {
            trust_ = usual_trust();
        } catch (system_error const& failed) {
            errand.fail(failed.code(), http_phase::handshake, failed.what());
        }
    }
    auto secured = secured_transport(
        std::move(stream), trust_, errand.url.host(), errand.within(errand.limits.handshake), error,
        why);
    if (error.failed()) {
        errand.fail(error, http_phase::handshake, std::move(why));
    }
    return std::make_unique<client_connection>(std::move(secured));
}

tcp_stream client_core::connect_plainly(
    client_errand const& errand, http_url const& to, deadline limit) {
    error_code error;
    connect_options how;
    if (!limit.is_never()) {
        how.limit = limit.moment() - now();
    }
    tcp_stream stream = tcp_stream::connect(to.host(), std::to_string(to.port()), how, error);
    if (error.failed()) {
        errand.fail(error, http_phase::connect);
    }
    return stream;
}

tcp_stream client_core::ask_for_tunnel(
    client_errand const& errand, tcp_stream stream, deadline limit) {
    auto owned = std::make_unique<plain_client_transport>(std::move(stream));
    plain_client_transport& plain = *owned;
    client_connection connection{std::move(owned)};
    std::string const head = make_connect_head(
        errand.url,
        {.user_agent = options.user_agent, .proxy_authorization = options.proxy.authorization});
    error_code error;
    send_pieces(plain, {boost::asio::buffer(head)}, errand, error);
    head_progress progress;
    client_head answer;
    try {
        if (!error.failed()) {
            answer = receive_head(
                connection, client_method::connect, {options.head_limit, options.fields_limit},
                limit, progress, error);
        }
    } catch (client_refusal const& refusal) {
        errand.refuse(refusal, http_phase::tunnel);
    }
    if (error == boost::asio::error::eof) {
        error = progress.came ? http_client_errc::truncated : http_client_errc::no_response;
    }
    if (error.failed()) {
        errand.fail(error, http_phase::tunnel);
    }
    if (answer.status / 100 != 2) {
        errand.fail(
            http_client_errc::proxy_refused, http_phase::tunnel,
            "it answers " + std::to_string(answer.status) + " " +
                answer.reason.substr(0, most_quoted));
    }
    if (!connection.unread().empty()) {
        errand.fail(
            http_client_errc::proxy_refused, http_phase::tunnel,
            "it says more than that the tunnel is there");
    }
    return plain.release();
}

client_head receive_head(
    client_connection& connection, client_method method, client_head_limits const& most,
    deadline limit, head_progress& progress, error_code& error) {
    std::size_t scanned = 0;
    while (true) {
        std::string_view const unread = connection.unread();
        progress.came = progress.came || !unread.empty();
        std::size_t const size = unread.empty() ? 0 : find_head(unread, scanned, most);
        if (size == 0) {
            auto const room = connection.room();
            connection.came(connection.transport->read_some(room, limit, error));
            if (error.failed()) {
                return {};
            }
            continue;
        }
        client_head head = parse_head(unread.substr(0, size), method, most);
        connection.take(size);
        scanned = 0;
        if (head.status / 100 != 1) {
            return head;
        }
        if (head.status == 101 || ++progress.interim > most_interim_heads) {
            throw client_refusal{
                http_client_errc::bad_response, "it is interim, and nobody has asked for that"};
        }
    }
}

void send_pieces(
    client_transport& transport, client_transport::pieces from, client_errand const& errand,
    error_code& error) {
    std::size_t left = boost::asio::buffer_size(from);
    while (left > 0) {
        std::size_t sent = transport.write_some(from, errand.within(errand.limits.send), error);
        if (error.failed()) {
            return;
        }
        left -= sent;
        for (boost::asio::const_buffer& piece : from) {
            std::size_t const of_piece = std::min(sent, piece.size());
            piece += of_piece;
            sent -= of_piece;
        }
    }
}

}  // namespace tendril::detail
