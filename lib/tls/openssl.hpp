// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the sources of this floor share of OpenSSL: owners of its objects, and its queue of errors.
//
// The queue belongs to the thread, and so to all greenlets on it. Each call that may fail begins
// with an empty queue and leaves an empty one, and nobody switches in between.

#include <tendril/io/error.hpp>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace tendril::detail {

template <auto Free>
struct freed_by {
    template <typename T>
    void operator()(T* owned) const noexcept {
        Free(owned);
    }
};

using ssl_owner = std::unique_ptr<SSL, freed_by<&SSL_free>>;
using ssl_context_owner = std::unique_ptr<SSL_CTX, freed_by<&SSL_CTX_free>>;
using session_owner = std::unique_ptr<SSL_SESSION, freed_by<&SSL_SESSION_free>>;
using bio_owner = std::unique_ptr<BIO, freed_by<&BIO_free_all>>;
using certificate_owner = std::unique_ptr<X509, freed_by<&X509_free>>;
using key_owner = std::unique_ptr<EVP_PKEY, freed_by<&EVP_PKEY_free>>;

/// Empties the queue. Most often it is empty, and looking is cheaper.
void clear_openssl_errors() noexcept;

/// The first error in the queue, which it empties.
error_code take_openssl_error() noexcept;

/// Throws what is in the queue.
[[noreturn]] void throw_openssl_error(std::string const& what);

/// Which of our codes stands for a result of verifying a certificate.
error_code certificate_error(long result) noexcept;

/// A BIO over a text, which must outlive it.
bio_owner read_from(std::string const& text);

}  // namespace tendril::detail
