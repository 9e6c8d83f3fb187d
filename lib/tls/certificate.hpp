// SPDX-License-Identifier: BSL-1.0
#pragma once

// What a certificate of OpenSSL says, in words of ours.

#include "openssl.hpp"

#include <tendril/tls/certificate.hpp>

#include <string>
#include <vector>

namespace tendril::detail {

/// All there is to say about it. Throws: std::bad_alloc.
tls_certificate describe_certificate(X509& certificate);

/// The hosts and addresses that it is for.
std::vector<std::string> names_of(X509& certificate);

}  // namespace tendril::detail
