// SPDX-License-Identifier: BSL-1.0
#pragma once

// A stack: a piece of memory that grows down, from its top to its guard.
//
//        high addresses   (a page that nobody uses, where slots are 256 KiB and more)
//      ┌────────────────┐ ← end of the slot
//      │ colour         │   0 to 31 cache lines, so that the hot frames of many stacks do not all
//      ├────────────────┤ ← top   fall into the same set of the cache
//      │ frames         │
//      │   ↓            │
//      │ (never touched:│   costs address space only
//      │  no memory)    │
//      ├────────────────┤ ← limit
//      │ guard          │   64 KiB that nobody may touch: an overflow faults here
//      └────────────────┘ ← start of the slot
//        low addresses
//
// Stacks come from a `stack_pool` (stack_pool.hpp), which also says why the guard is so large.

#include <tendril/context/sanitizer.hpp>

#include <cstddef>
#include <cstdint>

namespace tendril {

struct stack {
    /// The first frame is pushed below this address.
    std::byte* top;
    /// The lowest address that may be touched.
    std::byte* limit;
    /// The next stack in the pool's list of idle ones.
    stack* next_idle;
    /// Where its user's other frames are, while it serves as a big stack; else null.
    stack* below;
    /// What the sanitizers know about this stack. It stays with the stack when it is reused.
    sanitizer_record sanitizer;
    /// Which list of the pool it returns to.
    std::uint16_t size_class;
    /// Whether it stands in that list.
    bool idle;
    /// Valgrind's number for it; 0 when Valgrind is not told.
    std::uint32_t valgrind_id;

    /// How many bytes frames may take.
    std::size_t size() const noexcept { return static_cast<std::size_t>(top - limit); }
};

}  // namespace tendril
