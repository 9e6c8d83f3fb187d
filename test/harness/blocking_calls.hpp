// SPDX-License-Identifier: BSL-1.0
#pragma once

// Every call of the floors hub to server that may wait, in one form, for
// tests that try something on all of them.

#include <tendril/hub/deadline.hpp>

#include <functional>
#include <string>
#include <vector>

namespace tendril::test {

/// What becomes of a wish that comes while somebody waits in a call.
enum class answer {
    /// The wait ends with it, unless what is waited for was given before.
    at_once,
    /// The same, but what was given is noticed in the hub's next turn only.
    given_late,
    /// As before, and the call ends when everybody waits, before time passes.
    ends_before_time,
    /// The wait goes on to its end, and the wish stays pending.
    later,
    /// As before, and nobody can say whether the wish comes in time.
    over_soon,
    /// It is asked to stop, in a later turn, and may get what it waits for before that.
    either,
    /// The wait goes on to its end, even when the wish was pending at the start of the call.
    never_inside,
};

/// A call that waits, with what it waits for. All but `take` is called in a callback of the hub.
struct blocking_call {
    std::string name;
    /// The call. Returns whether it got what it waits for.
    std::function<bool(deadline)> take;
    /// Gives it: to the first of those who wait, or to all of them.
    std::function<void()> give = [] {};
    /// What whoever got it does so that the next one gets it.
    std::function<void()> give_on = [] {};
    /// Ends all waits with an error; empty where there is no such thing.
    std::function<void()> close = nullptr;
    /// Says at the end whether nothing was lost or doubled.
    std::function<bool()> at_rest = [] { return true; };
    /// Whether the limit counts.
    bool timed = false;
    answer to_wishes = answer::at_once;
    /// Only one can wait at a time.
    bool alone = false;
    /// It is asked to stop, and stops in a later turn, when a more important wish may have come.
    bool stops_later = false;
    /// Whether it can be called again after it was interrupted.
    bool repeatable = true;
    /// Whether time stands still while somebody is in it, because another thread or process is at
    /// work (testing/virtual_clock.hpp), which does not end before it is given.
    bool stops_time = false;
    /// What happens between the beginning of the waits and the wish.
    std::function<void()> prepare = nullptr;
};

/// Makes a call, in a callback of the hub.
using call_maker = std::function<blocking_call()>;

using calls = std::vector<call_maker>;

/// All of them but those in which time stands still.
calls every_blocking_call();

/// And those.
calls every_call_that_stops_time();

// In parts, each in a file of its own.
void add_calls_of_sync(calls& all);
void add_calls_of_channel(calls& all);
void add_calls_of_children(calls& all);
void add_calls_of_datagrams(calls& all);
void add_calls_of_future(calls& all);
void add_calls_of_scopes(calls& all);
void add_calls_of_together(calls& all);
void add_calls_of_signals(calls& all);
void add_calls_of_spawn(calls& all);
void add_calls_of_streams(calls& all);
void add_calls_of_io(calls& all);
void add_calls_of_protocol(calls& all);
void add_calls_of_names(calls& all);
void add_calls_of_files(calls& all);
void add_calls_of_connections(calls& all);
void add_calls_of_servers(calls& all);
void add_calls_of_http(calls& all);

// The others, in parts too.
void add_calls_of_disks(calls& all);
void add_calls_of_hubs(calls& all);
void add_calls_of_runs(calls& all);

/// Adds a call in two forms, without a limit and with one. `make(timed)` makes it.
template <typename F>
void add_both(calls& all, F make) {
    for (bool const timed : {false, true}) {
        all.push_back([make, timed] {
            blocking_call made = make(timed);
            made.name += timed ? ", with a limit" : "";
            made.timed = timed;
            return made;
        });
    }
}

}  // namespace tendril::test
