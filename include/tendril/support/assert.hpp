// SPDX-License-Identifier: BSL-1.0
#pragma once

// Two kinds of check, for two kinds of bug.
//
// `TENDRIL_REQUIRE(condition, text)` checks the caller: it throws `misuse`, in release builds too.
// The text states the rule and the likely fix. `TENDRIL_REQUIRE_AS(type, …)` throws a descendant.
//
// `TENDRIL_ASSERT(condition, text)` checks ourselves: the text cites the invariant. When it fails
// the state cannot be trusted, so it prints where, and in which greenlet, and aborts.

#include <tendril/support/config.hpp>
#include <tendril/support/error.hpp>

namespace tendril {

/// Writes a phrase that names the running greenlet ("greenlet 7 'worker'") into `text`.
/// This floor knows no greenlets, so an upper floor fills the pointer in; until then nobody is
/// named.
/// Thread: any.
using describe_current = void (*)(char* text, unsigned long size) noexcept;

/// Sets the function that failed assertions ask who is running. Thread: any.
void set_describe_current(describe_current function) noexcept;

/// Names the running greenlet in `text`, or makes it empty when there is nobody to name.
/// Thread: any; may be called in a signal handler.
void describe_running(char* text, unsigned long size) noexcept;

namespace detail {

template <typename Exception>
[[noreturn]] TENDRIL_COLD void throw_misuse(char const* text) {
    throw Exception{text};
}

[[noreturn]] TENDRIL_COLD void assertion_failed(
    char const* condition, char const* text, char const* file, int line) noexcept;

}  // namespace detail
}  // namespace tendril

#define TENDRIL_REQUIRE_AS(type, condition, text)                                                  \
    do {                                                                                           \
        if (!(condition)) [[unlikely]] {                                                           \
            ::tendril::detail::throw_misuse<type>(text);                                           \
        }                                                                                          \
    } while (false)

#define TENDRIL_REQUIRE(condition, text) TENDRIL_REQUIRE_AS(::tendril::misuse, condition, text)

#define TENDRIL_ASSERT(condition, text)                                                            \
    do {                                                                                           \
        if (!(condition)) [[unlikely]] {                                                           \
            ::tendril::detail::assertion_failed(#condition, text, __FILE__, __LINE__);             \
        }                                                                                          \
    } while (false)
