// SPDX-License-Identifier: BSL-1.0
#pragma once

// What a stream of bytes is: the calls that code over any stream may rely on.
//
//     template <tendril::byte_stream Stream>
//     void answer(Stream& stream) {
//         std::array<char, 512> data;
//         std::size_t const size = stream.read_some(boost::asio::buffer(data));
//         stream.write(boost::asio::buffer(data, size));
//     }
//
// `tcp_stream`, `unix_stream`, `tls_stream`, `any_stream` and `testing::memory_stream` are such
// streams. What a concept cannot say is the same for all of them:
//
// * Each operation has a form that throws `system_error`, and one that fills an `error_code`. What
//   was requested for the greenlet (cancel, kill, a timeout) is thrown by both.
// * `read_some` waits for at least one byte; for buffers without room it returns zero at once. The
//   end is the error `asio::error::eof`. A read that is interrupted has taken nothing.
// * `write_some` takes a part, `write` all. A `write` that is interrupted half way leaves a stream
//   that refuses further writes (`errc::broken`).
// * One greenlet may read while another one writes. A second reader or writer gets `errc::busy`.
// * `close` ends the waits of both with `errc::closed`, and so does each operation afterwards. A
//   second call does nothing. A destructor closes as well.
//
// Read next: any_stream.hpp.

#include <tendril/io/error.hpp>

#include <boost/asio/buffer.hpp>

#include <concepts>
#include <cstddef>

namespace tendril {

/// What bytes can be read from.
template <typename T>
concept read_stream = requires(T& stream, boost::asio::mutable_buffer into, error_code& error) {
    { stream.read_some(into) } -> std::same_as<std::size_t>;
    { stream.read_some(into, error) } -> std::same_as<std::size_t>;
    stream.get_executor();
    stream.lowest_layer();
};

/// What bytes can be written to.
template <typename T>
concept write_stream = requires(T& stream, boost::asio::const_buffer from, error_code& error) {
    { stream.write_some(from) } -> std::same_as<std::size_t>;
    { stream.write_some(from, error) } -> std::same_as<std::size_t>;
    { stream.write(from) } -> std::same_as<std::size_t>;
    { stream.write(from, error) } -> std::same_as<std::size_t>;
    stream.get_executor();
    stream.lowest_layer();
};

/// Both, with an end: one direction can be ended, and the whole closed.
template <typename T>
concept byte_stream = read_stream<T> && write_stream<T> &&
    requires(T& stream, T const& looked_at, error_code& error) {
    stream.shutdown_send();
    stream.shutdown_send(error);
    stream.close();
    { looked_at.is_open() } -> std::convertible_to<bool>;
};

}  // namespace tendril
