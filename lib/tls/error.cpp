// SPDX-License-Identifier: BSL-1.0
#include "openssl.hpp"

#include <tendril/tls/error.hpp>

#include <boost/asio/ssl/error.hpp>

#include <openssl/err.h>

#include <new>

namespace tendril {
namespace {

class tls_category final : public boost::system::error_category {
public:
    char const* name() const noexcept override { return "tendril.tls"; }
    std::string message(int value) const override {
        switch (static_cast<tls_errc>(value)) {
        case tls_errc::truncated:
            break;
        case tls_errc::expired:
            return "the certificate has expired";
        case tls_errc::not_yet_valid:
            return "the certificate is not valid yet";
        case tls_errc::self_signed:
            return "the certificate is signed by itself, and not among the trusted ones";
        case tls_errc::unknown_authority:
            return "nobody who is trusted has signed the certificate";
        case tls_errc::wrong_host:
            return "the certificate is for another host";
        case tls_errc::revoked:
            return "the certificate was revoked";
        case tls_errc::no_certificate:
            return "the peer has shown no certificate";
        case tls_errc::refused:
            return "the certificate was refused";
        }
        return "unknown error of TLS";
    }
};

}  // namespace

error_code make_error_code(tls_errc code) noexcept {
    static tls_category const category;
    if (code == tls_errc::truncated) {
        return boost::asio::ssl::error::stream_truncated;
    }
    return {static_cast<int>(code), category};
}

namespace detail {

void clear_openssl_errors() noexcept {
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }
}

error_code take_openssl_error() noexcept {
    unsigned long const code = ERR_get_error();
    ERR_clear_error();
    if (code == 0) {
        return boost::asio::ssl::error::unexpected_result;
    }
    return {static_cast<int>(code), boost::asio::error::get_ssl_category()};
}

void throw_openssl_error(std::string const& what) {
    unsigned long const code = ERR_peek_error();
    if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE) {
        ERR_clear_error();
        throw std::bad_alloc{};
    }
    throw system_error{take_openssl_error(), what};
}

error_code certificate_error(long result) noexcept {
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return tls_errc::expired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return tls_errc::not_yet_valid;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return tls_errc::self_signed;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
        return tls_errc::unknown_authority;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return tls_errc::wrong_host;
    case X509_V_ERR_CERT_REVOKED:
        return tls_errc::revoked;
    default:
        return tls_errc::refused;
    }
}

bio_owner read_from(std::string const& text) {
    bio_owner made{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
    if (made == nullptr) {
        ERR_clear_error();
        throw std::bad_alloc{};
    }
    return made;
}

}  // namespace detail
}  // namespace tendril
