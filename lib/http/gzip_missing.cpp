// SPDX-License-Identifier: BSL-1.0
#include "gzip.hpp"

#include <tendril/support/assert.hpp>

namespace tendril::detail {

class gzip_encoder::state {};

bool can_compress() noexcept { return false; }

gzip_encoder::gzip_encoder() {
    TENDRIL_REQUIRE(false, "this tendril was built without zlib: leave `compress` alone");
}
gzip_encoder::~gzip_encoder() = default;

void gzip_encoder::append(std::string&, boost::asio::const_buffer) {}
void gzip_encoder::finish(std::string&, boost::asio::const_buffer) {}
void gzip_encoder::run(std::string&, boost::asio::const_buffer, int) {}

}  // namespace tendril::detail
