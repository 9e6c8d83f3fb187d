// SPDX-License-Identifier: BSL-1.0
#pragma once

// From a name to addresses.
//
//     for (auto const& endpoint : tendril::resolve("localhost", "http")) …
//
// A numeric address is read at once. A name goes to the system's resolver, which blocks, so it runs
// on one of four threads of its own, kept for nothing else; only the greenlet waits. One that is
// interrupted leaves at once; the look-up goes on without it and its answer is dropped.

#include <tendril/hub/deadline.hpp>
#include <tendril/io/error.hpp>
#include <tendril/net/endpoint.hpp>

#include <string>
#include <vector>

namespace tendril {

/// Returns the addresses of a host with a service or port, at least one, in the system's order.
/// Throws: system_error with the resolver's own code, naming the host; what was requested for the
/// greenlet. Switches: may.
std::vector<tcp_endpoint> resolve(std::string const& host, std::string const& service);

/// As above, but until a moment at most: then `error` is `errc::timed_out` and the result empty.
/// Switches: may.
std::vector<tcp_endpoint> resolve(
    std::string const& host, std::string const& service, deadline limit, error_code& error);

}  // namespace tendril
