// SPDX-License-Identifier: BSL-1.0
#pragma once

// Who has spawned whom, among the greenlets of a thread that live.
//
//     std::cerr << tendril::spawn_tree{};
//
//     greenlet 0 'main' running
//       greenlet 1 'hub' suspended
//       greenlet 2 'server' parked, waits for a connection, made at server.cpp:41
//         greenlet 7 parked, waits for an event, made at server.cpp:17
//         greenlet 9 ready
//
// Every greenlet that has not ended hangs under the one that has spawned it, or, if it was made by
// hand, under its parent. Those whose spawner has ended hang under the main greenlet, the root. A
// greenlet that a callback has spawned hangs under the hub.
//
// What a greenlet keeps for this is the number of its spawner and nothing else: it keeps nobody
// alive, and costs no memory. The tree is a copy of what the thread looked like. It holds no
// handles and is as true as its moment.

#include <tendril/greenlet/greenlet.hpp>

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

namespace tendril {

class spawn_tree {
public:
    /// What is known of one greenlet.
    struct node {
        /// Its number, and that of the one that has spawned it, or is its parent.
        std::uint32_t id = 0;
        std::uint32_t spawner = 0;
        /// How many stand between it and the top of this tree, itself counted.
        std::size_t level = 0;
        greenlet_state state = greenlet_state::unstarted;
        /// Its name, and what it waits for in the hub; each may be empty.
        std::string name;
        std::string waits_for;
        /// Where it was made; line 0 when that is not known.
        std::source_location made_at;
    };

    /// Looks at all greenlets of the calling thread. Throws: std::bad_alloc. Switches: never.
    spawn_tree();

    /// Looks at the one of the calling thread that has this number, and at those under it. There is
    /// nothing of one that has ended. Throws: std::bad_alloc. Switches: never.
    explicit spawn_tree(std::uint32_t top);

    /// All of them, each followed by those under it, in the order in which they were made.
    /// Switches: never. Thread: any.
    std::vector<node> const& nodes() const& noexcept { return nodes_; }
    std::vector<node> nodes() && noexcept { return std::move(nodes_); }

private:
    std::vector<node> nodes_;
};

/// Prints a line for each greenlet, indented by its level; from level 32 on the level stands there
/// as a number. Switches: never. Thread: any.
std::ostream& operator<<(std::ostream& out, spawn_tree const& printed);

}  // namespace tendril
