// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the compiler and the platform are, in one place.
//
// Everything above this floor reads these macros and never asks the compiler itself, so that the
// rest of the library has no preprocessor conditionals. A macro that is 0 or 1 is always defined
// and is read with `#if`, so a misspelt name is a warning and not a silent "no".

#define TENDRIL_VERSION_MAJOR 0
#define TENDRIL_VERSION_MINOR 1
#define TENDRIL_VERSION_PATCH 0

#if !defined(__linux__)
#error "tendril runs on Linux: its stacks, guards and reactor use Linux system calls"
#endif

#if defined(__x86_64__) && defined(__LP64__)
#define TENDRIL_X86_64 1
#else
#define TENDRIL_X86_64 0
#endif

// AddressSanitizer and ThreadSanitizer must be told about every switch (context/sanitizer.hpp).
#if defined(__SANITIZE_ADDRESS__)
#define TENDRIL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TENDRIL_ASAN 1
#endif
#endif
#if !defined(TENDRIL_ASAN)
#define TENDRIL_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define TENDRIL_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TENDRIL_TSAN 1
#endif
#endif
#if !defined(TENDRIL_TSAN)
#define TENDRIL_TSAN 0
#endif

// Code that is inlined into the caller's frame even without optimisation: the switch, whose
// return must be predicted by the caller's branch history and not by the callee's.
#define TENDRIL_ALWAYS_INLINE [[gnu::always_inline]] inline

// Code that leaves the hot path: kept out of line so that the path stays short in the cache.
#define TENDRIL_COLD [[gnu::cold, gnu::noinline]]

// A function that is entered on a stack and never left. ThreadSanitizer, which counts entries and
// exits, would keep its frame for ever and overflow its own call stack after some ten thousand
// uses of the same stack.
#define TENDRIL_NEVER_LEFT [[gnu::no_sanitize_thread]]

// A thread-local that is read on every switch. The model lets the shared library reach it with
// one instruction; it needs a few bytes of static TLS, which the loader keeps in reserve.
#define TENDRIL_FAST_TLS [[gnu::tls_model("initial-exec")]]

// The name by which the assembler knows a variable.
#define TENDRIL_SYMBOL(name) asm(name)

// Reads such a thread-local pointer and shares nothing with an earlier read. A compiler keeps the
// offset of a thread-local in a register across a switch. That register comes back from the stack
// which goes on, and whoever reads the pointer next would wait for that stack's memory: among ten
// thousand greenlets, most of the time of a switch.
#if TENDRIL_X86_64
#define TENDRIL_READ_AFRESH(result, variable, name)                                                \
    asm volatile("mov{q}\t{" name "@gottpoff(%%rip), %0|%0, QWORD PTR " name "@gottpoff[rip]}\n\t" \
                 "mov{q}\t{%%fs:(%0), %0|%0, QWORD PTR fs:[%0]}"                                   \
                 : "=r"(result))
#else
#define TENDRIL_READ_AFRESH(result, variable, name) result = variable
#endif
