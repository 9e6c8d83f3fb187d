// SPDX-License-Identifier: BSL-1.0
//
// What a reader reads. How its calls are interrupted is in buffered_reader_interruption_test.cpp.
#include <harness/memory_lines.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/io/buffered_reader.hpp>

#include <boost/asio/read_until.hpp>
#include <boost/beast/core/stream_traits.hpp>

#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::string_literals;
using test::error_of;
using test::memory_stream;
using test::put;
namespace asio_error = boost::asio::error;

// A stream that brings a text and then the end.
memory_stream stream_of(std::string_view text, test::memory_stream_options options = {}) {
    auto [here, there] = memory_stream::pair(options);
    put(there, text);
    there.shutdown_send();
    // Closing would end the reading side as well.
    static_cast<void>(spawn([kept = std::move(there)] { sleep_for(std::chrono::hours{1}); }));
    return std::move(here);
}

static_assert(read_stream<buffered_reader<memory_stream>>);
static_assert(read_stream<buffered_reader<any_stream>>);
static_assert(boost::beast::is_sync_read_stream<buffered_reader<memory_stream>>::value);

}  // namespace

// Parts.

TENDRIL_HUB_TEST(buffered_reader, reads_lines_with_either_end_and_the_last_without) {
    memory_stream stream = stream_of("one\ntwo\r\n\nlast");
    buffered_reader reader{stream};
    std::vector<std::string> lines;
    for (auto line : reader.lines()) {
        lines.push_back(line);
    }
    EXPECT_EQ(lines, (std::vector{"one"s, "two"s, ""s, "last"s}));
    EXPECT_EQ(reader.read_line(), std::nullopt);
}

TENDRIL_HUB_TEST(buffered_reader, an_empty_stream_has_no_lines) {
    memory_stream stream = stream_of("");
    buffered_reader reader{stream};
    for (auto const& line : reader.lines()) {
        ADD_FAILURE() << line;
    }
}

TENDRIL_HUB_TEST(buffered_reader, lines_are_read_as_the_loop_goes) {
    auto [here, there] = memory_stream::pair();
    buffered_reader reader{here};
    std::vector<std::string> lines;
    put(there, "a\nb\n");
    for (auto& line : reader.lines()) {
        lines.push_back(line);
        if (lines.size() == 2) {
            break;
        }
    }
    put(there, "c\n");
    EXPECT_EQ(reader.read_line(), "c");
}

TENDRIL_HUB_TEST(buffered_reader, reads_up_to_a_delimiter_that_comes_byte_by_byte) {
    for (std::size_t const piece : {1U, 2U, 3U, 100U}) {
        memory_stream stream = stream_of("head\r\n\r\r\n\r\nbody", {.largest_read = piece});
        buffered_reader reader{stream, {.block = 1}};
        EXPECT_EQ(reader.read_until("\r\n\r\n"), "head\r\n\r\r\n\r\n");
        EXPECT_EQ(reader.read_exactly(4), "body");
    }
}

TENDRIL_HUB_TEST(buffered_reader, reads_exactly_as_much_as_is_asked_for) {
    std::string const large(100000, 'x');
    auto [here, there] = memory_stream::pair({.capacity = 1000});
    auto writer = spawn([&, &to = there] { put(to, "ab" + large + "cd"); });
    buffered_reader reader{here};
    EXPECT_EQ(reader.read_exactly(0), "");
    EXPECT_EQ(reader.read_exactly(2), "ab");
    EXPECT_EQ(reader.read_exactly(large.size()), large);
    EXPECT_EQ(reader.read_exactly(2), "cd");
    writer.join();
}

TENDRIL_HUB_TEST(buffered_reader, all_up_to_the_end_may_be_longer_than_the_limit_of_a_line) {
    auto [here, there] = memory_stream::pair();
    std::string const large(200000, 'x');
    auto writer = spawn([&, &to = there] {
        put(to, large);
        to.shutdown_send();
    });
    buffered_reader reader{here, {.limit = 10}};
    EXPECT_EQ(reader.read_all(), large);
    EXPECT_EQ(reader.read_all(), "");
    writer.join();
}

