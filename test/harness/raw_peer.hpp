// SPDX-License-Identifier: BSL-1.0
#pragma once

// A server of OpenSSL's own making at the other end of a stream, with two memory BIOs: it can do
// what our streams never do.

#include <harness/secured.hpp>

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace tendril::test {

class raw_peer {
public:
    explicit raw_peer(memory_stream stream, int version = TLS1_3_VERSION)
        : stream_{std::move(stream)} {
        SSL_CTX_set_max_proto_version(context_.get(), version);
        load(good_identity());
        ssl_.reset(SSL_new(context_.get()));
        SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_accept_state(ssl_.get());
        SSL_set_app_data(ssl_.get(), this);
        SSL_set_msg_callback(ssl_.get(), &message_came);
    }

    void handshake() {
        run([&] { return SSL_do_handshake(ssl_.get()); });
    }
    void write(std::string const& text) {
        run([&] { return SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())); });
    }
    /// Reads exactly so much, or less at the end.
    std::string read(std::size_t size) {
        std::string text(size, '\0');
        std::size_t filled = 0;
        while (filled < size) {
            int const got = run([&] {
                return SSL_read(ssl_.get(), text.data() + filled, static_cast<int>(size - filled));
            });
            if (got <= 0) {
                break;
            }
            filled += static_cast<std::size_t>(got);
        }
        text.resize(filled);
        return text;
    }
    void ask_for_new_keys() {
        SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED);
        run([&] { return SSL_do_handshake(ssl_.get()); });
    }
    void begin_anew() {
        SSL_renegotiate(ssl_.get());
        SSL_do_handshake(ssl_.get());
        send();
    }
    void say_end() {
        SSL_shutdown(ssl_.get());
        send();
    }
    /// How many answers to a wish for new keys have come.
    int key_updates() const noexcept { return key_updates_; }
    /// How many bytes have come and were not looked at.
    std::size_t waiting() const noexcept { return stream_.available(); }
    memory_stream& stream() noexcept { return stream_; }

private:
    static void message_came(
        int sent, int, int kind, void const* data, std::size_t size, SSL* ssl, void*) {
        auto const* const bytes = static_cast<unsigned char const*>(data);
        if (sent == 0 && kind == SSL3_RT_HANDSHAKE && size > 0 && bytes[0] == SSL3_MT_KEY_UPDATE) {
            ++static_cast<raw_peer*>(SSL_get_app_data(ssl))->key_updates_;
        }
    }

    void load(tls_identity const& identity) {
        BIO* const chain = BIO_new_mem_buf(identity.chain.data(), -1);
        X509* const certificate = PEM_read_bio_X509(chain, nullptr, nullptr, nullptr);
        SSL_CTX_use_certificate(context_.get(), certificate);
        X509_free(certificate);
        BIO_free(chain);
        BIO* const text = BIO_new_mem_buf(identity.key.data(), -1);
        EVP_PKEY* const key = PEM_read_bio_PrivateKey(text, nullptr, nullptr, nullptr);
        SSL_CTX_use_PrivateKey(context_.get(), key);
        EVP_PKEY_free(key);
        BIO_free(text);
    }

    void send() {
        char data[4096];
        int size = BIO_read(SSL_get_wbio(ssl_.get()), data, sizeof data);
        while (size > 0) {
            stream_.write(boost::asio::buffer(data, static_cast<std::size_t>(size)));
            size = BIO_read(SSL_get_wbio(ssl_.get()), data, sizeof data);
        }
    }

    template <typename F>
    int run(F call) {
        while (true) {
            int const result = call();
            int const why = SSL_get_error(ssl_.get(), result);
            send();
            if (result > 0 || why != SSL_ERROR_WANT_READ) {
                return result;
            }
            char data[4096];
            error_code error;
            std::size_t const size = stream_.read_some(boost::asio::buffer(data), error);
            if (error.failed()) {
                return -1;
            }
            BIO_write(SSL_get_rbio(ssl_.get()), data, static_cast<int>(size));
        }
    }

    memory_stream stream_;
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{
        SSL_CTX_new(TLS_server_method()), &SSL_CTX_free};
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, &SSL_free};
    int key_updates_ = 0;
};

}  // namespace tendril::test
