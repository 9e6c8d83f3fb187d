// SPDX-License-Identifier: BSL-1.0
#include <harness/certificates.hpp>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cctype>
#include <stdexcept>

namespace tendril::test {
namespace {

using key_pointer = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using certificate_pointer = std::unique_ptr<X509, decltype(&X509_free)>;

void expect_success(bool done, char const* what) {
    if (!done) {
        throw std::runtime_error{what};
    }
}

key_pointer new_key() {
    key_pointer key{EVP_EC_gen("P-256"), &EVP_PKEY_free};
    expect_success(key != nullptr, "no key");
    return key;
}

template <typename F>
std::string pem_text(F write) {
    std::unique_ptr<BIO, decltype(&BIO_free_all)> const memory{BIO_new(BIO_s_mem()), &BIO_free_all};
    write(memory.get());
    char* data = nullptr;
    long const size = BIO_get_mem_data(memory.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
    return pem_text([=](BIO* into) { PEM_write_bio_X509(into, certificate); });
}

std::string pem_of(EVP_PKEY* key) {
    return pem_text([=](BIO* into) {
        PEM_write_bio_PrivateKey(into, key, nullptr, nullptr, 0, nullptr, nullptr);
    });
}

void add_extension(X509* certificate, int kind, std::string const& value) {
    std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> const made{
        X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str()), &X509_EXTENSION_free};
    expect_success(made != nullptr, "no extension");
    X509_add_ext(certificate, made.get(), -1);
}

std::string alternative_names(std::vector<std::string> const& names) {
    std::string text;
    for (std::string const& name : names) {
        bool const is_address = std::isdigit(static_cast<unsigned char>(name.front())) != 0;
        text += (text.empty() ? "" : ",") + std::string{is_address ? "IP:" : "DNS:"} + name;
    }
    return text;
}

certificate_pointer unsigned_certificate(certificate_wish const& wish, EVP_PKEY* key) {
    static std::atomic<long> serial{1};
    certificate_pointer made{X509_new(), &X509_free};
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial.fetch_add(1));
    X509_gmtime_adj(X509_getm_notBefore(made.get()), static_cast<long>(wish.valid_from.count()));
    X509_gmtime_adj(X509_getm_notAfter(made.get()), static_cast<long>(wish.valid_until.count()));
    X509_NAME_add_entry_by_txt(
        X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
        reinterpret_cast<unsigned char const*>(wish.subject.c_str()), -1, -1, 0);
    X509_set_pubkey(made.get(), key);
    if (!wish.raw_names.empty()) {
        add_extension(made.get(), NID_subject_alt_name, wish.raw_names);
    } else if (!wish.names.empty()) {
        add_extension(made.get(), NID_subject_alt_name, alternative_names(wish.names));
    }
    return made;
}

void sign(X509* certificate, X509_NAME* issuer, EVP_PKEY* key) {
    X509_set_issuer_name(certificate, issuer);
    expect_success(X509_sign(certificate, key, EVP_sha256()) > 0, "no signature");
}

}  // namespace

struct authority::parts {
    key_pointer key = new_key();
    certificate_pointer certificate{nullptr, &X509_free};
    std::string pem;
};

authority::authority(std::string const& name) : parts_{std::make_unique<parts>()} {
    parts_->certificate = unsigned_certificate({.subject = name, .names = {}}, parts_->key.get());
    X509* const own = parts_->certificate.get();
    add_extension(own, NID_basic_constraints, "critical,CA:TRUE");
    sign(own, X509_get_subject_name(own), parts_->key.get());
    parts_->pem = pem_of(own);
}

authority::~authority() = default;

std::string const& authority::pem() const noexcept { return parts_->pem; }

tls_identity authority::issue(certificate_wish const& wish) const {
    key_pointer const key = new_key();
    certificate_pointer const made = unsigned_certificate(wish, key.get());
    sign(made.get(), X509_get_subject_name(parts_->certificate.get()), parts_->key.get());
    return {pem_of(made.get()), pem_of(key.get())};
}

tls_identity self_signed(certificate_wish const& wish) {
    key_pointer const key = new_key();
    certificate_pointer const made = unsigned_certificate(wish, key.get());
    sign(made.get(), X509_get_subject_name(made.get()), key.get());
    return {pem_of(made.get()), pem_of(key.get())};
}

}  // namespace tendril::test
