// SPDX-License-Identifier: BSL-1.0
#pragma once

// Two streams that are connected in memory: a peer for a test, without a network.
//
//     auto [client, server] = tendril::testing::memory_stream::pair();
//     tendril::spawn([&, &server = server] { serve(server); });
//     boost::asio::write(client, boost::asio::buffer("hello"sv));
//
// They model Asio's SyncReadStream and SyncWriteStream and park like a `tcp_stream`, so that what
// is a template over such streams, Asio's own algorithms included, runs over them; and they need no
// reactor, so that a virtual clock and a seeded order see all that happens. A direction has a
// buffer of bounded size: a writer parks when it is full.
//
//     condition                                  error
//     the peer has ended its direction           asio::error::eof, when all has been read
//     closed by this side, now or before         errc::closed
//     the direction was ended, or nobody reads   asio::error::broken_pipe
//     another greenlet reads (or writes)         errc::busy
//     a write was interrupted half way before    errc::broken
//
// `read_some`, `write_some` and `write`, throwing or with an error, are declared in io/stream.hpp.
// Here `read_some` and `write_some` serve the first buffer that is not empty.
//
// A network delivers in pieces: `largest_read` and `largest_write` say how many bytes a call moves
// at most. With 1 every byte comes alone, and each place where a message may be torn is tried.
//
// Both ends belong to one thread.

#include <tendril/io/error.hpp>
#include <tendril/io/stream.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace tendril::testing {

/// What a pair of streams is like, in both directions.
struct memory_stream_options {
    /// How many bytes may be on their way.
    std::size_t capacity = 64 * 1024;
    /// How many bytes a read gives at most, and a write takes. At least one.
    std::size_t largest_read = std::numeric_limits<std::size_t>::max();
    std::size_t largest_write = std::numeric_limits<std::size_t>::max();
};

namespace detail {
struct memory_pipe;
}

class memory_stream : public stream_forms<memory_stream> {
public:
    using executor_type = boost::asio::io_context::executor_type;
    using lowest_layer_type = memory_stream;

    /// Makes two streams: what is written to one can be read from the other.
    /// Throws: std::bad_alloc; misuse when an option is zero. Switches: never.
    static std::pair<memory_stream, memory_stream> pair(memory_stream_options options = {});

    memory_stream(memory_stream&&) noexcept = default;
    memory_stream& operator=(memory_stream&& other) noexcept;
    /// Closes it. Switches: never.
    ~memory_stream();

    /// Ends this side's direction: the peer reads what is on its way, and then the end of file.
    /// Switches: never.
    void shutdown_send() noexcept;
    void shutdown_send(error_code& error) noexcept;

    /// Ends both directions, and wakes whoever waits at either end. A second call does nothing.
    /// Switches: never.
    void close() noexcept;

    /// Says whether it has not been closed or moved from. Switches: never.
    bool is_open() const noexcept;

    /// How many bytes could be read without waiting. Switches: never.
    std::size_t available() const noexcept;

    /// The executor of the hub that the pair was made in. Switches: never.
    executor_type get_executor() const noexcept { return executor_; }

    /// Itself: there is nothing below. Switches: never.
    memory_stream& lowest_layer() noexcept { return *this; }
    memory_stream const& lowest_layer() const noexcept { return *this; }

private:
    friend stream_forms;

    using pipe = std::shared_ptr<detail::memory_pipe>;

    memory_stream(pipe in, pipe out, executor_type executor) noexcept
        : in_{std::move(in)},
          out_{std::move(out)},
          executor_{std::move(executor)} {}

    /// The first buffer that is not empty; an empty one when all are.
    template <typename Buffer, typename Buffers>
    static Buffer first_of(Buffers const& buffers) {
        auto const end = boost::asio::buffer_sequence_end(buffers);
        for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end; ++at) {
            Buffer const each{*at};
            if (each.size() > 0) {
                return each;
            }
        }
        return {};
    }

    // What the forms are made of.
    template <typename MutableBuffers>
    std::size_t read_into(MutableBuffers const& buffers, error_code& error) {
        auto const first = first_of<boost::asio::mutable_buffer>(buffers);
        return read_bytes(first.data(), first.size(), error);
    }
    template <typename ConstBuffers>
    std::size_t write_part_of(ConstBuffers const& buffers, error_code& error) {
        auto const first = first_of<boost::asio::const_buffer>(buffers);
        return write_bytes(first.data(), first.size(), error);
    }
    template <typename ConstBuffers>
    std::size_t write_all_of(ConstBuffers const& buffers, error_code& error) {
        auto const end = boost::asio::buffer_sequence_end(buffers);
        std::vector<boost::asio::const_buffer> all;
        for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end; ++at) {
            all.emplace_back(*at);
        }
        return write_all(all, error);
    }
    // Says which kind of stream it was.
    static std::size_t checked(std::size_t size, error_code const& error, std::string_view call) {
        tendril::detail::throw_if(
            error, call == "read_some" ? "read from a memory_stream" : "write to a memory_stream");
        return size;
    }

    std::size_t read_bytes(void* into, std::size_t size, error_code& error);
    std::size_t write_bytes(void const* from, std::size_t size, error_code& error);
    std::size_t write_all(std::vector<boost::asio::const_buffer> const& all, error_code& error);

    pipe in_;
    pipe out_;
    executor_type executor_;
};

}  // namespace tendril::testing
