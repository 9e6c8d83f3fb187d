// SPDX-License-Identifier: BSL-1.0
#pragma once

// Reading lines, and other parts of a known shape, from a stream that delivers bytes as they come.
//
//     tendril::buffered_reader reader{stream};
//     for (std::string const& line : reader.lines()) {
//         …
//     }
//     std::string head = reader.read_until("\r\n\r\n", 8192);
//     std::string body = reader.read_exactly(length);
//
// A reader borrows its stream, and asks it for more only when somebody asks the reader: it holds no
// more than one call needs and one block. What has been received is lost by nothing: a call that is
// interrupted (cancel, kill, a timeout), or ends with an error, leaves it in the buffer, and the
// next call begins there. So a limit around a call is safe:
//
//     auto line = tendril::move_on_after(1s, [&] { return reader.read_line(); });
//
//     condition                                 a call throws, or sets as `error`
//     the end in the middle of a part           incomplete_read, with what there was; asio's eof
//     a part is longer than its limit           errc::too_long; it stays in the buffer
//     another greenlet reads                    errc::busy
//     anything else                             the stream's error
//
// A reader is itself a `read_stream`, so Asio's and Beast's algorithms can read through it what
// begins in the buffer. `byte_reader` is what readers over all streams have in common: functions
// that read take that.
//
// Read next: buffered_writer.hpp; lib/io/buffered_reader.cpp.

#include <tendril/io/abi_lock.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/io/error.hpp>
#include <tendril/io/stream.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <cstddef>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace tendril {

/// The stream has ended in the middle of a part. Its code is `asio::error::eof`.
class incomplete_read : public system_error {
public:
    /// Keeps what had come. Throws: std::bad_alloc. Switches: never.
    explicit incomplete_read(std::string partial);

    /// What had come of the part. It is no longer in the buffer. Switches: never.
    std::string const& partial() const noexcept { return *partial_; }

private:
    // Copying an exception must not throw.
    std::shared_ptr<std::string const> partial_;
};

/// How a reader works.
struct reader_options {
    /// How long a line, or another part that ends with a delimiter, may be, where a call says
    /// nothing else. The delimiter counts.
    std::size_t limit = 64 * 1024;
    /// How many bytes it asks the stream for, at least. At least one.
    std::size_t block = 4096;
};

class line_range;

class byte_reader {
public:
    byte_reader(byte_reader const&) = delete;
    byte_reader& operator=(byte_reader const&) = delete;

    /// Reads what is in the buffer; waits for something, if there is nothing. At most what fits
    /// into the first buffer with room; zero bytes when none has any. Switches: may.
    template <typename MutableBuffers>
    std::size_t read_some(MutableBuffers const& buffers, error_code& error) {
        return read_once(detail::first_with_room(buffers), error);
    }
    template <typename MutableBuffers>
    std::size_t read_some(MutableBuffers const& buffers) {
        error_code error;
        std::size_t const size = read_some(buffers, error);
        detail::throw_if(error, "read_some");
        return size;
    }

    /// Waits until there are `size` bytes, and returns them; with an error, and the end is one,
    /// the second form returns what had come before the end. Switches: may.
    std::string read_exactly(std::size_t size);
    std::string read_exactly(std::size_t size, error_code& error);

    /// Reads up to a delimiter, and returns all with the delimiter. The part may be `limit` long,
    /// or as long as the options say. With the end as its error the last form returns what had
    /// come before. Throws: misuse for an empty delimiter. Switches: may.
    std::string read_until(std::string_view delimiter) { return read_until(delimiter, limit()); }
    std::string read_until(std::string_view delimiter, std::size_t limit);
    std::string read_until(std::string_view delimiter, std::size_t limit, error_code& error);

    /// Reads a line, and returns it without its end, "\n" or "\r\n"; nothing at the end of the
    /// stream, which is no error here. The last line may lack its end. Switches: may.
    std::optional<std::string> read_line() { return read_line(limit()); }
    std::optional<std::string> read_line(std::size_t limit);
    std::optional<std::string> read_line(std::size_t limit, error_code& error);

