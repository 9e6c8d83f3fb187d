// SPDX-License-Identifier: BSL-1.0
#pragma once

// Certificates: one's own, with its key, and what there is to know about the peer's.
//
//     auto mine = tendril::tls_identity::from_files("chain.pem", "key.pem");
//
// A text in PEM format is what OpenSSL's tools and certificate authorities give out: one block
// after another, "-----BEGIN CERTIFICATE-----" and so on.

#include <chrono>
#include <string>
#include <vector>

namespace tendril {

/// What one shows to the peer: a certificate with those that lead up to its authority, and the key
/// to it, as PEM texts.
struct tls_identity {
    /// The certificate first, then its issuer, and so on.
    std::string chain = {};
    std::string key = {};
    /// Needed when the key is encrypted.
    std::string password = {};

    /// Reads both from files, which blocks the thread for as long as the disk takes.
    /// Throws: system_error, naming the file. Switches: never. Thread: any.
    static tls_identity from_files(
        std::string const& chain_file, std::string const& key_file, std::string password = {});
};

/// What a certificate says.
struct tls_certificate {
    /// Whose it is and who has signed it, in one line: "CN = example.org, O = Example".
    std::string subject;
    std::string issuer;
    /// The host names and addresses that it is for.
    std::vector<std::string> names;
    std::chrono::system_clock::time_point valid_from;
    std::chrono::system_clock::time_point valid_until;
    /// SHA-256 over all of it: 64 hexadecimal digits.
    std::string fingerprint;
    /// All of it, as PEM text.
    std::string pem;
};

}  // namespace tendril
