// SPDX-License-Identifier: BSL-1.0
#pragma once

// What a hub does with time it has to spare: give back to the system what a crowd has left behind.
//
// A hub that would sleep looks at the stacks of its thread once in a while, as long as there is
// something to look at. A second after the crowd is gone, the pages of its stacks go; another
// second later, the addresses, the control blocks, and what is free in the heap. Each step takes
// some 50 us, and between two steps the hub looks for something better to do. Two take longer, once
// for a crowd: the look that finds its slabs idle, and the last one, about 0.1 us for each greenlet
// that there was.

#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/deadline.hpp>

namespace tendril::detail {

class upkeep {
public:
    explicit upkeep(thread_record& thread) noexcept : thread_{thread} {}

    /// Says whether there is something to look at, now or later.
    bool is_wanted() const noexcept { return thread_.stacks.has_leftovers(); }

    /// Makes a step, if it is time for one. Returns when the next one is due: at once, when there
    /// is more to do.
    time_point make_step(time_point present) noexcept;

private:
    void tidy_heap() noexcept;

    thread_record& thread_;
    time_point next_review_ = time_point::min();
    // The review before has left something to do.
    bool has_more_ = false;
    bool heap_is_due_ = false;
};

}  // namespace tendril::detail
