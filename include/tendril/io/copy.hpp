// SPDX-License-Identifier: BSL-1.0
#pragma once

// Moving bytes from one stream to another, until the end.
//
//     auto bytes = tendril::copy(client, file);        // one way
//     tendril::copy_both(client, backend);             // a proxy
//
// `copy` reads until the end of one stream, and writes all of it to the other; it leaves both open.
// `copy_both` copies both ways at once, one of them in a task of its own. When one direction has
// ended it ends the sending side of the other stream, so the peer there learns of it, and goes on
// with the other direction: half of a connection may be closed for long. It ends when
//
//     both directions have ended       returns
//     one direction fails              ends the other one, and fails with that error
//     the caller is interrupted        ends both, and throws
//
// and leaves the streams for the caller to close. What had been read, and could not be written, is
// lost when a copy fails or is interrupted.

#include <tendril/io/abi_lock.hpp>
#include <tendril/io/error.hpp>
#include <tendril/io/stream.hpp>

#include <boost/asio/buffer.hpp>

#include <cstdint>

namespace tendril {

namespace detail {

/// One way: from one stream to another, whatever they are.
struct copy_way {
    std::size_t (*read)(void* stream, boost::asio::mutable_buffer into, error_code& error);
    std::size_t (*write)(void* stream, boost::asio::const_buffer from, error_code& error);
    /// Ends the sending side of the stream that is written to; null where that is to stay open.
    void (*end)(void* stream, error_code& error);
    void* from;
    void* to;
    std::uint64_t bytes = 0;
};

template <typename From, typename To>
copy_way way_between(From& from, To& to) {
    return {
        .read =
            [](void* stream, boost::asio::mutable_buffer into, error_code& error) {
                return static_cast<From*>(stream)->read_some(into, error);
            },
        .write = [](void* stream, boost::asio::const_buffer bytes,
                    error_code& error) { return static_cast<To*>(stream)->write(bytes, error); },
        .end = nullptr,
        .from = &from,
        .to = &to,
    };
}
template <typename From, typename To>
copy_way way_with_end(From& from, To& to) {
    copy_way way = way_between(from, to);
    way.end = [](void* stream, error_code& error) {
        static_cast<To*>(stream)->shutdown_send(error);
    };
    return way;
}

void copy_one_way(copy_way& way, error_code& error);
void copy_ways(copy_way& there, copy_way& back, error_code& error);

}  // namespace detail

/// Reads `from` to its end and writes all to `to`. Returns how many bytes. Throws: system_error;
/// what was requested for the greenlet; std::bad_alloc. Switches: may.
template <read_stream From, write_stream To>
std::uint64_t copy(From& from, To& to, error_code& error) {
    detail::copy_way way = detail::way_between(from, to);
    detail::copy_one_way(way, error);
    return way.bytes;
}
template <read_stream From, write_stream To>
std::uint64_t copy(From& from, To& to) {
    error_code error;
    std::uint64_t const bytes = copy(from, to, error);
    detail::throw_if(error, "copy");
    return bytes;
}

/// How many bytes went each way.
struct both_copied {
    /// From the first stream to the second, and from the second to the first.
    std::uint64_t there = 0;
    std::uint64_t back = 0;
};

/// Copies both ways until both have ended, as said above. Throws: as `copy`. Switches: may.
template <byte_stream First, byte_stream Second>
both_copied copy_both(First& first, Second& second, error_code& error) {
    detail::copy_way there = detail::way_with_end(first, second);
    detail::copy_way back = detail::way_with_end(second, first);
    detail::copy_ways(there, back, error);
    return {there.bytes, back.bytes};
}
template <byte_stream First, byte_stream Second>
both_copied copy_both(First& first, Second& second) {
    error_code error;
    both_copied const bytes = copy_both(first, second, error);
    detail::throw_if(error, "copy_both");
    return bytes;
}

}  // namespace tendril
