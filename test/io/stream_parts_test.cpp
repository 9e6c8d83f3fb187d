// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/io/stream_parts.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace {

using namespace tendril;

// Keeps what is written, and says in which pieces; gives letters to read.
class noting_stream : public detail::gathered_stream_forms<noting_stream> {
public:
    std::vector<std::size_t> pieces;
    std::string written;

private:
    friend gathered_stream_forms;

    std::size_t read_parts(
        iovec const* parts, std::size_t count, error_code& error, deadline const*) {
        error = {};
        std::size_t size = 0;
        for (iovec const* part = parts; part != parts + count; ++part) {
            std::memset(part->iov_base, 'r', part->iov_len);
            size += part->iov_len;
        }
        pieces.push_back(count);
        return size;
    }
    std::size_t write_once(iovec const* parts, std::size_t count, error_code& error) {
        error = {};
        pieces.push_back(count);
        written.append(static_cast<char const*>(parts->iov_base), parts->iov_len);
        return parts->iov_len;
    }
    std::size_t write_all(detail::parts_source next, error_code& error, deadline const*) {
        detail::stream_parts parts;
        std::size_t size = 0;
        for (std::size_t count = next(parts); count > 0; count = next(parts)) {
            for (std::size_t at = 0; at < count; ++at) {
                size += write_once(&parts[at], 1, error);
            }
            pieces.push_back(count);
        }
        return size;
    }
};

}  // namespace

TENDRIL_TEST(stream_parts, empty_buffers_ask_nothing_of_the_stream) {
    noting_stream stream;
    EXPECT_EQ(stream.read_some(boost::asio::mutable_buffer{}), 0U);
    EXPECT_EQ(stream.write_some(boost::asio::const_buffer{}), 0U);
    EXPECT_EQ(stream.write(std::vector<boost::asio::const_buffer>(3)), 0U);
    EXPECT_TRUE(stream.pieces.empty());
}

TENDRIL_TEST(stream_parts, a_long_sequence_goes_in_groups) {
    noting_stream stream;
    std::vector<boost::asio::const_buffer> const many(20, boost::asio::buffer("ab", 2));
    EXPECT_EQ(stream.write(many), 40U);
    EXPECT_EQ(stream.written.size(), 40U);
    EXPECT_EQ(std::count(stream.pieces.begin(), stream.pieces.end(), detail::most_parts), 1);
    EXPECT_EQ(stream.pieces.back(), 4U);
}

TENDRIL_TEST(stream_parts, one_buffer_is_one_part_and_several_are_read_together) {
    noting_stream stream;
    char first[3];
    char second[2];
    EXPECT_EQ(stream.read_some(boost::asio::buffer(first)), 3U);
    std::vector<boost::asio::mutable_buffer> const both{
        boost::asio::buffer(first), boost::asio::buffer(second)};
    EXPECT_EQ(stream.read_some_for(both, std::chrono::seconds{1}), 5U);
    EXPECT_EQ(stream.pieces, (std::vector<std::size_t>{1, 2}));
}
