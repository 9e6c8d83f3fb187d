// SPDX-License-Identifier: BSL-1.0
#pragma once

// What AddressSanitizer and ThreadSanitizer must be told when the stack pointer leaps.
//
// AddressSanitizer keeps a shadow of the stack it believes to be running on, and a "fake stack"
// for locals that outlive their frame; both must follow the leap. ThreadSanitizer keeps a call
// stack and a clock for every thread of execution and must know which one goes on. In a build
// without sanitizers everything here compiles to nothing.
//
// The calls stand directly in the jump and in no function of their own: ThreadSanitizer instruments
// function entries and exits, and a function that is entered on one stack and left on another
// would unbalance its books.

#include <tendril/support/config.hpp>

#include <cstddef>

#if TENDRIL_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if TENDRIL_TSAN
#include <sanitizer/tsan_interface.h>
#endif

// Code that is inline in the program and code of the library must tell the sanitizers the same. As
// in io/abi_lock.hpp, a symbol whose name spells it makes the linker say so.
#define TENDRIL_SANITIZER_PASTE(asan, tsan)                                                        \
    tendril_built_with_address_sanitizer_##asan##_thread_sanitizer_##tsan
#define TENDRIL_SANITIZER_NAME(asan, tsan) TENDRIL_SANITIZER_PASTE(asan, tsan)
#define TENDRIL_SANITIZER_SYMBOL TENDRIL_SANITIZER_NAME(TENDRIL_ASAN, TENDRIL_TSAN)

extern "C" char const TENDRIL_SANITIZER_SYMBOL;

namespace tendril::detail {
[[gnu::used]] static char const* const sanitizer_lock = &TENDRIL_SANITIZER_SYMBOL;
}

namespace tendril {

/// What the sanitizers know about one stack. The layout is the same in every build.
struct sanitizer_record {
    /// Lowest address and size of the stack, for AddressSanitizer.
    void const* bottom;
    std::size_t size;
    /// AddressSanitizer's fake stack, while the stack is suspended.
    void* fake_stack;
    /// ThreadSanitizer's view of the stack.
    void* tsan_fiber;
};

namespace sanitizer {

/// Announces that execution is about to leap from one stack to the other.
TENDRIL_ALWAYS_INLINE void leave(
    [[maybe_unused]] sanitizer_record& from, [[maybe_unused]] sanitizer_record& to) noexcept {
#if TENDRIL_ASAN
    __sanitizer_start_switch_fiber(&from.fake_stack, to.bottom, to.size);
#endif
#if TENDRIL_TSAN
    __tsan_switch_to_fiber(to.tsan_fiber, 0);
#endif
}

/// As above, but the stack that is left has no live frame any more: its fake stack is freed.
TENDRIL_ALWAYS_INLINE void leave_for_good([[maybe_unused]] sanitizer_record& to) noexcept {
#if TENDRIL_ASAN
    __sanitizer_start_switch_fiber(nullptr, to.bottom, to.size);
#endif
#if TENDRIL_TSAN
    __tsan_switch_to_fiber(to.tsan_fiber, 0);
#endif
}

/// Announces that execution has arrived on the stack of `self`.
TENDRIL_ALWAYS_INLINE void arrive([[maybe_unused]] sanitizer_record& self) noexcept {
#if TENDRIL_ASAN
    __sanitizer_finish_switch_fiber(self.fake_stack, nullptr, nullptr);
    self.fake_stack = nullptr;
#endif
}

/// Describes the stack that the calling thread was born with.
sanitizer_record of_this_thread() noexcept;

/// Describes a new stack of a pool; the record stays with the stack when it is reused.
sanitizer_record of_new_stack(void const* bottom, std::size_t size) noexcept;

/// Lifts the marks that dead frames left on a stack, so that it can be used again.
inline void clean([[maybe_unused]] sanitizer_record const& record) noexcept {
#if TENDRIL_ASAN
    __asan_unpoison_memory_region(record.bottom, record.size);
#endif
}

/// Lifts the marks of frames that lay below an address and are gone without having returned.
void forget_frames_below(sanitizer_record const& record, void const* address) noexcept;

/// Forgets a stack whose memory goes back to the system.
void forget(sanitizer_record& record) noexcept;

}  // namespace sanitizer
}  // namespace tendril
