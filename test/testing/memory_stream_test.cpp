// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/testing/memory_stream.hpp>
#include <tendril/testing/settle.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using namespace std::string_view_literals;
using boost::asio::buffer;
using tendril::testing::memory_stream;
using tendril::testing::settle;

// Reads once, and says what that gave: the bytes, or the error.
std::string read_once(memory_stream& from) {
    std::array<char, 64> data{};
    error_code error;
    std::size_t const size = from.read_some(buffer(data), error);
    return error.failed() ? error.message() : std::string(data.data(), size);
}

// Writes once, and says how that ended: the number of bytes, or the error.
std::string write_once(memory_stream& to, std::string_view text) {
    error_code error;
    std::size_t const size = to.write_some(buffer(text), error);
    return error.failed() ? error.message() : std::to_string(size);
}

std::string text_of(error_code const& error) { return error.message(); }

}  // namespace

TENDRIL_HUB_TEST(memory_stream, what_is_written_at_one_end_is_read_at_the_other) {
    auto [here, there] = memory_stream::pair();
    EXPECT_EQ(write_once(here, "ping"), "4");
    EXPECT_EQ(read_once(there), "ping");
    EXPECT_EQ(write_once(there, "pong"), "4");
    EXPECT_EQ(read_once(here), "pong");
}

TENDRIL_HUB_TEST(memory_stream, a_reader_waits_for_bytes) {
    auto [here, there] = memory_stream::pair();
    auto reader = spawn([&, &from = there] { return read_once(from); });
    settle();
    EXPECT_FALSE(reader.done());
    write_once(here, "late");
    EXPECT_EQ(reader.get(), "late");
}

TENDRIL_HUB_TEST(memory_stream, a_writer_waits_for_room) {
    auto [here, there] = memory_stream::pair({.capacity = 3});
    EXPECT_EQ(write_once(here, "abcdef"), "3");
    auto writer = spawn([&, &to = here] { return write_once(to, "def"); });
    settle();
    EXPECT_FALSE(writer.done());
    EXPECT_EQ(read_once(there), "abc");
    EXPECT_EQ(writer.get(), "3");
    EXPECT_EQ(there.available(), 3U);
}

TENDRIL_HUB_TEST(memory_stream, a_call_moves_no_more_than_the_options_say) {
    auto [here, there] = memory_stream::pair({.largest_read = 2, .largest_write = 3});
    EXPECT_EQ(write_once(here, "abcdef"), "3");
    EXPECT_EQ(read_once(there), "ab");
    EXPECT_EQ(read_once(there), "c");
}

TENDRIL_HUB_TEST(memory_stream, algorithms_of_asio_run_over_it) {
    auto [here, there] = memory_stream::pair({.capacity = 5, .largest_read = 2});
    auto writer = spawn([&, &to = here] {
        boost::asio::write(to, buffer("first line\nrest"sv));
        to.shutdown_send();
    });
    std::string text;
    std::size_t const line = boost::asio::read_until(
        there, boost::asio::dynamic_buffer(text), '\n');
    EXPECT_EQ(text.substr(0, line), "first line\n");
    error_code error;
    boost::asio::read(there, boost::asio::dynamic_buffer(text), error);
    EXPECT_EQ(error, boost::asio::error::eof);
    EXPECT_EQ(text, "first line\nrest");
    writer.join();
}

TENDRIL_HUB_TEST(memory_stream, buffers_that_are_empty_are_passed_over) {
    auto [here, there] = memory_stream::pair();
    std::array const parts{buffer(""sv), buffer("x"sv)};
    EXPECT_EQ(here.write_some(parts), 1U);
    EXPECT_EQ(here.write_some(buffer(""sv)), 0U);
    EXPECT_EQ(there.available(), 1U);
}

// Ends.

TENDRIL_HUB_TEST(memory_stream, the_end_of_file_comes_behind_what_was_written) {
    auto [here, there] = memory_stream::pair();
    write_once(here, "last");
    here.shutdown_send();
    EXPECT_EQ(write_once(here, "more"), text_of(boost::asio::error::broken_pipe));
    EXPECT_EQ(read_once(there), "last");
    EXPECT_EQ(read_once(there), text_of(boost::asio::error::eof));
    EXPECT_EQ(write_once(there, "other way"), "9");
    EXPECT_EQ(read_once(here), "other way");
}

TENDRIL_HUB_TEST(memory_stream, a_reader_that_waits_hears_of_the_end) {
    auto [here, there] = memory_stream::pair();
    auto reader = spawn([&, &from = there] { return read_once(from); });
    settle();
    here.close();
    EXPECT_EQ(reader.get(), text_of(boost::asio::error::eof));
}

TENDRIL_HUB_TEST(memory_stream, a_writer_that_waits_hears_that_nobody_reads) {
    auto [here, there] = memory_stream::pair({.capacity = 1});
    write_once(here, "a");
    auto writer = spawn([&, &to = here] { return write_once(to, "b"); });
    settle();
    there.close();
    EXPECT_EQ(writer.get(), text_of(boost::asio::error::broken_pipe));
}

