// SPDX-License-Identifier: BSL-1.0
#pragma once

// Words that tests over memory streams share.

#include <harness/tasks.hpp>
#include <tendril/testing/memory_stream.hpp>
#include <tendril/testing/settle.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <array>
#include <string>
#include <string_view>

namespace tendril::test {

using testing::memory_stream;
using testing::memory_stream_options;

/// Writes all of it.
inline void put(memory_stream& to, std::string_view text) { to.write(boost::asio::buffer(text)); }

/// Reads what there is now; nothing when there is nothing.
inline std::string got(memory_stream& from) {
    std::string text(from.available(), '\0');
    std::size_t filled = 0;
    while (filled < text.size()) {
        filled += from.read_some(boost::asio::buffer(text.data() + filled, text.size() - filled));
    }
    return text;
}

/// Reads to the end, or to an error.
inline std::string got_all(memory_stream& from) {
    std::string text;
    std::array<char, 4096> data;
    error_code error;
    while (!error.failed()) {
        std::size_t const size = from.read_some(boost::asio::buffer(data), error);
        text.append(data.data(), size);
    }
    return text;
}

/// How a call with an `error_code` ends.
template <typename F>
error_code error_of(F&& call) {
    error_code error;
    call(error);
    return error;
}

}  // namespace tendril::test
