// SPDX-License-Identifier: BSL-1.0
#pragma once

// A scope in which the running greenlet keeps the thread to itself.
//
//     {
//         tendril::no_switch const together;     // both change, or none, for everybody who looks
//         account.withdraw(sum);
//         other.deposit(sum);
//     }
//
// Between two parks a greenlet is alone anyway; the scope makes sure that there is no park, also
// when the functions that are called change one day. A function that may park can be called: it is
// `misuse` if it really has to wait. Put it also around a call that lets Asio run handlers on the
// stack of a greenlet (a strand, `dispatch`), where a park would put two greenlets into one strand.

#include <tendril/greenlet/control_block.hpp>

#include <cstdint>

namespace tendril {

class hub;

class no_switch {
public:
    /// Refuses every park on this thread until the end of the scope. Scopes may be nested.
    /// Throws: as `this_hub`. Switches: never.
    no_switch();
    no_switch(no_switch const&) = delete;
    no_switch& operator=(no_switch const&) = delete;

    /// A switch by hand is not refused; if there was one, it is reported now to the hub's error
    /// handler, as misuse. Switches: never.
    ~no_switch();

private:
    hub& hub_;
    std::uint64_t const switches_;
};

}  // namespace tendril
