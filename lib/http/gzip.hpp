// SPDX-License-Identifier: BSL-1.0
#pragma once

// Responses that leave compressed, for clients that know how to read them.

#include <tendril/http/fields.hpp>

#include <boost/asio/buffer.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace tendril::detail {

/// Says whether this library was built with zlib.
bool can_compress() noexcept;

/// Says whether a client with these fields reads gzip, and has not said that it would rather not.
bool accepts_gzip(http_fields const& request) noexcept;

/// Says whether a response with these fields is worth it: text of some kind, not encoded already,
/// and not to be left as it is (`Cache-Control: no-transform`).
bool is_compressible(http_fields const& response) noexcept;

/// Compresses what it is given, into one stream of gzip.
class gzip_encoder {
public:
    /// Throws: std::bad_alloc; misuse without zlib.
    gzip_encoder();
    gzip_encoder(gzip_encoder const&) = delete;
    gzip_encoder& operator=(gzip_encoder const&) = delete;
    ~gzip_encoder();

    /// Appends to `out` so much that a reader can read all until here.
    void append(std::string& out, boost::asio::const_buffer from);

    /// Appends all that is left, and the end of the stream. The last call.
    void finish(std::string& out, boost::asio::const_buffer from = {});

private:
    class state;

    void run(std::string& out, boost::asio::const_buffer from, int flush);

    std::unique_ptr<state> state_;
};

}  // namespace tendril::detail
