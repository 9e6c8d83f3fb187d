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
// This is also where the calls of those streams are declared: `stream_forms` has `read_some`,
// `write_some` and `write`, and `limited_stream_forms`, for sockets and TLS, `read_some_for`,
// `write_until` and the like as well. A stream of one's own may be made with them, too.
//
// Read next: any_stream.hpp.

#include <tendril/hub/deadline.hpp>
#include <tendril/io/error.hpp>

#include <boost/asio/buffer.hpp>

#include <chrono>
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

/// The calls of a class that derives from `stream_forms` of itself. They are made of functions that
/// it has, open to its friend `stream_forms`, templates over sequences of buffers. These report in
/// `error` what goes wrong, and throw only what was requested for the greenlet:
///
///     read_into(buffers, error)            does what `read_some` is for
///     write_part_of(buffers, error)        what `write_some` is for
///     write_all_of(buffers, error)         what `write` is for
///     checked(size, error, call)           if it has one: throws when there is an error, else
///                                          returns `size`; that of the forms throws `system_error`
///                                          with the name of the call
template <typename Derived>
class stream_forms {
public:
    /// Waits until there is something to read, and reads what there is, at most what fits into the
    /// buffers. Returns how many bytes; zero at once for buffers without room. When it is
    /// interrupted it has taken nothing. Switches: may.
    template <typename MutableBuffers>
    std::size_t read_some(MutableBuffers const& buffers, error_code& error) {
        return self().read_into(buffers, error);
    }
    template <typename MutableBuffers>
    std::size_t read_some(MutableBuffers const& buffers) {
        error_code error;
        return self().checked(read_some(buffers, error), error, "read_some");
    }

    /// Writes a part of the buffers, waiting until at least some of it can leave. Returns how many
    /// bytes did. Switches: may.
    template <typename ConstBuffers>
    std::size_t write_some(ConstBuffers const& buffers, error_code& error) {
        return self().write_part_of(buffers, error);
    }
    template <typename ConstBuffers>
    std::size_t write_some(ConstBuffers const& buffers) {
        error_code error;
        return self().checked(write_some(buffers, error), error, "write_some");
    }

    /// Writes all of the buffers. Returns how many bytes left; fewer only with an error. When it is
    /// interrupted half way, what the peer received is unknown, and the stream is broken from then
    /// on. Switches: may.
    template <typename ConstBuffers>
    std::size_t write(ConstBuffers const& buffers, error_code& error) {
        return self().write_all_of(buffers, error);
    }
    template <typename ConstBuffers>
    std::size_t write(ConstBuffers const& buffers) {
        error_code error;
        return self().checked(write(buffers, error), error, "write");
    }

protected:
    stream_forms() = default;
    stream_forms(stream_forms const&) = default;
    stream_forms& operator=(stream_forms const&) = default;
    ~stream_forms() = default;

    /// Throws `system_error` when there is an error; otherwise returns the size. Switches: never.
    static std::size_t checked(std::size_t size, error_code const& error, char const* call) {
        detail::throw_if(error, call);
        return size;
    }

private:
    Derived& self() noexcept { return static_cast<Derived&>(*this); }
};

/// Those, and the forms with a limit. Here `read_into` and `write_all_of` have a last parameter,
/// `deadline const* limit = nullptr`: null means that the call has no limit of its own.
template <typename Derived>
class limited_stream_forms : public stream_forms<Derived> {
public:
    /// Waits and reads, as `read_some` does, but until a moment, or for a while, at most: then the
    /// error is `errc::timed_out`. What is there beats a limit that has passed. Switches: may.
    template <typename MutableBuffers>
    std::size_t read_some_until(MutableBuffers const& buffers, error_code& error, deadline limit) {
        return self().read_into(buffers, error, &limit);
    }
    template <typename MutableBuffers>
    std::size_t read_some_until(MutableBuffers const& buffers, deadline limit) {
        error_code error;
        return self().checked(self().read_into(buffers, error, &limit), error, "read_some");
    }
    template <typename MutableBuffers, typename Rep, typename Period>
    std::size_t read_some_for(
        MutableBuffers const& buffers, error_code& error,
        std::chrono::duration<Rep, Period> const& duration) {
        return read_some_until(buffers, error, deadline::after(duration));
    }
    template <typename MutableBuffers, typename Rep, typename Period>
    std::size_t read_some_for(
        MutableBuffers const& buffers, std::chrono::duration<Rep, Period> const& duration) {
        return read_some_until(buffers, deadline::after(duration));
    }

    /// Writes all of the buffers, as `write` does, but until a moment, or for a while, at most: the
    /// limit is for all of it, and half way it leaves the stream broken. Switches: may.
    template <typename ConstBuffers>
    std::size_t write_until(ConstBuffers const& buffers, error_code& error, deadline limit) {
        return self().write_all_of(buffers, error, &limit);
    }
    template <typename ConstBuffers>
    std::size_t write_until(ConstBuffers const& buffers, deadline limit) {
        error_code error;
        return self().checked(self().write_all_of(buffers, error, &limit), error, "write");
    }
    template <typename ConstBuffers, typename Rep, typename Period>
    std::size_t write_for(
        ConstBuffers const& buffers, error_code& error,
        std::chrono::duration<Rep, Period> const& duration) {
        return write_until(buffers, error, deadline::after(duration));
    }
    template <typename ConstBuffers, typename Rep, typename Period>
    std::size_t write_for(
        ConstBuffers const& buffers, std::chrono::duration<Rep, Period> const& duration) {
        return write_until(buffers, deadline::after(duration));
    }

private:
    Derived& self() noexcept { return static_cast<Derived&>(*this); }
};

}  // namespace tendril
