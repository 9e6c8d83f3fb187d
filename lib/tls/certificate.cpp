// SPDX-License-Identifier: BSL-1.0
#include "certificate.hpp"

#include <tendril/io/error.hpp>
#include <tendril/support/scope_exit.hpp>

#include <openssl/asn1.h>
#include <openssl/pem.h>

#include <arpa/inet.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <fstream>
#include <sstream>
#include <utility>

namespace tendril {
namespace {

std::string contents_of(std::string const& path) {
    errno = 0;
    std::ifstream file{path, std::ios::binary};
    std::ostringstream text;
    if (!file.is_open() || !(text << file.rdbuf())) {
        int const why = errno != 0 ? errno : EIO;
        throw system_error{
            error_code{why, boost::system::system_category()}, "cannot read '" + path + "'"};
    }
    return std::move(text).str();
}

std::string text_in(BIO& memory) {
    char* data = nullptr;
    long const size = BIO_get_mem_data(&memory, &data);
    return {data, static_cast<std::size_t>(size > 0 ? size : 0)};
}

detail::bio_owner memory_bio() {
    detail::bio_owner made{BIO_new(BIO_s_mem())};
    if (made == nullptr) {
        throw std::bad_alloc{};
    }
    return made;
}

std::string one_line(X509_NAME const* name) {
    detail::bio_owner const text = memory_bio();
    X509_NAME_print_ex(text.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
    return text_in(*text);
}

std::chrono::system_clock::time_point moment_of(ASN1_TIME const* time) {
    std::tm parts{};
    if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) {
        return {};
    }
    return std::chrono::system_clock::from_time_t(timegm(&parts));
}

std::string fingerprint_of(X509 const& certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned int size = 0;
    X509_digest(&certificate, EVP_sha256(), digest.data(), &size);
    constexpr char const* digits = "0123456789abcdef";
    std::string text;
    for (unsigned int index = 0; index < size; ++index) {
        text += digits[digest[index] >> 4];
        text += digits[digest[index] & 15];
    }
    return text;
}

// Empty when it is none: whoever made the certificate may have written any number of bytes.
std::string address_text(ASN1_OCTET_STRING const& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    int const size = ASN1_STRING_length(&address);
    if (size != 4 && size != 16) {
        return {};
    }
    int const family = size == 4 ? AF_INET : AF_INET6;
    inet_ntop(family, ASN1_STRING_get0_data(&address), text.data(), text.size());
    return text.data();
}

}  // namespace

namespace detail {

std::vector<std::string> names_of(X509& certificate) {
    std::vector<std::string> names;
    auto* const all = static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr));
    scope_exit const free{[all] { GENERAL_NAMES_free(all); }};
    for (int index = 0; index < sk_GENERAL_NAME_num(all); ++index) {
        GENERAL_NAME const& name = *sk_GENERAL_NAME_value(all, index);
        if (name.type == GEN_DNS) {
            names.emplace_back(
                reinterpret_cast<char const*>(ASN1_STRING_get0_data(name.d.dNSName)),
                static_cast<std::size_t>(ASN1_STRING_length(name.d.dNSName)));
        } else if (name.type == GEN_IPADD) {
            if (std::string text = address_text(*name.d.iPAddress); !text.empty()) {
                names.push_back(std::move(text));
            }
        }
    }
    return names;
}

tls_certificate describe_certificate(X509& certificate) {
    scope_exit const drained{[] { clear_openssl_errors(); }};
    tls_certificate facts;
    facts.subject = one_line(X509_get_subject_name(&certificate));
    facts.issuer = one_line(X509_get_issuer_name(&certificate));
    facts.names = names_of(certificate);
    facts.valid_from = moment_of(X509_get0_notBefore(&certificate));
    facts.valid_until = moment_of(X509_get0_notAfter(&certificate));
    facts.fingerprint = fingerprint_of(certificate);
    bio_owner const text = memory_bio();
    PEM_write_bio_X509(text.get(), &certificate);
    facts.pem = text_in(*text);
    return facts;
}

}  // namespace detail

tls_identity tls_identity::from_files(
    std::string const& chain_file, std::string const& key_file, std::string password) {
    return {contents_of(chain_file), contents_of(key_file), std::move(password)};
}

}  // namespace tendril
