// SPDX-License-Identifier: BSL-1.0
//
// Calls that fail at once, or have nothing to do, take of the turn's budget all the same.
#include <harness/memory_lines.hpp>
#include <harness/turns.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/io/buffered_reader.hpp>
#include <tendril/io/buffered_writer.hpp>
#include <tendril/io/copy.hpp>
#include <tendril/io/error.hpp>
#include <tendril/testing/memory_stream.hpp>

#include <boost/asio/buffer.hpp>

#include <array>
#include <utility>

namespace {

using namespace tendril;
using test::lets_others_run;
using test::memory_stream;

// Reads and writes at a stream, whatever comes of it.
template <typename Stream>
void expect_turns_at(Stream& stream) {
    std::array<char, 8> data{};
    error_code ignored;
    EXPECT_TRUE(lets_others_run([&] { stream.read_some(boost::asio::buffer(data), ignored); }));
    EXPECT_TRUE(lets_others_run([&] { stream.write_some(boost::asio::buffer(data), ignored); }));
    EXPECT_TRUE(lets_others_run([&] { stream.write(boost::asio::buffer(data), ignored); }));
}

}  // namespace

TENDRIL_HUB_TEST(error, a_call_that_fails_at_once_takes_of_the_budget) {
    EXPECT_TRUE(lets_others_run([] { EXPECT_EQ(detail::end_at_once(), 0U); }));
}

TENDRIL_TEST(error, a_call_that_fails_where_there_is_no_hub_takes_nothing) {
    EXPECT_EQ(detail::end_at_once(), 0U);
}

TENDRIL_HUB_TEST(error, a_call_that_fails_where_nobody_may_park_lets_nobody_run) {
    int calls = 0;
    this_hub().call_soon([&] {
        for (; calls < 2000; ++calls) {
            detail::end_at_once();
        }
    });
    yield();
    yield();
    EXPECT_EQ(calls, 2000);
}

TENDRIL_HUB_TEST(error, a_loop_over_an_ended_or_closed_memory_stream_lets_others_run) {
    auto [here, there] = memory_stream::pair();
    there.close();
    expect_turns_at(here);
    here.close();
    expect_turns_at(here);
    memory_stream const elsewhere = std::move(here);
    expect_turns_at(here);
}

TENDRIL_HUB_TEST(error, a_loop_of_reads_without_room_lets_others_run) {
    auto [here, there] = memory_stream::pair();
    error_code ignored;
    EXPECT_TRUE(lets_others_run([&] { here.read_some(boost::asio::mutable_buffer{}, ignored); }));
}

TENDRIL_HUB_TEST(error, a_loop_over_a_stream_of_no_or_any_kind_lets_others_run) {
    any_stream nothing;
    expect_turns_at(nothing);
    any_stream closed{memory_stream::pair().first};
    closed.close();
    expect_turns_at(closed);
}

TENDRIL_HUB_TEST(error, a_loop_over_a_reader_at_the_end_lets_others_run) {
    auto [here, there] = memory_stream::pair();
    there.close();
    buffered_reader reader{here};
    error_code ignored;
    EXPECT_TRUE(lets_others_run([&] { reader.read_line(64, ignored); }));
    EXPECT_TRUE(lets_others_run([&] { reader.read_exactly(1, ignored); }));
    EXPECT_TRUE(lets_others_run([&] { reader.read_all(64, ignored); }));
    EXPECT_TRUE(lets_others_run([&] { reader.peek(1, ignored); }));
}

TENDRIL_HUB_TEST(error, a_loop_over_a_reader_that_somebody_else_uses_lets_others_run) {
    auto [here, there] = memory_stream::pair();
    buffered_reader reader{here};
    task<void> const user = spawn([&] { reader.read_all(); });
    yield();
    error_code error;
    EXPECT_TRUE(lets_others_run([&] { reader.read_line(64, error); }));
    EXPECT_EQ(error, errc::busy);
    there.close();
    user.join();
}

TENDRIL_HUB_TEST(error, a_loop_over_a_writer_whose_stream_has_ended_lets_others_run) {
    auto [here, there] = memory_stream::pair();
    there.close();
    buffered_writer writer{here, {.capacity = 4}};
    error_code ignored;
    EXPECT_TRUE(lets_others_run([&] { writer.write(boost::asio::buffer("longer", 6), ignored); }));
}

TENDRIL_HUB_TEST(error, a_loop_of_copies_of_an_ended_stream_lets_others_run) {
    auto [here, there] = memory_stream::pair();
    auto [to, sink] = memory_stream::pair();
    there.close();
    error_code ignored;
    EXPECT_TRUE(lets_others_run([&] { copy(here, to, ignored); }));
}
