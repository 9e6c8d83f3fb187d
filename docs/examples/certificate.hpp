// SPDX-License-Identifier: BSL-1.0
#pragma once

// A certificate that an example makes for itself when it starts: nobody else has signed it. A real
// one comes from an authority, in two files.

#include <tendril/tls/certificate.hpp>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstddef>
#include <memory>
#include <string>

namespace example {

template <auto Free>
struct freed_by {
    template <typename T>
    void operator()(T* owned) const {
        Free(owned);
    }
};

// What a function of OpenSSL writes to a BIO, as text.
template <typename F>
std::string pem_text(F write) {
    std::unique_ptr<BIO, freed_by<&BIO_free_all>> const memory{BIO_new(BIO_s_mem())};
    write(memory.get());
    char* data = nullptr;
    long const size = BIO_get_mem_data(memory.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

// A certificate of `subject` for the addresses and hosts in `names` ("DNS:a.test,IP:127.0.0.1"),
// valid for a day.
inline tendril::tls_identity make_identity(std::string const& subject, std::string const& names) {
    std::unique_ptr<EVP_PKEY, freed_by<&EVP_PKEY_free>> const key{EVP_EC_gen("P-256")};
    std::unique_ptr<X509, freed_by<&X509_free>> const made{X509_new()};
    X509_set_version(made.get(), 2);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 24 * 60 * 60);
    X509_NAME* const name = X509_get_subject_name(made.get());
    X509_NAME_add_entry_by_txt(
        name, "CN", MBSTRING_UTF8, reinterpret_cast<unsigned char const*>(subject.c_str()), -1, -1,
        0);
    X509_set_issuer_name(made.get(), name);
    X509_set_pubkey(made.get(), key.get());
    std::unique_ptr<X509_EXTENSION, freed_by<&X509_EXTENSION_free>> const also{
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str())};
    X509_add_ext(made.get(), also.get(), -1);
    X509_sign(made.get(), key.get(), EVP_sha256());
    return {
        pem_text([&](BIO* into) { PEM_write_bio_X509(into, made.get()); }),
        pem_text([&](BIO* into) {
            PEM_write_bio_PrivateKey(into, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        })};
}

}  // namespace example