    /// The lines from here to the end, for a loop. They are read as the loop goes.
    /// Switches: never; each step of the loop may.
    line_range lines();

    /// Reads all that comes before the end; more than `limit` is `errc::too_long`, and stays in
    /// the buffer. Switches: may.
    std::string read_all(std::size_t limit = std::numeric_limits<std::size_t>::max());
    std::string read_all(std::size_t limit, error_code& error);

    /// Waits until there are `size` bytes in the buffer, or the end has come, and returns all that
    /// there is, without taking it. The view is good until the next call. Switches: may.
    std::string_view peek(std::size_t size = 1);
    std::string_view peek(std::size_t size, error_code& error);

    /// Takes bytes out of the buffer: after `peek`. Throws: misuse when there are not as many.
    /// Switches: never.
    void consume(std::size_t size);

    /// What is in the buffer. The view is good until the next call. Switches: never.
    std::string_view buffered() const noexcept { return {memory_.get() + begin_, end_ - begin_}; }

    /// How long a part may be where a call says nothing else. Switches: never.
    std::size_t limit() const noexcept { return options_.limit; }

protected:
    /// Reads once from the stream.
    using source =
        std::size_t (*)(void* stream, boost::asio::mutable_buffer into, error_code& error);

    byte_reader(void* stream, source read, reader_options const& options);
    ~byte_reader() = default;

private:
    std::size_t read_once(boost::asio::mutable_buffer into, error_code& error);
    std::size_t end_of_part(std::string_view delimiter, std::size_t limit, error_code& error);
    bool fill(error_code& error);
    void make_room();
    std::string take(std::size_t size);
    void drop(std::size_t size) noexcept;

    void* stream_;
    source read_;
    reader_options const options_;
    // What has been received and not been taken is in [begin_, end_).
    std::unique_ptr<char[]> memory_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    // Somebody is in a call.
    bool busy_ = false;
};

/// Lines as a range: `byte_reader::lines`.
class line_range {
public:
    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using value_type = std::string;
        using difference_type = std::ptrdiff_t;

        iterator() noexcept = default;

        std::string& operator*() const noexcept { return *range_->line_; }
        /// Reads the next line. Throws: as `byte_reader::read_line`. Switches: may.
        iterator& operator++() {
            range_->next();
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const noexcept { return !range_->line_; }

    private:
        friend class line_range;
        explicit iterator(line_range& range) noexcept : range_{&range} {}

        line_range* range_ = nullptr;
    };

    /// Reads the first line. Throws: as `byte_reader::read_line`. Switches: may.
    iterator begin() {
        next();
        return iterator{*this};
    }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    friend class byte_reader;
    explicit line_range(byte_reader& reader) noexcept : reader_{&reader} {}
    void next() { line_ = reader_->read_line(); }

    byte_reader* reader_;
    std::optional<std::string> line_;
};

inline line_range byte_reader::lines() { return line_range{*this}; }

/// A reader over a stream, which must outlive it.
template <read_stream Stream>
class buffered_reader final : public byte_reader {
public:
    using next_layer_type = Stream;
    using executor_type = std::decay_t<decltype(std::declval<Stream&>().get_executor())>;
    using lowest_layer_type =
        std::remove_reference_t<decltype(std::declval<Stream&>().lowest_layer())>;

    /// Reads nothing yet, and takes memory with the first call only.
    /// Throws: misuse for a block of no bytes. Switches: never.
    explicit buffered_reader(Stream& stream, reader_options const& options = {})
        : byte_reader{&stream, &read_from, options},
          stream_{stream} {}

    /// The stream. What is read from it directly comes behind what is in the buffer.
    /// Switches: never.
    next_layer_type& next_layer() noexcept { return stream_; }

    /// For code that is written for Asio's layers. Throws: as the stream. Switches: never.
    executor_type get_executor() { return stream_.get_executor(); }
    lowest_layer_type& lowest_layer() { return stream_.lowest_layer(); }

private:
    static std::size_t read_from(
        void* stream, boost::asio::mutable_buffer into, error_code& error) {
        return static_cast<Stream*>(stream)->read_some(into, error);
    }

    Stream& stream_;
};

}  // namespace tendril
