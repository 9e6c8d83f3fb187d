// SPDX-License-Identifier: BSL-1.0
#pragma once

// From a name to addresses, and back.
//
//     for (auto const& endpoint : tendril::resolve("localhost", "http")) …
//     std::string who = tendril::resolve_name(stream.remote_endpoint()).host;
//
// What needs nobody's help is answered at once: a numeric address, with the scope of an IPv6 one,
// `localhost` and names below it, and a name in the machine's file of hosts. Everything else goes
// to the system's resolver, which blocks, so it runs on a few threads that are kept for nothing
// else; only the greenlet waits.
//
// * One that is interrupted, or out of time, leaves at once. The look-up goes on without it, and
//   its thread is free when the system has answered.
// * Whoever asks for a name that is being looked up waits for the same answer, whatever the hub.
//   So a server that hangs on one name holds one thread, however many ask.
// * When all threads hang, look-ups wait for one, each as long as its limit allows, and there is a
//   bound to how many wait: beyond it a look-up fails with `errc::overloaded`. What is answered at
//   once is answered at once all the same.
// * A process ends, and a hub closes, while look-ups hang.
//
// Who answers can be replaced, for one hub (`set_resolver`): by a `system_resolver` with other
// options, or by one of your own. Read next: connect.hpp; docs/net.md.

#include <tendril/hub/deadline.hpp>
#include <tendril/io/error.hpp>
#include <tendril/net/endpoint.hpp>

#include <boost/asio/ip/address.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tendril {

using ip_address = boost::asio::ip::address;

/// Who answers for names that are no numbers. One may serve several hubs.
class resolver {
public:
    resolver() = default;
    resolver(resolver const&) = delete;
    resolver& operator=(resolver const&) = delete;
    virtual ~resolver() = default;

    /// Returns the addresses of a host, at least one, or sets `error`: to `errc::timed_out` when
    /// the limit comes first. The host is neither a number nor `localhost`; its labels are of a
    /// length that is allowed, and it is written in ASCII.
    /// Throws: what was requested for the greenlet. Switches: may. Thread: any hub's.
    virtual std::vector<ip_address> addresses_of(
        std::string const& host, deadline limit, error_code& error) = 0;

    /// Returns the name of a host, or sets `error`. Throws: as above. Switches: may.
    virtual std::string name_of(ip_address const& address, deadline limit, error_code& error) = 0;
};

/// How a `system_resolver` works.
struct resolver_options {
    /// How many look-ups the system makes at a time, each on a thread. At least one.
    std::size_t threads = 4;
    /// How many look-ups may wait for a thread.
    std::size_t most_queued = 1024;
    /// Where names are looked for first, and read again when it has changed; empty for nowhere.
    std::string hosts_file = "/etc/hosts";
    /// Is asked before the system, for what it remembers. What it returns is the answer, unless it
    /// is empty. Called by the greenlet that asks, so on several threads if several hubs do.
    std::function<std::vector<ip_address>(std::string const& host)> find_cached = nullptr;
    /// Is told of each answer of the system's that is no error.
    std::function<void(std::string const& host, std::vector<ip_address> const&)> keep = nullptr;
};

namespace detail {
class name_state;
}

/// Asks the file of hosts, then the cache if there is one, then the system's resolver.
class system_resolver final : public resolver {
public:
    /// Makes one without threads; they come when they are needed. Throws: misuse when there may be
    /// none. Switches: never. Thread: any.
    explicit system_resolver(resolver_options options = {});
    /// Leaves threads that hang to themselves. Switches: never.
    ~system_resolver() override;

    /// In the order of the file, or of the system. Errors are the system's own, in the categories
    /// that Asio has for them; `errc::overloaded`. Switches: may.
    std::vector<ip_address> addresses_of(
        std::string const& host, deadline limit, error_code& error) override;
    std::string name_of(ip_address const& address, deadline limit, error_code& error) override;

    /// How many look-ups have a thread, and how many wait for one. Switches: never. Thread: any.
    std::size_t running() const;
    std::size_t queued() const;

private:
    class shared;

    std::unique_ptr<shared> shared_;
};

/// Who answers in this hub: the one that was set, or the one of the process.
/// Throws: std::bad_alloc. Switches: never. Thread: hub.
std::shared_ptr<resolver> this_resolver();

/// Replaces it for this hub, from the next look-up on; null puts that of the process in place.
/// Throws: std::bad_alloc. Switches: never. Thread: hub.
void set_resolver(std::shared_ptr<resolver> chosen);

/// Returns the addresses of a host with a service or port, at least one. A service is the name of
/// one, a number, or nothing, which is port 0. Labels of a host in other letters than ASCII's are
/// encoded (RFC 3492); write them in small letters.
/// Throws: system_error with the resolver's own code, naming the host; with `errc::bad_name` for
/// what can be no name; what was requested for the greenlet. Switches: may.
std::vector<tcp_endpoint> resolve(std::string const& host, std::string const& service);

/// As above, but until a moment at most: then `error` is `errc::timed_out` and the result empty.
/// Switches: may.
std::vector<tcp_endpoint> resolve(
    std::string const& host, std::string const& service, deadline limit, error_code& error);

/// Returns the name of a host, and of a port where it has one, else its number.
/// Throws: as `resolve`. Switches: may.
host_and_service resolve_name(tcp_endpoint const& endpoint);

/// As above, but until a moment at most. Switches: may.
host_and_service resolve_name(tcp_endpoint const& endpoint, deadline limit, error_code& error);

}  // namespace tendril