TENDRIL_HUB_TEST(buffered_reader, a_look_ahead_takes_nothing) {
    memory_stream stream = stream_of("GET /", {.largest_read = 2});
    buffered_reader reader{stream};
    EXPECT_EQ(reader.peek(), "GE");
    EXPECT_EQ(reader.peek(3), "GET ");
    reader.consume(1);
    EXPECT_EQ(reader.peek(100), "ET /");
    EXPECT_EQ(reader.buffered(), "ET /");
    EXPECT_EQ(reader.read_all(), "ET /");
    EXPECT_EQ(reader.peek(), "");
    EXPECT_THROW(reader.consume(1), misuse);
}

TENDRIL_HUB_TEST(buffered_reader, is_a_stream_for_algorithms_of_asio) {
    memory_stream stream = stream_of("line\nfirst second");
    buffered_reader reader{stream};
    EXPECT_EQ(reader.read_line(), "line");
    std::string text;
    std::size_t const size = boost::asio::read_until(
        reader, boost::asio::dynamic_buffer(text), ' ');
    EXPECT_EQ(text.substr(0, size), "first ");
    EXPECT_EQ(&reader.lowest_layer(), &stream);
    EXPECT_EQ(&reader.next_layer(), &stream);
    EXPECT_EQ(reader.get_executor(), stream.get_executor());
}

TENDRIL_HUB_TEST(buffered_reader, a_read_takes_what_is_buffered_before_it_asks_the_stream) {
    auto [here, there] = memory_stream::pair();
    buffered_reader reader{here, {.block = 4}};
    put(there, "abcdefgh");
    EXPECT_EQ(reader.peek(), "abcd");
    std::string text(8, '.');
    EXPECT_EQ(reader.read_some(boost::asio::buffer(text)), 4U);
    EXPECT_EQ(reader.read_some(boost::asio::buffer(text)), 4U);
    EXPECT_EQ(text, "efgh....");
    EXPECT_EQ(reader.read_some(boost::asio::buffer(text, 0)), 0U);
}

TENDRIL_HUB_TEST(buffered_reader, holds_no_more_than_was_asked_for_and_a_block) {
    auto [here, there] = memory_stream::pair({.capacity = 100000});
    put(there, std::string(100000, 'x'));
    buffered_reader reader{here, {.limit = 100, .block = 50}};
    EXPECT_EQ(error_of([&](auto& error) { reader.read_line(100, error); }), errc::too_long);
    EXPECT_LE(reader.buffered().size(), 150U);
    EXPECT_EQ(reader.peek(10).size(), reader.buffered().size());
    EXPECT_GE(here.available(), 100000U - 150U);
}

// Limits and ends.

TENDRIL_HUB_TEST(buffered_reader, a_line_over_its_limit_is_refused_and_kept) {
    for (std::string const text : {"abcdef\nx", "abcdefghijk"}) {
        memory_stream stream = stream_of(text);
        buffered_reader reader{stream, {.limit = 6}};
        EXPECT_TRUE(test::contains(
            test::outcome_of([&] { reader.read_line(); }), "read_line: longer than its limit"));
        EXPECT_EQ(
            error_of([&](auto& error) { reader.read_until("\n", 6, error); }), errc::too_long);
        EXPECT_EQ(reader.buffered(), text);
        EXPECT_EQ(reader.read_all(), text);
    }
}

TENDRIL_HUB_TEST(buffered_reader, a_part_may_be_as_long_as_its_limit) {
    memory_stream stream = stream_of("abcde\nabcde\r\n");
    buffered_reader reader{stream, {.limit = 6}};
    EXPECT_EQ(reader.read_line(), "abcde");
    EXPECT_EQ(error_of([&](auto& error) { reader.read_line(6, error); }), errc::too_long);
    EXPECT_EQ(reader.read_line(7), "abcde");
}

