// SPDX-License-Identifier: BSL-1.0
#pragma once

// An HTTP client: requests over connections that are kept for the next one.
//
//     tendril::http_client client;
//     auto answer = client.get("http://localhost:8080/");
//     if (answer.status() == 200) {
//         std::cout << answer.header("Content-Type") << '\n' << answer.body();
//     }
//     client.post(url, "text", {{"Content-Type", "text/plain"}});
//
// Any number of greenlets of one thread may use one client at a time. The client has so many
// connections at most, to each host and in all; who finds none free waits for one, first come,
// first served. An answer that says "no" (404, 503) is an answer; what is thrown says that there is
// none, or not all of it (client_error.hpp).
//
// Whole bodies are held in memory, up to a limit. What is larger, or has no end, goes through
// `open` (client_stream.hpp).
//
// A request is sent once. It is sent once more when nothing of an answer has come, the connection
// had been kept from an earlier request (the server may just have closed it), and the method is one
// that does no harm twice: GET, HEAD, OPTIONS, TRACE, PUT and DELETE.
//
// A server may answer before it has heard all of a large body: the answer is read meanwhile. One
// that refuses (a status from 300 on) ends the sending.
//
// Redirects are followed: 303 by a GET (a HEAD stays one), 301 and 302 too if it was a POST, all
// others by the same request. To another origin `Authorization` and `Cookie` do not go along, and
// from https to http nothing goes at all.
//
// Read next: client_stream.hpp; docs/http-client.md.

#include <tendril/http/client_error.hpp>
#include <tendril/http/client_stream.hpp>
#include <tendril/http/fields.hpp>
#include <tendril/http/url.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/tls/tls_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tendril {

namespace detail {
class client_core;
}

/// Through whom requests go.
struct http_proxy {
    /// Its place: "http://proxy:3128". Empty means that there is none. Only http is spoken to it.
    std::string url = {};
    /// What the field `Proxy-Authorization` says; empty for nothing.
    std::string authorization = {};
    /// Hosts that are reached without it; "example.org" stands for all below it as well.
    std::vector<std::string> direct = {"localhost", "127.0.0.1", "::1"};
};

/// How a client works.
struct http_client_options {
    /// How many connections there may be to one host, and in all.
    std::size_t connections_per_host = 16;
    std::size_t connections = 256;
    /// How long a connection is kept that nobody uses. Zero: none is kept.
    std::chrono::nanoseconds idle_limit = std::chrono::seconds{60};
    http_client_limits limits = {};
    /// How large the head of an answer may be, in bytes and in fields, and a body that is held in
    /// memory.
    std::size_t head_limit = 65536;
    std::size_t fields_limit = 256;
    std::size_t body_limit = std::size_t{64} << 20U;
    /// How many redirects are followed; zero means that they are answers like others.
    std::size_t redirects = 10;
    /// Follows them from https to http as well.
    bool insecure_redirects = false;
    /// What the field `User-Agent` says, unless a request does; empty for nothing.
    std::string user_agent = "tendril";
    http_proxy proxy = {};
    /// Whom https trusts. An empty one means those whom the system trusts; one of your own should
    /// offer the protocol "http/1.1".
    tls_context tls = {};
};

/// An answer with all of its body.
class http_client_response {
public:
    /// Makes an empty one, with status 0. Switches: never.
    http_client_response() = default;

    /// The status, and the words for it that the server has chosen. Switches: never.
    int status() const noexcept { return head_.status(); }
    std::string const& reason() const noexcept { return head_.reason(); }

    /// The value of the first field of that name; empty when there is none. Switches: never.
    std::string_view header(std::string_view name) const noexcept { return head_.header(name); }

    /// All fields, and those that came behind the body. Switches: never.
    http_fields const& fields() const noexcept { return head_.fields(); }
    http_fields const& trailers() const noexcept { return trailers_; }

    /// The body. It can be moved out. Switches: never.
    std::string const& body() const& noexcept { return body_; }
    std::string&& body() && noexcept { return std::move(body_); }

    /// Whose answer it is: not what was asked for when there were redirects. Switches: never.
    std::string const& url() const noexcept { return url_; }

private:
    friend class http_client;

    http_client_head head_;
    http_fields trailers_;
    std::string body_;
    std::string url_;
};

/// What a client has at the moment, and has had.
struct http_client_statistics {
    /// Connections that are in use, and that are kept.
    std::size_t busy = 0;
    std::size_t idle = 0;
    /// Requests that wait for a connection.
    std::size_t waiting = 0;
    /// How many connections were made, and how often a kept one was used.
    std::uint64_t connected = 0;
    std::uint64_t reused = 0;
    /// How many requests were sent once more.
    std::uint64_t retried = 0;
};

class http_client {
public:
    /// Connects to nobody yet. Throws: std::bad_alloc; misuse for limits of zero connections, for a
    /// proxy that would be spoken to in TLS, and for control bytes in `user_agent` or what the
    /// proxy is told; system_error with `errc::bad_name` for a proxy's URL. Switches: never.
    explicit http_client(http_client_options options = {});
    http_client(http_client const&) = delete;
    http_client& operator=(http_client const&) = delete;

    /// As `close`. Must happen on the thread that made it, or after its hub has gone: elsewhere it
    /// ends the program. Switches: never.
    ~http_client();

    /// Asks for a page. Throws: http_client_error; system_error with `errc::bad_name` for what is
    /// no URL; misuse for what cannot be sent (see `request`), and when the hub that the client was
    /// made in has gone; wrong_thread; what was requested for the greenlet, and then the connection
    /// is closed. Switches: may.
    http_client_response get(std::string_view url, http_client_fields fields = {});

    /// As above, for the head alone. Switches: may.
    http_client_response head(std::string_view url, http_client_fields fields = {});

    /// As above, with a body, which must stay until the call returns. Switches: may.
    http_client_response post(
        std::string_view url, std::string_view body, http_client_fields fields = {});
    http_client_response put(
        std::string_view url, std::string_view body, http_client_fields fields = {});

    /// Sends any request and returns the answer to it. Throws: as `get`; misuse for a method, a
    /// name of a field or a value that would end its line or word, for fields that are the client's
    /// own (`Host`, `Content-Length`, `Transfer-Encoding`, `Connection` and the like), for a
    /// CONNECT, and for a `body_length`. Switches: may.
    http_client_response request(http_client_request const& asked);

    /// Sends the head of a request, and returns what its body is written to and the answer is read
    /// from. Redirects are answers here. Throws: as above, and misuse for a `body` instead.
    /// Switches: may.
    http_client_stream open(http_client_request const& asked);

    /// Closes all connections: requests that are under way, or just connecting, end with
    /// `errc::closed`, and so does every later one. A second call does nothing.
    /// Throws: wrong_thread; misuse when its hub has gone. Switches: never.
    void close();

    /// Closes the connections that nobody uses. Throws: wrong_thread; misuse when its hub has gone.
    /// Switches: never.
    void close_idle();

    /// Switches: never.
    http_client_statistics statistics() const noexcept;

private:
    std::shared_ptr<detail::client_core> core_;
};

/// What the field `Authorization`, or `http_proxy::authorization`, says for a name and a password.
/// Throws: misuse for a name with a colon; std::bad_alloc. Switches: never. Thread: any.
std::string basic_authorization(std::string_view user, std::string_view password);

}  // namespace tendril
