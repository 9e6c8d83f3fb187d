// SPDX-License-Identifier: BSL-1.0
#pragma once

// Writing many small things to a stream as few large ones.
//
//     tendril::buffered_writer writer{stream};
//     for (auto const& [name, value] : headers) {
//         writer.write(name);
//         writer.write(": ");
//         writer.write(value);
//         writer.write("\r\n");
//     }
//     writer.flush();
//
// A writer borrows its stream. What fits into the buffer is copied and costs no system call; what
// does not goes out together with the buffer, in one vectored write, and is not copied.
//
// An interruption (cancel, kill, a timeout) loses and doubles nothing: what has left is no longer
// in the buffer, what has not is, and `flush` can be called again. Only a `write` that does not fit
// and interrupted half way leaves a torn message: from then on the writer says `errc::broken`.
//
// The destructor writes nothing, because it must not wait: call `flush` before. Bytes that are
// forgotten so are reported to the hub's error handler; they are dropped in silence when an
// exception is on its way, or when an error of the stream has been told to somebody.
//
// `byte_writer` is what writers over all streams have in common: functions that write take that.

#include <tendril/io/abi_lock.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/io/error.hpp>
#include <tendril/io/stream.hpp>

#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace tendril {

/// How a writer works.
struct writer_options {
    /// How many bytes may wait in the buffer: a write that would make it more goes out at once.
    std::size_t capacity = std::size_t{16} * 1024;
};

class byte_writer {
public:
    byte_writer(byte_writer const&) = delete;
    byte_writer& operator=(byte_writer const&) = delete;

    /// Writes all of the buffers, into the buffer if there is room, otherwise with the buffer to
    /// the stream. Returns how many bytes; fewer only with an error. Throws: std::bad_alloc, and
    /// then nothing was written. Switches: may.
    template <typename ConstBuffers>
    requires boost::asio::is_const_buffer_sequence<ConstBuffers>::value std::size_t write(
        ConstBuffers const& buffers, error_code& error) {
        return write_all(detail::gathered_buffers{buffers}.span(), error);
    }
    template <typename ConstBuffers>
    requires boost::asio::is_const_buffer_sequence<ConstBuffers>::value std::size_t write(
        ConstBuffers const& buffers) {
        error_code error;
        std::size_t const size = write(buffers, error);
        detail::throw_if(error, "write");
        return size;
    }
    std::size_t write(std::string_view bytes, error_code& error) {
        return write(boost::asio::buffer(bytes), error);
    }
    std::size_t write(std::string_view bytes) { return write(boost::asio::buffer(bytes)); }

    /// The same, by the name that algorithms of Asio use. Switches: may.
    template <typename ConstBuffers>
    std::size_t write_some(ConstBuffers const& buffers, error_code& error) {
        return write(buffers, error);
    }
    template <typename ConstBuffers>
    std::size_t write_some(ConstBuffers const& buffers) {
        return write(buffers);
    }

    /// Writes what is in the buffer to the stream. Throws: system_error; what was requested for the
    /// greenlet, and then the rest is still in the buffer. Switches: may.
    void flush();
    void flush(error_code& error);

    /// How many bytes wait in the buffer. Switches: never.
    std::size_t size() const noexcept { return end_ - begin_; }

protected:
    using const_buffers = std::span<boost::asio::const_buffer const>;
    /// Writes once to the stream.
    using sink = std::size_t (*)(void* stream, const_buffers from, error_code& error);

    byte_writer(void* stream, sink write_to, writer_options const& options) noexcept;
    ~byte_writer();

private:
    std::size_t write_all(const_buffers parts, error_code& error);
    std::size_t write_through(const_buffers parts, error_code& error);
    bool refuses(error_code& error) const;
    void keep(const_buffers parts);

    void* stream_;
    sink write_;
    std::size_t const capacity_;
    // What waits is in [begin_, end_).
    std::unique_ptr<char[]> memory_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    // How many exceptions were on their way when it was made.
    int const exceptions_before_;
    // Somebody is in a call.
    bool busy_ = false;
    // A message was torn.
    bool broken_ = false;
    // The last write to the stream has failed, and somebody was told.
    bool told_ = false;
};

/// A writer over a stream, which must outlive it.
template <write_stream Stream>
class buffered_writer final : public byte_writer {
public:
    using next_layer_type = Stream;
    using executor_type = std::decay_t<decltype(std::declval<Stream&>().get_executor())>;
    using lowest_layer_type =
        std::remove_reference_t<decltype(std::declval<Stream&>().lowest_layer())>;

    /// Writes nothing yet, and takes memory with the first write only. Switches: never.
    explicit buffered_writer(Stream& stream, writer_options const& options = {}) noexcept
        : byte_writer{&stream, &write_to, options},
          stream_{stream} {}

    /// The stream. What is written to it directly comes before what is in the buffer.
    /// Switches: never.
    next_layer_type& next_layer() noexcept { return stream_; }

    /// For code that is written for Asio's layers. Throws: as the stream. Switches: never.
    executor_type get_executor() { return stream_.get_executor(); }
    lowest_layer_type& lowest_layer() { return stream_.lowest_layer(); }

private:
    static std::size_t write_to(void* stream, const_buffers from, error_code& error) {
        return static_cast<Stream*>(stream)->write_some(from, error);
    }

    Stream& stream_;
};

}  // namespace tendril
