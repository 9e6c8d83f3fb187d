// SPDX-License-Identifier: BSL-1.0
#include <harness/network.hpp>
#include <tendril/io/stream.hpp>
#include <tendril/process/child_stream.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using boost::asio::buffer;

static_assert(byte_stream<child_stream>);

struct pipe_ends {
    pipe_ends() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
        reading = child_stream::adopt(ends[0]);
        writing = child_stream::adopt(ends[1]);
    }
    child_stream reading;
    child_stream writing;
};

}  // namespace

TENDRIL_HUB_TEST(child_stream, a_read_waits_for_a_write_and_the_end_is_an_error) {
    pipe_ends pipe;
    std::array<char, 8> data;
    auto reader = spawn([&] { return pipe.reading.read_some(buffer(data)); });
    test::settle();
    EXPECT_FALSE(reader.done());
    pipe.writing.write(buffer("abc", 3));
    EXPECT_EQ(reader.get(), 3U);
    pipe.writing.shutdown_send();
    error_code error;
    pipe.reading.read_some(buffer(data), error);
    EXPECT_EQ(error, boost::asio::error::eof);
}

TENDRIL_HUB_TEST(child_stream, a_long_write_waits_for_room_and_arrives_whole) {
    pipe_ends pipe;
    std::string const sent(1000000, 'x');
    auto writer = spawn([&] {
        EXPECT_EQ(pipe.writing.write(buffer(sent)), sent.size());
        pipe.writing.close();
    });
    std::size_t received = 0;
    std::vector<char> data(10000);
    error_code error;
    while (!error.failed()) {
        received += pipe.reading.read_some(buffer(data), error);
    }
    EXPECT_EQ(received, sent.size());
    writer.get();
}

TENDRIL_HUB_TEST(child_stream, a_write_that_nobody_reads_is_an_error_and_no_signal) {
    pipe_ends pipe;
    pipe.reading.close();
    error_code error;
    EXPECT_EQ(pipe.writing.write(buffer("abc", 3), error), 0U);
    EXPECT_EQ(error, boost::asio::error::broken_pipe);
}

TENDRIL_HUB_TEST(child_stream, a_second_reader_or_writer_is_refused) {
    pipe_ends pipe;
    std::array<char, 8> data;
    std::vector<char> const much(200000);
    auto reader = spawn([&] { pipe.reading.read_some(buffer(data)); });
    test::settle();
    EXPECT_EQ(test::code_of([&] { pipe.reading.read_some(buffer(data)); }), errc::busy);
    pipe.writing.write(buffer("a", 1));
    reader.get();
    auto writer = spawn([&] { pipe.writing.write(buffer(much)); });
    test::settle();
    EXPECT_EQ(test::code_of([&] { pipe.writing.write(buffer(much)); }), errc::busy);
    pipe.reading.close();
    EXPECT_EQ(test::code_of([&] { writer.get(); }), boost::asio::error::broken_pipe);
}

TENDRIL_HUB_TEST(child_stream, close_wakes_who_reads_and_who_writes) {
    pipe_ends pipe;
    std::array<char, 8> data;
    std::vector<char> const much(200000);
    auto reader = spawn(
        [&] { return test::code_of([&] { pipe.reading.read_some(buffer(data)); }); });
    test::settle();
    pipe.reading.close();
    EXPECT_EQ(reader.get(), errc::closed);
    pipe_ends other;
    auto writer = spawn([&] { return test::code_of([&] { other.writing.write(buffer(much)); }); });
    test::settle();
    other.writing.close();
    EXPECT_EQ(writer.get(), errc::closed);
    EXPECT_FALSE(other.writing.is_open());
    EXPECT_EQ(other.writing.native_handle(), -1);
    EXPECT_EQ(test::code_of([&] { other.writing.shutdown_send(); }), errc::closed);
}

TENDRIL_HUB_TEST(child_stream, a_stream_may_go_while_somebody_reads) {
    std::optional<pipe_ends> pipe{std::in_place};
    std::array<char, 8> data;
    auto reader = spawn(
        [&] { return test::code_of([&] { pipe->reading.read_some(buffer(data)); }); });
    test::settle();
    pipe->writing.write(buffer("a", 1));
    pipe.reset();
    error_code const code = reader.get();
    EXPECT_TRUE(code == errc::closed || !code.failed()) << code.message();
}

TENDRIL_HUB_TEST(child_stream, limits_are_kept_for_a_call_or_for_all) {
    pipe_ends pipe;
    std::array<char, 8> data;
    EXPECT_EQ(
        test::code_of([&] { pipe.reading.read_some_for(buffer(data), 1s); }), errc::timed_out);
    pipe.reading.set_read_limit(1s);
    EXPECT_EQ(test::code_of([&] { pipe.reading.read_some(buffer(data)); }), errc::timed_out);
    pipe.writing.write(buffer("a", 1));
    EXPECT_EQ(pipe.reading.read_some_until(buffer(data), deadline::after(-1s)), 1U);
}

TENDRIL_HUB_TEST(child_stream, a_write_that_is_left_half_way_breaks_the_stream) {
    std::vector<char> const much(200000);
    pipe_ends pipe;
    EXPECT_EQ(test::code_of([&] { pipe.writing.write_for(buffer(much), 1s); }), errc::timed_out);
    EXPECT_EQ(test::code_of([&] { pipe.writing.write(buffer("a", 1)); }), errc::broken);
    pipe_ends other;
    auto writer = spawn([&] { other.writing.write(buffer(much)); });
    test::settle();
    writer.cancel();
    writer.join();
    EXPECT_EQ(test::code_of([&] { other.writing.write(buffer("a", 1)); }), errc::broken);
}

TENDRIL_HUB_TEST(child_stream, an_interrupted_read_takes_nothing) {
    pipe_ends pipe;
    std::array<char, 8> data;
    auto reader = spawn([&] { return pipe.reading.read_some(buffer(data)); });
    test::settle();
    reader.cancel();
    reader.join();
    pipe.writing.write(buffer("ab", 2));
    EXPECT_EQ(pipe.reading.read_some(buffer(data)), 2U);
    EXPECT_EQ(pipe.reading.read_some(std::array<boost::asio::mutable_buffer, 0>{}), 0U);
}

TENDRIL_HUB_TEST(child_stream, an_end_goes_one_way) {
    pipe_ends pipe;
    std::array<char, 8> data;
    EXPECT_EQ(test::code_of([&] { pipe.writing.read_some(buffer(data)); }).value(), EBADF);
    EXPECT_EQ(test::code_of([&] { pipe.reading.write(buffer(data)); }).value(), EBADF);
    EXPECT_TRUE(pipe.reading.is_open());
    static_cast<void>(pipe.reading.get_executor());
    EXPECT_EQ(&pipe.reading.lowest_layer(), &pipe.reading);
}
