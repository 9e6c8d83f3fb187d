// SPDX-License-Identifier: BSL-1.0
#pragma once

// What accepts the connections of an HTTP server: a `stream_server`, or a `tls_server`.

#include "http_state.hpp"

#include <tendril/http/http_server.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/net/endpoint.hpp>
#include <tendril/net/tcp_listener.hpp>
#include <tendril/net/unix_socket.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace tendril::detail {

/// The calls of both. Contracts: as `stream_server`.
class http_listener {
public:
    http_listener() = default;
    http_listener(http_listener const&) = delete;
    http_listener& operator=(http_listener const&) = delete;
    virtual ~http_listener() = default;

    virtual void start() = 0;
    virtual void start(tcp_listener listening) = 0;
    virtual void start(unix_listener listening) = 0;
    virtual void serve(tcp_stream accepted) = 0;
    virtual void serve(unix_stream accepted) = 0;
    virtual void serve_forever() = 0;
    virtual void stop_accepting() = 0;
    virtual void start_accepting() = 0;
    virtual bool stop(deadline limit) = 0;
    virtual int release_listener() = 0;
    virtual int native_handle() const noexcept = 0;
    virtual bool running() const noexcept = 0;
    virtual tcp_endpoint local_endpoint() const = 0;
    virtual std::string local_address() const = 0;
    virtual stream_server_statistics statistics() const noexcept = 0;
    virtual std::uint64_t failed_handshakes() const noexcept { return 0; }
    virtual void set_context(tls_context const&) {
        TENDRIL_REQUIRE(
            false, "this http_server speaks without TLS: give it a context when it is made");
    }
};

template <typename Server>
class http_listener_of : public http_listener {
public:
    template <typename... Args>
    explicit http_listener_of(Args&&... args) : server_{std::forward<Args>(args)...} {}

    void start() override { server_.start(); }
    void start(tcp_listener listening) override { server_.start(std::move(listening)); }
    void start(unix_listener listening) override { server_.start(std::move(listening)); }
    void serve(tcp_stream accepted) override { server_.serve(std::move(accepted)); }
    void serve(unix_stream accepted) override { server_.serve(std::move(accepted)); }
    void serve_forever() override { server_.serve_forever(); }
    void stop_accepting() override { server_.stop_accepting(); }
    void start_accepting() override { server_.start_accepting(); }
    bool stop(deadline limit) override { return server_.stop(limit); }
    int release_listener() override { return server_.release_listener(); }
    int native_handle() const noexcept override { return server_.native_handle(); }
    bool running() const noexcept override { return server_.running(); }
    tcp_endpoint local_endpoint() const override { return server_.local_endpoint(); }
    std::string local_address() const override { return server_.local_address(); }
    stream_server_statistics statistics() const noexcept override {
        auto const now = server_.statistics();
        if constexpr (requires { now.server; }) {
            return now.server;
        } else {
            return now;
        }
    }

protected:
    Server server_;
};

/// Serves one connection until its end. Switches: may.
void serve_connection(http_state& server, any_stream& stream);

}  // namespace tendril::detail
