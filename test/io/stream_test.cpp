// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/io/stream.hpp>
#include <tendril/testing/memory_stream.hpp>

#include <string>

namespace {

using namespace tendril;
using tendril::testing::memory_stream;

// Reads only.
struct source {
    template <typename Buffers>
    std::size_t read_some(Buffers const&) {
        return 0;
    }
    template <typename Buffers>
    std::size_t read_some(Buffers const&, error_code&) {
        return 0;
    }
    auto get_executor() { return this_hub().context().get_executor(); }
    source& lowest_layer() { return *this; }
};

template <byte_stream Stream>
std::string first_byte(Stream& stream) {
    std::string text(1, '\0');
    stream.read_some(boost::asio::buffer(text));
    return text;
}

}  // namespace

static_assert(byte_stream<memory_stream>);
static_assert(byte_stream<any_stream>);
static_assert(read_stream<source>);
static_assert(!write_stream<source>);
static_assert(!byte_stream<source>);
static_assert(!read_stream<int>);

TENDRIL_HUB_TEST(stream, code_over_any_stream_takes_what_the_concept_says) {
    auto [here, there] = memory_stream::pair();
    here.write(boost::asio::buffer("ab", 2));
    EXPECT_EQ(first_byte(there), "a");
    any_stream erased{std::move(there)};
    EXPECT_EQ(first_byte(erased), "b");
}
