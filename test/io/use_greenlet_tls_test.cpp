// SPDX-License-Identifier: BSL-1.0
//
// Asio's own TLS stream over a socket of Asio's, with a certificate that is made for the test.
#include <harness/network.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/use_greenlet.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <utility>

namespace {

using namespace tendril;
using boost::asio::ip::tcp;
namespace ssl = boost::asio::ssl;

using tls_over_socket = ssl::stream<tcp::socket>;

// A key, and a certificate that is signed with it, as texts.
struct throw_away_certificate {
    std::string key;
    std::string certificate;

    throw_away_certificate() {
        std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> const pair{
            EVP_EC_gen("P-256"), &EVP_PKEY_free};
        std::unique_ptr<X509, decltype(&X509_free)> const made{X509_new(), &X509_free};
        X509_set_version(made.get(), X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
        X509_gmtime_adj(X509_getm_notBefore(made.get()), -60);
        X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
        X509_set_pubkey(made.get(), pair.get());
        X509_NAME* const name = X509_get_subject_name(made.get());
        X509_NAME_add_entry_by_txt(
            name, "CN", MBSTRING_ASC, reinterpret_cast<unsigned char const*>("localhost"), -1, -1,
            0);
        X509_set_issuer_name(made.get(), name);
        X509_sign(made.get(), pair.get(), EVP_sha256());
        key = text_of_pem([&](BIO* out) {
            PEM_write_bio_PrivateKey(out, pair.get(), nullptr, nullptr, 0, nullptr, nullptr);
        });
        certificate = text_of_pem([&](BIO* out) { PEM_write_bio_X509(out, made.get()); });
    }

private:
    template <typename F>
    static std::string text_of_pem(F&& write) {
        std::unique_ptr<BIO, decltype(&BIO_free)> const memory{BIO_new(BIO_s_mem()), &BIO_free};
        write(memory.get());
        char* data = nullptr;
        auto const size = static_cast<std::size_t>(BIO_get_mem_data(memory.get(), &data));
        return {data, size};
    }
};

ssl::context server_context(throw_away_certificate const& mine) {
    ssl::context context{ssl::context::tls_server};
    context.use_certificate(boost::asio::buffer(mine.certificate), ssl::context::pem);
    context.use_private_key(boost::asio::buffer(mine.key), ssl::context::pem);
    return context;
}
ssl::context client_context(throw_away_certificate const& trusted) {
    ssl::context context{ssl::context::tls_client};
    context.set_verify_mode(ssl::verify_peer);
    context.add_certificate_authority(boost::asio::buffer(trusted.certificate));
    return context;
}

// Two connected sockets, and a context for each.
struct tls_ends {
    throw_away_certificate certificate;
    ssl::context for_server = server_context(certificate);
    ssl::context for_client = client_context(certificate);
    tcp::socket here{this_hub().context()};
    tcp::socket there{this_hub().context()};

    tls_ends() {
        tcp::acceptor acceptor{this_hub().context(), {boost::asio::ip::address_v4::loopback(), 0}};
        here.async_connect(acceptor.local_endpoint(), use_greenlet);
        there = acceptor.async_accept(use_greenlet);
    }
};

spawn_options for_tls() { return {.stack_size = 256 * 1024}; }

}  // namespace

TENDRIL_HUB_TEST(use_greenlet_tls, shakes_hands_exchanges_and_shuts_down) {
    tls_ends ends;
    auto server = spawn(for_tls(), [&] {
        tls_over_socket secured{std::move(ends.there), ends.for_server};
        secured.async_handshake(tls_over_socket::server, use_greenlet);
        std::string text(500'000, '\0');
        boost::asio::async_read(secured, boost::asio::buffer(text), use_greenlet);
        boost::asio::async_write(secured, boost::asio::buffer(text), use_greenlet);
        error_code error;
        secured.async_read_some(boost::asio::buffer(text), use_greenlet[error]);
        EXPECT_EQ(error, boost::asio::error::eof);
        secured.async_shutdown(use_greenlet);
    });
    auto client = spawn(for_tls(), [&] {
        tls_over_socket secured{std::move(ends.here), ends.for_client};
        secured.async_handshake(tls_over_socket::client, use_greenlet);
        std::string const sent(500'000, 's');
        boost::asio::async_write(secured, boost::asio::buffer(sent), use_greenlet);
        std::string received(sent.size(), '\0');
        boost::asio::async_read(secured, boost::asio::buffer(received), use_greenlet);
        EXPECT_TRUE(received == sent);
        secured.async_shutdown(use_greenlet);
    });
    client.get();
    server.get();
}

TENDRIL_HUB_TEST(use_greenlet_tls, an_end_without_a_farewell_is_an_error) {
    tls_ends ends;
    auto server = spawn(for_tls(), [&] {
        tls_over_socket secured{std::move(ends.there), ends.for_server};
        secured.async_handshake(tls_over_socket::server, use_greenlet);
    });
    auto client = spawn(for_tls(), [&] {
        tls_over_socket secured{std::move(ends.here), ends.for_client};
        secured.async_handshake(tls_over_socket::client, use_greenlet);
        char data[8];
        return test::code_of(
            [&] { secured.async_read_some(boost::asio::buffer(data), use_greenlet); });
    });
    EXPECT_EQ(client.get(), ssl::error::stream_truncated);
    server.get();
}

TENDRIL_HUB_TEST(use_greenlet_tls, a_certificate_that_nobody_vouches_for_is_refused) {
    tls_ends ends;
    ssl::context suspicious = client_context(throw_away_certificate{});
    auto server = spawn(for_tls(), [&] {
        tls_over_socket secured{std::move(ends.there), ends.for_server};
        error_code error;
        secured.async_handshake(tls_over_socket::server, use_greenlet[error]);
        return error;
    });
    auto client = spawn(for_tls(), [&] {
        tls_over_socket secured{std::move(ends.here), suspicious};
        error_code error;
        secured.async_handshake(tls_over_socket::client, use_greenlet[error]);
        return error;
    });
    EXPECT_TRUE(client.get().failed());
    EXPECT_TRUE(server.get().failed());
}

TENDRIL_HUB_TEST(use_greenlet_tls, a_handshake_and_a_read_can_be_cancelled) {
    tls_ends ends;
    auto server = spawn(for_tls(), [&] {
        tls_over_socket secured{std::move(ends.there), ends.for_server};
        secured.async_handshake(tls_over_socket::server, use_greenlet);
        char data[8];
        secured.async_read_some(boost::asio::buffer(data), use_greenlet);
    });
    test::settle();
    tls_over_socket secured{std::move(ends.here), ends.for_client};
    secured.async_handshake(tls_over_socket::client, use_greenlet);
    test::settle();
    server.cancel();
    server.join();
    EXPECT_TRUE(server.was_cancelled());

    tls_ends others;
    auto alone = spawn(for_tls(), [&] {
        tls_over_socket waiting{std::move(others.there), others.for_server};
        waiting.async_handshake(tls_over_socket::server, use_greenlet);
    });
    test::settle();
    alone.cancel();
    alone.join();
    EXPECT_TRUE(alone.was_cancelled());
}