TENDRIL_HUB_TEST(memory_stream, its_own_users_hear_that_it_was_closed) {
    auto [here, there] = memory_stream::pair({.capacity = 1});
    write_once(here, "a");
    auto reader = spawn([&, &from = here] { return read_once(from); });
    auto writer = spawn([&, &to = here] { return write_once(to, "b"); });
    settle();
    here.close();
    here.close();
    EXPECT_EQ(reader.get(), io_error(errc::closed).message());
    EXPECT_EQ(writer.get(), io_error(errc::closed).message());
    EXPECT_EQ(read_once(here), io_error(errc::closed).message());
    EXPECT_FALSE(here.is_open());
}

TENDRIL_HUB_TEST(memory_stream, one_that_is_destroyed_is_closed_and_one_that_was_moved_is_not) {
    auto ends = memory_stream::pair();
    std::optional<memory_stream> moved{std::move(ends.first)};
    EXPECT_FALSE(ends.first.is_open());
    EXPECT_EQ(read_once(ends.first), io_error(errc::closed).message());
    EXPECT_EQ(write_once(ends.second, "x"), "1");
    EXPECT_EQ(read_once(*moved), "x");
    moved.reset();
    EXPECT_EQ(read_once(ends.second), text_of(boost::asio::error::eof));
}

// Refusals and interruption.

TENDRIL_HUB_TEST(memory_stream, a_second_reader_and_a_second_writer_are_refused) {
    auto [here, there] = memory_stream::pair({.capacity = 1});
    write_once(here, "a");
    auto reader = spawn([&, &from = here] { return read_once(from); });
    auto writer = spawn([&, &to = here] { return write_once(to, "b"); });
    settle();
    EXPECT_EQ(read_once(here), io_error(errc::busy).message());
    EXPECT_EQ(write_once(here, "c"), io_error(errc::busy).message());
    there.close();
    reader.join();
    writer.join();
}

TENDRIL_HUB_TEST(memory_stream, a_reader_that_is_cancelled_takes_nothing) {
    auto [here, there] = memory_stream::pair();
    test::attempt cancelled;
    test::start(cancelled, [&, &from = there] { read_once(from); });
    settle();
    cancelled.run_by.cancel();
    write_once(here, "kept");
    settle();
    EXPECT_EQ(cancelled.outcome, "cancelled");
    EXPECT_EQ(read_once(there), "kept");
}

TENDRIL_HUB_TEST(memory_stream, calls_look_for_interruption_even_if_they_need_not_wait) {
    auto [here, there] = memory_stream::pair();
    write_once(here, "kept");
    test::wish stop{"stop"};
    request(test::self(), stop);
    EXPECT_EQ(test::outcome_of([&, &from = there] { read_once(from); }), "stop");
    request(test::self(), stop);
    EXPECT_EQ(test::outcome_of([&, &to = here] { write_once(to, "not"); }), "stop");
    EXPECT_EQ(read_once(there), "kept");
}

TENDRIL_HUB_TEST(memory_stream, a_write_of_all_waits_for_room_as_often_as_it_must) {
    auto [here, there] = memory_stream::pair({.capacity = 2, .largest_write = 1});
    auto writer = spawn([&, &to = here] {
        std::array const parts{buffer("abc"sv), buffer("de"sv)};
        return to.write(parts);
    });
    std::string received(5, '\0');
    boost::asio::read(there, buffer(received));
    EXPECT_EQ(received, "abcde");
    EXPECT_EQ(writer.get(), 5U);
}

TENDRIL_HUB_TEST(memory_stream, a_write_that_is_interrupted_half_way_breaks_it) {
    auto [here, there] = memory_stream::pair({.capacity = 2});
    auto writer = spawn([&, &to = here] { to.write(buffer("abc"sv)); });
    settle();
    writer.cancel();
    writer.join();
    EXPECT_EQ(write_once(here, "x"), io_error(errc::broken).message());
    EXPECT_EQ(read_once(there), "ab");
}

TENDRIL_HUB_TEST(memory_stream, the_end_of_a_direction_can_be_asked_for_with_a_code) {
    auto [here, there] = memory_stream::pair();
    error_code error;
    here.shutdown_send(error);
    EXPECT_FALSE(error.failed());
    EXPECT_EQ(read_once(there), text_of(boost::asio::error::eof));
    here.close();
    here.shutdown_send(error);
    EXPECT_EQ(error, errc::closed);
}

TENDRIL_HUB_TEST(memory_stream, the_form_without_a_code_throws) {
    auto [here, there] = memory_stream::pair();
    here.close();
    std::array<char, 1> byte{};
    EXPECT_THROW(there.read_some(buffer(byte)), system_error);
    EXPECT_THROW(here.write_some(buffer(byte)), system_error);
}

TENDRIL_HUB_TEST(memory_stream, options_of_zero_are_refused) {
    EXPECT_THROW(memory_stream::pair({.capacity = 0}), misuse);
    EXPECT_THROW(memory_stream::pair({.largest_read = 0}), misuse);
    EXPECT_THROW(memory_stream::pair({.largest_write = 0}), misuse);
}

TENDRIL_HUB_TEST(memory_stream, is_what_layers_above_expect) {
    auto [here, there] = memory_stream::pair();
    EXPECT_EQ(&here.lowest_layer(), &here);
    EXPECT_EQ(&here.get_executor().context(), &this_hub().context());
}
