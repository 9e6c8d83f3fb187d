// SPDX-License-Identifier: BSL-1.0
#pragma once

// What may go from one hub to another, as far as the compiler can tell.
//
//     group.spawn(serve, std::move(stream));     // error: a tcp_stream belongs to its hub
//     group.spawn(serve, stream.release());      // well: a descriptor belongs to the process
//
// A task, a local primitive, a stream or a greenlet belongs to the hub that it was made in, and
// must be used, and in most cases destroyed, on that thread. `may_cross_hubs` is false for these,
// and a `hub_group` refuses them as arguments and as results. It looks through references, through
// `std::reference_wrapper`, and into the parts of pairs, tuples and optionals. What a lambda has
// captured it cannot see.
//
// A type of a program that belongs to a hub says so:
//
//     template <>
//     inline constexpr bool tendril::may_cross_hubs<session> = false;
//
// Read next: hub_group.hpp; docs/many-cores.md.

#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace tendril {

template <typename T>
class task;
template <typename T>
class future;
template <typename T>
class promise;
template <typename T>
class queue;
template <typename T>
class channel;
class greenlet;
class greenlet_ref;
class hub;
class event;
class auto_reset_event;
class mutex;
class recursive_mutex;
class shared_mutex;
class condition_variable;
class latch;
class stream_socket;
class tcp_stream;
class tcp_listener;
class unix_stream;
class unix_listener;
class udp_socket;

/// Says whether a value of this type may go to another hub. A program specialises it for its own.
template <typename T>
inline constexpr bool may_cross_hubs = true;

template <typename T>
inline constexpr bool may_cross_hubs<T const> = may_cross_hubs<T>;
template <typename T>
inline constexpr bool may_cross_hubs<T&> = may_cross_hubs<T>;
template <typename T>
inline constexpr bool may_cross_hubs<T&&> = may_cross_hubs<T>;
template <typename T>
inline constexpr bool may_cross_hubs<T*> = may_cross_hubs<T>;
template <typename T>
inline constexpr bool may_cross_hubs<std::reference_wrapper<T>> = may_cross_hubs<T>;
template <typename T>
inline constexpr bool may_cross_hubs<std::optional<T>> = may_cross_hubs<T>;
template <typename First, typename Second>
inline constexpr bool may_cross_hubs<std::pair<First, Second>> =
    may_cross_hubs<First>&& may_cross_hubs<Second>;
template <typename... Parts>
inline constexpr bool may_cross_hubs<std::tuple<Parts...>> = (may_cross_hubs<Parts> && ...);

// Tasks, and what greenlets of one thread share.
template <typename T>
inline constexpr bool may_cross_hubs<task<T>> = false;
template <typename T>
inline constexpr bool may_cross_hubs<future<T>> = false;
template <typename T>
inline constexpr bool may_cross_hubs<promise<T>> = false;
template <typename T>
inline constexpr bool may_cross_hubs<queue<T>> = false;
template <typename T>
inline constexpr bool may_cross_hubs<channel<T>> = false;
template <>
inline constexpr bool may_cross_hubs<greenlet> = false;
template <>
inline constexpr bool may_cross_hubs<greenlet_ref> = false;
template <>
inline constexpr bool may_cross_hubs<hub> = false;
template <>
inline constexpr bool may_cross_hubs<event> = false;
template <>
inline constexpr bool may_cross_hubs<auto_reset_event> = false;
template <>
inline constexpr bool may_cross_hubs<mutex> = false;
template <>
inline constexpr bool may_cross_hubs<recursive_mutex> = false;
template <>
inline constexpr bool may_cross_hubs<shared_mutex> = false;
template <>
inline constexpr bool may_cross_hubs<condition_variable> = false;
template <>
inline constexpr bool may_cross_hubs<latch> = false;

// Streams and sockets, which stand in the reactor of one hub.
template <>
inline constexpr bool may_cross_hubs<stream_socket> = false;
template <>
inline constexpr bool may_cross_hubs<tcp_stream> = false;
template <>
inline constexpr bool may_cross_hubs<tcp_listener> = false;
template <>
inline constexpr bool may_cross_hubs<unix_stream> = false;
template <>
inline constexpr bool may_cross_hubs<unix_listener> = false;
template <>
inline constexpr bool may_cross_hubs<udp_socket> = false;

}  // namespace tendril
