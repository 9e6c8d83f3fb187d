// SPDX-License-Identifier: BSL-1.0
//
// Calls that fail at once take of the turn's budget all the same.
#include <harness/turns.hpp>
#include <tendril/file/descriptor_stream.hpp>
#include <tendril/file/file.hpp>

#include <boost/asio/buffer.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>

namespace {

using namespace tendril;
using test::lets_others_run;

template <typename Stream>
void expect_turns_of_descriptor(Stream& stream) {
    std::array<char, 8> data{};
    error_code ignored;
    EXPECT_TRUE(lets_others_run([&] { stream.read_some(boost::asio::buffer(data), ignored); }));
    EXPECT_TRUE(lets_others_run([&] { stream.write(boost::asio::buffer(data), ignored); }));
}

}  // namespace

TENDRIL_HUB_TEST(descriptor_stream, a_loop_over_a_closed_or_ended_one_lets_others_run) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    ::close(ends[1]);
    descriptor_stream reader = descriptor_stream::adopt(ends[0]);
    expect_turns_of_descriptor(reader);
    reader.close();
    expect_turns_of_descriptor(reader);
}

TENDRIL_HUB_TEST(descriptor_stream, a_peer_that_always_has_data_does_not_starve_others) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    descriptor_stream reader = descriptor_stream::adopt(ends[0]);
    std::string const much(16 * 1024, 'm');
    ASSERT_EQ(::write(ends[1], much.data(), much.size()), static_cast<ssize_t>(much.size()));
    std::array<char, 1> data{};
    EXPECT_TRUE(lets_others_run([&] { reader.read_some(boost::asio::buffer(data)); }));
    ::close(ends[1]);
}

TENDRIL_HUB_TEST(descriptor_stream, a_loop_over_a_file_that_is_not_open_lets_others_run) {
    file nowhere;
    expect_turns_of_descriptor(nowhere);
    error_code ignored;
    EXPECT_TRUE(lets_others_run([&] { nowhere.sync(ignored); }));
}
