// SPDX-License-Identifier: BSL-1.0
#pragma once

// A server on every hub of a group: the same address, handler and options.
//
//     tendril::hub_group hubs;
//     tendril::server_group servers{hubs, "0.0.0.0:7000", echo};
//     servers.start();
//     quit.wait();
//     servers.stop(5s);
//
// A connection is served on one hub from its first byte to its last, by a `stream_server` with all
// that this promises. There are two ways to divide connections among hubs:
//
//     dividing        who accepts                          who gets the next connection
//     by_kernel       every hub, with a listener of its    whom the kernel picks, by the addresses
//                     own for the same port (SO_REUSEPORT) of the peer: even for many connections
//     hand_over       the first hub, which hands the       the hub with the fewest of them: even
//                     descriptor over by a post            for few connections, and long ones
//
// By the kernel is cheaper, since nothing crosses, and is the usual way. A listener that ends takes
// connections along that the kernel has given it and nobody has accepted; so during `stop` a
// connection may be reset, as with every server. Hand over where connections are few and differ in
// what they cost.
//
// The handler is copied for each hub. A handler that keeps something, or that cannot be copied, is
// made for each hub by a function. Handlers of different hubs run at the same time: what they share
// is const, atomic, behind a mutex, or of the shared family.
//
// Read next: lib/server/server_group.cpp; docs/many-cores.md.

#include <tendril/hubs/hub_group.hpp>
#include <tendril/server/stream_server.hpp>
#include <tendril/support/unique_function.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tendril {

/// How connections are divided among the hubs of a group.
enum class dividing : std::uint8_t {
    /// Each hub listens, and the kernel divides.
    by_kernel,
    /// The first hub listens, and hands each connection to the hub with the fewest.
    hand_over,
};

/// How the servers of a group work.
struct server_group_options {
    dividing how = dividing::by_kernel;
    /// How each server works. Its limit of connections holds for each hub.
    stream_server_options each{};
};

/// Numbers of all servers at one moment.
struct server_group_statistics {
    stream_server_statistics total;
    /// In the order of the hubs.
    std::vector<stream_server_statistics> each;
};

/// Says that a function makes the handlers: `made_by` is called with the number of each hub, on its
/// thread, one after the other.
struct handlers_made_by {
    unique_function<stream_server::handler(std::size_t index)> make;
};

namespace detail {
class served_group;
}

class server_group {
public:
    /// Prepares a server on each hub, which call copies of the handler. Nothing is bound before
    /// `start`. The group of hubs must outlive it.
    /// Throws: system_error with `errc::bad_name` for an address that cannot be read, or is none of
    /// TCP. Switches: never. Thread: any.
    template <typename F>
    requires(detail::takes_streams<F>&& std::copy_constructible<F>) server_group(
        hub_group& hubs, std::string_view address, F on_connection,
        server_group_options options = {})
        : server_group{
              hubs, address,
              handlers_made_by{[on_connection = std::move(on_connection)](std::size_t) {
                  return stream_server::handler{on_connection};
              }},
              options} {}
    server_group(
        hub_group& hubs, std::string_view address, handlers_made_by handlers,
        server_group_options options = {});
    server_group(server_group const&) = delete;
    server_group& operator=(server_group const&) = delete;

    /// Stops without grace, and waits without being interrupted, also for handlers of earlier runs.
    /// Where a greenlet may not park it begins the end only; in a handler, that of the handler's
    /// run. Switches: may.
    ~server_group();

    /// Binds the address and serves from now on. Port 0 means one free port for all. Does nothing
    /// when it runs. When one hub fails, those that listen already stop.
    /// Throws: system_error, naming the address; std::system_error with errc::closed when the group
    /// of hubs has ended; what was requested for the greenlet; misuse in a callback of a hub.
    /// Switches: may. Thread: any, one at a time; one without a hub blocks.
    void start();

    /// Accepts no more, waits for the handlers, and ends those that run on after `grace`, on all
    /// hubs at once. Returns whether all ended by themselves. In a handler it begins the end and
    /// returns false at once. When the wait is interrupted, all goes on without the caller; a
    /// `stop` without grace ends it then.
    /// Throws: misuse when the duration is not a number, or in a callback of a hub; what was
    /// requested for the greenlet. Switches: may. Thread: any, one at a time; one without a hub
    /// blocks.
    template <typename Rep, typename Period>
    bool stop(std::chrono::duration<Rep, Period> const& grace) {
        return stop_after(detail::saturated(grace));
    }
    bool stop() { return stop_after(std::chrono::seconds{1}); }

    /// Says whether it was started and not stopped. Switches: never. Thread: any.
    bool running() const noexcept;

    /// Where all listen: with the real port when 0 was asked for. Throws: misuse when it does not
    /// run. Switches: never. Thread: any.
    tcp_endpoint local_endpoint() const;

    /// Asks each hub for its numbers and returns them; after the end, the last ones.
    /// Throws: what was requested for the greenlet; misuse in a callback of a hub.
    /// Switches: may. Thread: any; one without a hub blocks.
    server_group_statistics statistics() const;

private:
    bool stop_after(std::chrono::nanoseconds grace);

    hub_group& hubs_;
    std::string const address_;
    std::shared_ptr<handlers_made_by> handlers_;
    server_group_options const options_;
    std::shared_ptr<detail::served_group> running_;
    // It, and runs before it whose handlers may be at work yet.
    std::vector<std::shared_ptr<detail::served_group>> unfinished_;
};

}  // namespace tendril
