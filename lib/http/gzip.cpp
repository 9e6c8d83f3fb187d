// SPDX-License-Identifier: BSL-1.0
#include "gzip.hpp"

#include <tendril/support/assert.hpp>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>

namespace tendril::detail {
namespace {

// A fast level: the next ones cost much more than they save of text.
constexpr int level = 5;
// The window of 32 KiB, and a header of gzip instead of one of zlib.
constexpr int window_bits = 15 + 16;
constexpr int memory_level = 8;

}  // namespace

class gzip_encoder::state {
public:
    state() {
        if (::deflateInit2(
                &stream, level, Z_DEFLATED, window_bits, memory_level, Z_DEFAULT_STRATEGY) !=
            Z_OK) {
            throw std::bad_alloc{};
        }
    }
    state(state const&) = delete;
    state& operator=(state const&) = delete;
    ~state() { ::deflateEnd(&stream); }

    z_stream stream{};
};

bool can_compress() noexcept { return true; }

gzip_encoder::gzip_encoder() : state_{std::make_unique<state>()} {}
gzip_encoder::~gzip_encoder() = default;

void gzip_encoder::append(std::string& out, boost::asio::const_buffer from) {
    run(out, from, Z_SYNC_FLUSH);
}

void gzip_encoder::finish(std::string& out, boost::asio::const_buffer from) {
    run(out, from, Z_FINISH);
}

void gzip_encoder::run(std::string& out, boost::asio::const_buffer from, int flush) {
    z_stream& stream = state_->stream;
    constexpr std::size_t most = std::numeric_limits<uInt>::max() / 2;
    do {
        std::size_t const size = std::min(from.size(), most);
        stream.next_in = const_cast<Bytef*>(static_cast<Bytef const*>(from.data()));
        stream.avail_in = static_cast<uInt>(size);
        from += size;
        int const how = from.size() > 0 ? Z_NO_FLUSH : flush;
        do {
            std::array<char, 16 * 1024> part;
            stream.next_out = reinterpret_cast<Bytef*>(part.data());
            stream.avail_out = part.size();
            int const result = ::deflate(&stream, how);
            TENDRIL_ASSERT(result != Z_STREAM_ERROR, "the state of zlib is sound");
            out.append(part.data(), part.size() - stream.avail_out);
        } while (stream.avail_out == 0);
    } while (from.size() > 0);
}

}  // namespace tendril::detail
