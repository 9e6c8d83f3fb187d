// SPDX-License-Identifier: BSL-1.0
#pragma once

// Where something is on the web: a scheme, a host, a port, and what is asked of it.
//
//     tendril::http_url url{"http://localhost:8080/a/./b?c#d"};
//     url.host();                                        // "localhost"
//     url.port();                                        // 8080
//     url.target();                                      // "/a/b?c"
//     url.resolve("../e").text();                        // "http://localhost:8080/e"
//
// Two programs that read the same text in two ways are how requests get where they should not. So
// there is one way, and what others read in several is refused:
//
//     accepted                                   refused
//     http and https, in any case                other schemes, or none
//     a name, an IPv4 address, [an IPv6 one]     a zone in brackets, 127.1, 0x7f.0.0.1, escapes
//     a port from 1 to 65535, or an empty one    other numbers
//     any path and query; a fragment is cut off  backslashes, blanks, control bytes
//                                                a user's name or password (use a field for it)
//
// Bytes that have no place in a URL but stand in many (those beyond ASCII, quotes, braces) are
// escaped. Dots in paths are resolved, "%2e" is not. A host in other letters is written in its
// ASCII form, as A-labels.
//
// Source of the rules: RFC 3986, sections 3 and 5.2.

#include <cstdint>
#include <string>
#include <string_view>

namespace tendril {

class http_url {
public:
    /// Reads an absolute URL. Throws: system_error with `errc::bad_name`, naming the text.
    /// Switches: never. Thread: any.
    explicit http_url(std::string_view text);

    /// What a reference means that stands here: "/path", "?query", "//host/", "name", or a whole
    /// URL. Throws: as above. Switches: never. Thread: any.
    http_url resolve(std::string_view reference) const;

    /// Says whether it is https. Switches: never.
    bool is_secure() const noexcept { return secure_; }

    /// "http" or "https". Switches: never.
    std::string_view scheme() const noexcept { return secure_ ? "https" : "http"; }

    /// The host, in small letters, and an IPv6 address without its brackets. Switches: never.
    std::string const& host() const noexcept { return host_; }

    /// The port that was given, or that of the scheme. Switches: never.
    std::uint16_t port() const noexcept { return port_; }

    /// The path, which begins with a slash, and the query. Switches: never.
    std::string const& target() const noexcept { return target_; }

    /// The host and, unless it is the scheme's own, the port: what the field `Host` says.
    /// Throws: std::bad_alloc. Switches: never.
    std::string authority() const;

    /// The host and the port in any case, as a CONNECT has it. Throws: std::bad_alloc.
    /// Switches: never.
    std::string host_and_port() const;

    /// All of it. Throws: std::bad_alloc. Switches: never.
    std::string text() const;

    /// Says whether both have the same scheme, host and port: whether what is secret for one may be
    /// told to the other. Switches: never. Thread: any.
    bool same_origin(http_url const& other) const noexcept;

private:
    http_url() = default;

    void read_authority(std::string_view authority, std::string_view whole);
    void read_target(std::string_view path_and_query, std::string_view whole);

    std::string host_;
    std::string target_;
    std::uint16_t port_ = 80;
    bool secure_ = false;
};

}  // namespace tendril
