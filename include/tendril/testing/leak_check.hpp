// SPDX-License-Identifier: BSL-1.0
#pragma once

// Compares what a thread holds at two moments.
//
//     tendril::testing::leak_check before;
//     …
//     assert(before.leaks() == "");
//
// It counts the greenlets and stacks of this thread, the alarms of its hub, and the descriptors of
// the process.

#include <cstddef>
#include <string>

namespace tendril::testing {

class leak_check {
public:
    /// Takes stock. Switches: never.
    leak_check();

    /// Says what is there now and was not there then, one phrase each; empty when nothing is.
    /// Another thread may have a descriptor for a moment: while the process has other threads, one
    /// too many is looked for again for up to 3 s, in which this thread blocks. Switches: never.
    /// Thread: the one that made it.
    std::string leaks() const;

private:
    struct stock {
        std::size_t greenlets = 0;
        std::size_t started = 0;
        std::size_t stacks = 0;
        std::size_t alarms = 0;
        std::size_t descriptors = 0;
    };
    static stock take();

    stock before_;
};

}  // namespace tendril::testing
