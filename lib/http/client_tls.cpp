// SPDX-License-Identifier: BSL-1.0
#include "client_transport.hpp"

#include <tendril/http/client_error.hpp>
#include <tendril/tls/tls_stream.hpp>

#include <utility>

namespace tendril::detail {
namespace {

class secured_client_transport final : public client_transport {
public:
    explicit secured_client_transport(tls_stream&& stream) noexcept : stream_{std::move(stream)} {}

    std::size_t read_some(
        boost::asio::mutable_buffer into, deadline limit, error_code& error) override {
        std::size_t const size = stream_.read_some_until(into, error, limit);
        if (error == tls_errc::truncated) {
            error = http_client_errc::truncated;
        }
        return size;
    }
    std::size_t write_some(
        pieces const& from, std::chrono::nanoseconds limit, error_code& error) override {
        stream_.set_write_limit(limit);
        return stream_.write_some(from, error);
    }
    void abort() override { stream_.abort(); }

private:
    tls_stream stream_;
};

}  // namespace

bool has_tls() noexcept { return true; }

tls_context usual_trust() { return tls_context::client({.protocols = {"http/1.1"}}); }

std::unique_ptr<client_transport> secured_transport(
    tcp_stream&& stream, tls_context const& trust, std::string const& host,
    std::chrono::nanoseconds limit, error_code& error, std::string& why) {
    error = {};
    tls_stream secured;
    try {
        secured = tls_stream::client(std::move(stream), trust, host);
        secured.set_handshake_limit(limit);
        secured.handshake();
    } catch (system_error const& failed) {
        error = failed.code();
        why = failed.what();
        return nullptr;
    }
    std::string const spoken = secured.alpn();
    if (!spoken.empty() && spoken != "http/1.1") {
        error = http_client_errc::wrong_protocol;
        why = "it speaks " + spoken;
        return nullptr;
    }
    return std::make_unique<secured_client_transport>(std::move(secured));
}

}  // namespace tendril::detail
