// SPDX-License-Identifier: BSL-1.0
#pragma once

// How a stream is connected to a host that has several addresses.
//
//     auto stream = tendril::tcp_stream::connect("example.org", "https", {.limit = 5s});
//
// A host that is reached over IPv6 and IPv4 is often reached over one of them only, and an address
// that does not answer at all is noticed after minutes. So the addresses are tried one after
// another, those of the two families in turn, and each gets a head start only: when it has failed,
// or has not answered for a quarter of a second, the next one is tried as well. The first that
// answers wins; the others are ended, and their descriptors closed, before `connect` returns.
//
// When none answers, what is thrown says of each address what came of it.
//
// Source of the rules: RFC 8305, "Happy Eyeballs", sections 4 and 5. The system's resolver gives
// the addresses of both families together, so its section 3 has nothing to do here.

#include <tendril/io/error.hpp>
#include <tendril/net/endpoint.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tendril {

/// Which addresses of a host are tried.
enum class address_family : std::uint8_t { any, ipv4, ipv6 };

/// How a stream is connected to one of several addresses.
struct connect_options {
    /// How long an attempt is alone before the next one begins. At least ten milliseconds.
    std::chrono::nanoseconds attempt_delay = std::chrono::milliseconds{250};
    /// How long it all may take, the name's look-up included; nothing means as long as it takes.
    std::optional<std::chrono::nanoseconds> limit = std::nullopt;
    /// Which addresses are tried; those of the other family are passed over.
    address_family family = address_family::any;
    /// Where the stream comes from. Addresses of the other family are passed over.
    std::optional<tcp_endpoint> local = std::nullopt;
};

/// What came of one address.
struct connect_failure {
    tcp_endpoint peer;
    error_code error;
};

/// No address of a host answered. The code is that of the last failure, or `errc::timed_out`.
class connect_error : public system_error {
public:
    /// Keeps what came of each address. `what` says for whom. Switches: never. Thread: any.
    connect_error(error_code code, std::string const& what, std::vector<connect_failure> failures)
        : system_error{code, what},
          failures_{std::move(failures)} {}

    /// What came of each address, in the order in which they failed. Switches: never.
    std::vector<connect_failure> const& failures() const noexcept { return failures_; }

private:
    std::vector<connect_failure> failures_;
};

/// Puts addresses into the order in which they are tried: the families in turn, beginning with that
/// of the first, each in the order it had. Switches: never. Thread: any.
std::vector<tcp_endpoint> interleaved(std::vector<tcp_endpoint> const& endpoints);

}  // namespace tendril
