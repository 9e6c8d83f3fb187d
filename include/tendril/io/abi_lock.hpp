// SPDX-License-Identifier: BSL-1.0
#pragma once

// Makes a program that sees another Boost than the library did fail to link.
//
// Asio's classes are laid out by its version and by a handful of macros. When the library and a
// program disagree about them, everything still links, and then writes into each other's memory. So
// every header that uses Asio refers to one symbol whose name spells what the layout depends on,
// and the library defines the one that it was built with. The linker's message then says which word
// differs:
//
//     undefined reference to
//     `tendril_built_with_boost_108100_tracking_0_uring_0_epoll_1_threads_1_checked_0'

#include <boost/version.hpp>

#if defined(BOOST_ASIO_ENABLE_HANDLER_TRACKING) || defined(BOOST_ASIO_CUSTOM_HANDLER_TRACKING)
#define TENDRIL_ABI_TRACKING 1
#else
#define TENDRIL_ABI_TRACKING 0
#endif
#if defined(BOOST_ASIO_HAS_IO_URING)
#define TENDRIL_ABI_URING 1
#else
#define TENDRIL_ABI_URING 0
#endif
#if defined(BOOST_ASIO_DISABLE_EPOLL)
#define TENDRIL_ABI_EPOLL 0
#else
#define TENDRIL_ABI_EPOLL 1
#endif

#if defined(BOOST_ASIO_DISABLE_THREADS)
#define TENDRIL_ABI_THREADS 0
#else
#define TENDRIL_ABI_THREADS 1
#endif
// The checked mode of the standard library lays its containers out anew, and switches on checks in
// Asio's buffers that do as much.
#if defined(_GLIBCXX_DEBUG) || defined(BOOST_ASIO_ENABLE_BUFFER_DEBUGGING)
#define TENDRIL_ABI_CHECKED 1
#else
#define TENDRIL_ABI_CHECKED 0
#endif

#define TENDRIL_ABI_PASTE(b, t, u, e, h, c)                                                        \
    tendril_built_with_boost_##b##_tracking_##t##_uring_##u##_epoll_##e##_threads_##h##_checked_##c
#define TENDRIL_ABI_NAME(boost, tracking, uring, epoll, threads, checked)                          \
    TENDRIL_ABI_PASTE(boost, tracking, uring, epoll, threads, checked)
#define TENDRIL_ABI_SYMBOL                                                                         \
    TENDRIL_ABI_NAME(                                                                              \
        BOOST_VERSION, TENDRIL_ABI_TRACKING, TENDRIL_ABI_URING, TENDRIL_ABI_EPOLL,                 \
        TENDRIL_ABI_THREADS, TENDRIL_ABI_CHECKED)

extern "C" char const TENDRIL_ABI_SYMBOL;

namespace tendril::detail {

// One reference in each object file that includes this header; the linker must resolve it.
[[gnu::used]] static char const* const abi_lock = &TENDRIL_ABI_SYMBOL;

}  // namespace tendril::detail
