// SPDX-License-Identifier: BSL-1.0
#pragma once

// A server that ends and reloads as service managers expect it.
//
//     tendril::stream_server server{"0.0.0.0:7000", serve};
//     bool const all_served = tendril::serve_until_signal(server, {
//         .grace = 30s,
//         .reload = [&] { settings = read_settings(); },
//     });
//
//     signal                     what happens
//     SIGTERM, SIGINT            the server stops: it accepts no more, and handlers get the grace
//     a second one of those      the grace is over
//     SIGHUP                     `reload` is called; without one the signal has its usual effect
//
// It works for whatever has `start` and `stop` as a `stream_server` has them: `tls_server`,
// `datagram_server`, `http_server`. For a `server_group`, and for several servers in one program,
// write the few lines with `signal_handler` yourself; docs/servers.md says how.
//
// Read next: process/signal_handler.hpp.

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/process/signal_handler.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/unique_function.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/task/spawn.hpp>

#include <chrono>
#include <concepts>
#include <csignal>
#include <new>
#include <optional>

namespace tendril {

/// How a server is served until a signal.
struct signal_serving_options {
    /// How long handlers may go on after the first SIGTERM or SIGINT.
    std::chrono::nanoseconds grace = std::chrono::seconds{30};
    /// Is called for SIGHUP, in a task of its own, which may wait. What it throws is reported to
    /// the hub's error handler, and the server goes on.
    unique_function<void()> reload{};
};

/// What can be served so.
template <typename Server>
concept stoppable_server = requires(Server& server, deadline limit) {
    server.start();
    { server.stop(limit) } -> std::same_as<bool>;
};

/// Starts a server, and returns when a signal has told it to end and it has stopped. Returns
/// whether all handlers have ended by themselves within the grace. When the wait is interrupted it
/// stops the server without grace. While it waits the signals have no other effect; afterwards they
/// have their former one.
/// Throws: what `start` throws; as the constructor of signal_handler; what was requested for the
/// greenlet. Switches: may. Thread: that of the server.
template <stoppable_server Server>
bool serve_until_signal(Server& server, signal_serving_options options = {}) {
    event told;
    event hurried;
    auto const end = [&] { (told.is_set() ? hurried : told).set(); };
    signal_handler const on_end{{SIGTERM, SIGINT}, end};
    std::optional<signal_handler> on_reload;
    if (options.reload) {
        on_reload.emplace(SIGHUP, [&] { options.reload(); });
    }
    scope_exit stop_when_interrupted{[&] {
        interruption_shield const until_stopped;
        try {
            server.stop(deadline::after(std::chrono::seconds{0}));
        } catch (std::bad_alloc const&) {
            // The handlers were told to end; there is no memory to wait for them.
        }
    }};
    server.start();
    told.wait();
    auto hurry = spawn({.name = "a second signal", .where = {}}, [&] {
        hurried.wait();
        server.stop(deadline::after(std::chrono::seconds{0}));
    });
    scope_exit const no_hurry{[&] {
        interruption_shield const until_ended;
        hurry.cancel();
        hurry.join();
    }};
    bool const in_time = server.stop(deadline::after(options.grace));
    stop_when_interrupted.dismiss();
    return in_time && !hurried.is_set();
}

}  // namespace tendril
