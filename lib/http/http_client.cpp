// SPDX-License-Identifier: BSL-1.0
#include <tendril/http/http_client.hpp>

#include "client_core.hpp"
#include "client_exchange.hpp"
#include "client_request_head.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/support/assert.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace tendril {
namespace {

bool is_redirect(int status) noexcept {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

void drop_fields(http_client_fields& fields, bool (*dropped)(std::string_view name)) {
    fields.erase(
        std::remove_if(
            fields.begin(), fields.end(), [=](auto const& field) { return dropped(field.first); }),
        fields.end());
}

bool is_secret(std::string_view name) {
    return same_http_name(name, "Authorization") || same_http_name(name, "Cookie");
}

bool is_of_body(std::string_view name) { return same_http_name(name.substr(0, 8), "Content-"); }

// Where the answer sends the request; nothing when it is the answer.
std::optional<http_url> target_of_redirect(
    http_client_head const& head, http_client_options const& options,
    detail::client_errand const& errand) {
    std::size_t const locations = head.fields().count("Location");
    if (!is_redirect(head.status()) || options.redirects == 0 || locations == 0) {
        return std::nullopt;
    }
    std::optional<http_url> next;
    try {
        next = errand.url.resolve(head.header("Location"));
    } catch (system_error const& error) {
        errand.fail(error.code(), http_phase::response, "it redirects to what is no URL");
    }
    if (locations > 1) {
        errand.refuse(
            {http_client_errc::bad_response, "it redirects to two places"}, http_phase::response);
    }
    if (errand.url.is_secure() && !next->is_secure() && !options.insecure_redirects) {
        errand.fail(http_client_errc::insecure_redirect, http_phase::response);
    }
    return next;
}

// Makes the request what it is at another place. Only a POST becomes a GET by 301 and 302, as it
// always did: whoever has stored or removed something must not take a page for the answer to that.
void redirect(http_client_request& asked, int status, bool same_origin) {
    bool const becomes_get = status == 303
        ? asked.method != "HEAD"
        : asked.method == "POST" && (status == 301 || status == 302);
    if (becomes_get) {
        asked.method = "GET";
        asked.body = {};
        drop_fields(asked.fields, is_of_body);
    }
    if (!same_origin) {
        drop_fields(asked.fields, is_secret);
    }
}

}  // namespace

http_client::http_client(http_client_options options)
    : core_{std::make_shared<detail::client_core>(std::move(options))} {}

http_client::~http_client() {
    core_->require_thread_to_destroy();
    core_->pool->close();
}

http_client_response http_client::get(std::string_view url, http_client_fields fields) {
    return request({.url = std::string{url}, .fields = std::move(fields)});
}

http_client_response http_client::head(std::string_view url, http_client_fields fields) {
    return request({.method = "HEAD", .url = std::string{url}, .fields = std::move(fields)});
}

http_client_response http_client::post(
    std::string_view url, std::string_view body, http_client_fields fields) {
    return request(
        {.method = "POST", .url = std::string{url}, .fields = std::move(fields), .body = body});
}

http_client_response http_client::put(
    std::string_view url, std::string_view body, http_client_fields fields) {
    return request(
        {.method = "PUT", .url = std::string{url}, .fields = std::move(fields), .body = body});
}

http_client_response http_client::request(http_client_request const& asked) {
    core_->require_thread();
    check_interruption();
    TENDRIL_REQUIRE(
        asked.body_length == 0,
        "`request` sends the body that it is given: to write one in pieces, use `open`");
    detail::require_sendable(asked);
    // The client may be destroyed meanwhile.
    auto const core = core_;
    http_client_options const& options = core->options;
    deadline const total = deadline::after(asked.limits.value_or(options.limits).total);
    http_client_request present = asked;
    http_url url{asked.url};
    for (std::size_t redirects = 0;; ++redirects) {
        detail::client_exchange exchange{core, present, url, total};
        exchange.start();
        http_client_head const& head = exchange.response();
        std::optional<http_url> next = target_of_redirect(head, options, exchange.errand());
        if (!next) {
            http_client_response answer;
            answer.body_ = exchange.read_all(options.body_limit);
            exchange.finish_sending();
            answer.head_ = head;
            answer.trailers_ = exchange.trailers();
            answer.url_ = url.text();
            return answer;
        }
        if (redirects == options.redirects) {
            exchange.errand().fail(http_client_errc::too_many_redirects, http_phase::response);
        }
        exchange.drain();
        redirect(present, head.status(), url.same_origin(*next));
        url = *std::move(next);
    }
}

http_client_stream http_client::open(http_client_request const& asked) {
    core_->require_thread();
    check_interruption();
    TENDRIL_REQUIRE(
        asked.body.empty(),
        "`open` lets the body be written in pieces: say its length, and write it");
    detail::require_sendable(asked);
    deadline const total = deadline::after(asked.limits.value_or(core_->options.limits).total);
    auto exchange = std::make_unique<detail::client_exchange>(
        core_, asked, http_url{asked.url}, total);
    exchange->start();
    return http_client_stream{std::move(exchange)};
}

void http_client::close() {
    core_->require_thread();
    core_->pool->close();
}

void http_client::close_idle() {
    core_->require_thread();
    core_->pool->close_idle();
}

http_client_statistics http_client::statistics() const noexcept {
    detail::client_pool const& pool = *core_->pool;
    return {
        .busy = pool.busy(),
        .idle = pool.idle(),
        .waiting = pool.waiting(),
        .connected = pool.connected,
        .reused = pool.reused,
        .retried = core_->retried,
    };
}

std::string basic_authorization(std::string_view user, std::string_view password) {
    TENDRIL_REQUIRE(
        user.find(':') == std::string_view::npos,
        "a name has no colon here: the password begins behind the first one (RFC 7617, 2)");
    constexpr char const* digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string const plain = std::string{user}.append(":").append(password);
    std::string text = "Basic ";
    for (std::size_t at = 0; at < plain.size(); at += 3) {
        auto const byte = [&](std::size_t index) -> unsigned {
            return index < plain.size() ? static_cast<unsigned char>(plain[index]) : 0U;
        };
        unsigned const bits = byte(at) << 16U | byte(at + 1) << 8U | byte(at + 2);
        text += digits[bits >> 18U];
        text += digits[bits >> 12U & 63U];
        text += at + 1 < plain.size() ? digits[bits >> 6U & 63U] : '=';
        text += at + 2 < plain.size() ? digits[bits & 63U] : '=';
    }
    return text;
}

}  // namespace tendril
