// SPDX-License-Identifier: BSL-1.0
#pragma once

// A stream, and what was read from it too early.

#include <tendril/hub/cancellation.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/io/error.hpp>
#include <tendril/io/stream.hpp>

#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace tendril::detail {

class leftover_stream : public stream_forms<leftover_stream> {
public:
    leftover_stream(any_stream stream, std::string rest) noexcept
        : stream_{std::move(stream)},
          rest_{std::move(rest)} {}

    void shutdown_send(error_code& error) { stream_.shutdown_send(error); }
    void shutdown_send() { stream_.shutdown_send(); }
    void close() { stream_.close(); }
    void abort() { stream_.abort(); }
    bool is_open() const { return stream_.is_open(); }
    any_stream::executor_type get_executor() const { return stream_.get_executor(); }
    leftover_stream& lowest_layer() noexcept { return *this; }
    any_stream& below() noexcept { return stream_; }

private:
    friend stream_forms;

    // What the forms are made of.
    template <typename MutableBuffers>
    std::size_t read_into(MutableBuffers const& buffers, error_code& error) {
        if (rest_.empty() || !stream_.is_open()) {
            return stream_.read_some(buffers, error);
        }
        check_interruption();
        error = {};
        std::size_t const size = boost::asio::buffer_copy(buffers, boost::asio::buffer(rest_));
        rest_.erase(0, size);
        return size;
    }
    template <typename ConstBuffers>
    std::size_t write_part_of(ConstBuffers const& buffers, error_code& error) {
        return stream_.write_some(buffers, error);
    }
    template <typename ConstBuffers>
    std::size_t write_all_of(ConstBuffers const& buffers, error_code& error) {
        return stream_.write(buffers, error);
    }

    any_stream stream_;
    std::string rest_;
};

static_assert(byte_stream<leftover_stream>);

}  // namespace tendril::detail
