// SPDX-License-Identifier: BSL-1.0
#pragma once

// Certificates for tests, made when they are needed.

#include <tendril/tls/certificate.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace tendril::test {

/// What a certificate should say.
struct certificate_wish {
    std::string subject = "test";
    std::vector<std::string> names = {"good.test"};
    /// Instead of the names: what stands there, as OpenSSL's notation of an extension.
    std::string raw_names = {};
    std::chrono::seconds valid_from = -std::chrono::hours{1};
    std::chrono::seconds valid_until = std::chrono::hours{24};
};

/// Somebody who signs certificates.
class authority {
public:
    explicit authority(std::string const& name);
    authority(authority const&) = delete;
    authority& operator=(authority const&) = delete;
    ~authority();

    /// Its own certificate, as PEM text.
    std::string const& pem() const noexcept;

    /// A certificate that it has signed, with its key.
    tls_identity issue(certificate_wish const& wish = {}) const;

private:
    struct parts;
    std::unique_ptr<parts> parts_;
};

/// A certificate that nobody else has signed.
tls_identity self_signed(certificate_wish const& wish = {});

}  // namespace tendril::test