TENDRIL_HUB_TEST(buffered_reader, all_over_its_limit_is_refused_and_kept) {
    memory_stream stream = stream_of("abcd");
    buffered_reader reader{stream};
    EXPECT_EQ(error_of([&](auto& error) { reader.read_all(3, error); }), errc::too_long);
    EXPECT_EQ(reader.read_all(4), "abcd");
}

TENDRIL_HUB_TEST(buffered_reader, an_end_in_the_middle_brings_what_had_come) {
    memory_stream stream = stream_of("abc");
    buffered_reader reader{stream};
    try {
        reader.read_exactly(4);
        ADD_FAILURE();
    } catch (incomplete_read const& error) {
        EXPECT_EQ(error.partial(), "abc");
        EXPECT_EQ(error.code(), asio_error::eof);
    }
    EXPECT_EQ(reader.buffered(), "");
}

TENDRIL_HUB_TEST(buffered_reader, an_end_before_the_delimiter_brings_what_had_come) {
    memory_stream stream = stream_of("abc");
    buffered_reader reader{stream};
    try {
        reader.read_until("\n");
        ADD_FAILURE();
    } catch (incomplete_read const& error) {
        EXPECT_EQ(error.partial(), "abc");
    }
    error_code error;
    EXPECT_EQ(reader.read_until("\n", 10, error), "");
    EXPECT_EQ(error, asio_error::eof);
}

TENDRIL_HUB_TEST(buffered_reader, the_end_is_an_error_code_beside_what_had_come) {
    memory_stream stream = stream_of("abc");
    buffered_reader reader{stream};
    error_code error;
    EXPECT_EQ(reader.read_exactly(9, error), "abc");
    EXPECT_EQ(error, asio_error::eof);
    EXPECT_EQ(reader.read_exactly(9, error), "");
    EXPECT_EQ(error, asio_error::eof);
}

TENDRIL_HUB_TEST(buffered_reader, an_error_of_the_stream_leaves_what_had_come) {
    auto [here, there] = memory_stream::pair();
    put(there, "abc");
    buffered_reader reader{here};
    EXPECT_EQ(reader.peek(), "abc");
    here.close();
    EXPECT_EQ(error_of([&](auto& error) { reader.read_exactly(4, error); }), errc::closed);
    EXPECT_EQ(error_of([&](auto& error) { reader.read_line(9, error); }), errc::closed);
    EXPECT_EQ(error_of([&](auto& error) { reader.read_all(9, error); }), errc::closed);
    EXPECT_EQ(error_of([&](auto& error) { reader.peek(4, error); }), errc::closed);
    EXPECT_EQ(reader.read_exactly(3), "abc");
}

TENDRIL_HUB_TEST(buffered_reader, refuses_what_makes_no_sense) {
    auto [here, there] = memory_stream::pair();
    EXPECT_THROW((buffered_reader{here, {.block = 0}}), misuse);
    buffered_reader reader{here};
    EXPECT_THROW(reader.read_until(""), misuse);
}

TENDRIL_HUB_TEST(buffered_reader, reads_from_a_stream_of_any_type) {
    auto [here, there] = memory_stream::pair();
    any_stream stream{std::ref(here)};
    buffered_reader reader{stream};
    byte_reader& any_reader = reader;
    put(there, "hello\n");
    EXPECT_EQ(any_reader.read_line(), "hello");
}

TENDRIL_HUB_TEST(buffered_reader, less_than_a_block_is_read_through_the_buffer_and_its_error_told) {
    auto [here, there] = memory_stream::pair();
    put(there, "abc");
    buffered_reader reader{here};
    char letter = 0;
    EXPECT_EQ(reader.read_some(boost::asio::buffer(&letter, 1)), 1U);
    EXPECT_EQ(letter, 'a');
    EXPECT_EQ(reader.buffered(), "bc");
    EXPECT_EQ(reader.read_exactly(2), "bc");
    here.close();
    EXPECT_EQ(
        error_of([&](auto& error) { reader.read_some(boost::asio::buffer(&letter, 1), error); }),
        errc::closed);
}
