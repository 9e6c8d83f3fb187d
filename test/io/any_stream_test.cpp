// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/testing/memory_stream.hpp>
#include <tendril/testing/settle.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::string_view_literals;
using boost::asio::buffer;
using tendril::testing::memory_stream;
using tendril::testing::settle;

std::string hear(any_stream& from) {
    std::array<char, 64> data{};
    error_code error;
    std::size_t const size = from.read_some(buffer(data), error);
    return error.failed() ? error.message() : std::string(data.data(), size);
}

}  // namespace

// A stream is handed over or borrowed, and whoever reads the call sees which.
static_assert(!std::is_constructible_v<any_stream, memory_stream&>);
static_assert(std::is_constructible_v<any_stream, memory_stream>);

TENDRIL_HUB_TEST(any_stream, does_what_the_stream_in_it_does) {
    auto ends = memory_stream::pair();
    any_stream here{std::move(ends.first)};
    any_stream there{std::move(ends.second)};
    EXPECT_TRUE(here.is_open());
    EXPECT_EQ(here.write(buffer("whole"sv)), 5U);
    EXPECT_EQ(hear(there), "whole");
    EXPECT_EQ(here.write_some(buffer("part"sv)), 4U);
    EXPECT_EQ(hear(there), "part");
    here.shutdown_send();
    EXPECT_EQ(hear(there), error_code{boost::asio::error::eof}.message());
    EXPECT_EQ(&here.get_executor().context(), &this_hub().context());
    EXPECT_EQ(&here.lowest_layer(), &here);
}

TENDRIL_HUB_TEST(any_stream, closes_what_it_owns_when_it_goes) {
    auto ends = memory_stream::pair();
    { any_stream const owner{std::move(ends.first)}; }
    any_stream there{std::move(ends.second)};
    EXPECT_EQ(hear(there), error_code{boost::asio::error::eof}.message());
}

TENDRIL_HUB_TEST(any_stream, leaves_open_what_it_has_borrowed) {
    auto [here, there] = memory_stream::pair();
    {
        any_stream borrowed{std::ref(here)};
        borrowed.write(buffer("borrowed"sv));
    }
    EXPECT_TRUE(here.is_open());
    any_stream reader{std::ref(there)};
    EXPECT_EQ(hear(reader), "borrowed");
    reader.close();
    EXPECT_FALSE(there.is_open());
}

TENDRIL_HUB_TEST(any_stream, one_without_a_stream_is_closed) {
    any_stream empty;
    error_code error;
    std::array<char, 1> byte{};
    EXPECT_FALSE(empty.is_open());
    EXPECT_EQ(empty.read_some(buffer(byte), error), 0U);
    EXPECT_EQ(error, errc::closed);
    EXPECT_EQ(empty.write_some(buffer(byte), error), 0U);
    EXPECT_EQ(error, errc::closed);
    EXPECT_EQ(empty.write(buffer(byte), error), 0U);
    EXPECT_EQ(error, errc::closed);
    empty.shutdown_send(error);
    EXPECT_EQ(error, errc::closed);
    EXPECT_THROW(empty.read_some(buffer(byte)), system_error);
    EXPECT_THROW(empty.get_executor(), misuse);
    empty.close();
}

TENDRIL_HUB_TEST(any_stream, is_empty_when_it_was_moved_from) {
    auto ends = memory_stream::pair();
    any_stream first{std::move(ends.first)};
    any_stream second{std::move(first)};
    EXPECT_FALSE(first.is_open());
    EXPECT_TRUE(second.is_open());
    second = any_stream{std::move(ends.second)};
    EXPECT_TRUE(second.is_open());
}

TENDRIL_HUB_TEST(any_stream, a_sequence_of_buffers_is_written_in_order_whatever_its_length) {
    for (std::size_t const count : {1U, 2U, 16U, 17U, 100U}) {
        auto ends = memory_stream::pair();
        any_stream here{std::move(ends.first)};
        std::string const digits = "0123456789";
        std::vector<boost::asio::const_buffer> parts;
        std::string expected;
        for (std::size_t part = 0; part < count; ++part) {
            parts.push_back(buffer(digits.data() + part % 10, 1));
            parts.emplace_back();
            expected += digits[part % 10];
        }
        EXPECT_EQ(here.write(parts), count);
        std::string received(count, '\0');
        boost::asio::read(ends.second, buffer(received));
        EXPECT_EQ(received, expected);
    }
}

TENDRIL_HUB_TEST(any_stream, a_read_fills_the_first_buffer_with_room) {
    auto ends = memory_stream::pair();
    any_stream there{std::move(ends.second)};
    ends.first.write(buffer("abc"sv));
    std::array<char, 2> data{};
    std::array<boost::asio::mutable_buffer, 2> const into{{{}, buffer(data)}};
    EXPECT_EQ(there.read_some(into), 2U);
    EXPECT_EQ(std::string_view(data.data(), 2), "ab");
    EXPECT_EQ(there.read_some(boost::asio::mutable_buffer{}), 0U);
}

TENDRIL_HUB_TEST(any_stream, gives_the_stream_to_whoever_knows_its_type) {
    auto ends = memory_stream::pair();
    any_stream owner{std::move(ends.first)};
    ASSERT_NE(owner.target<memory_stream>(), nullptr);
    EXPECT_EQ(owner.target<any_stream>(), nullptr);
    memory_stream taken{std::move(*owner.target<memory_stream>())};
    EXPECT_TRUE(taken.is_open());
    EXPECT_FALSE(owner.is_open());
    any_stream const borrowed{std::ref(taken)};
    EXPECT_EQ(any_stream{std::ref(taken)}.target<memory_stream>(), &taken);
    EXPECT_EQ(any_stream{}.target<memory_stream>(), nullptr);
}

TENDRIL_HUB_TEST(any_stream, a_close_wakes_the_reader) {
    auto ends = memory_stream::pair();
    any_stream here{std::move(ends.first)};
    auto reader = spawn([&] { return hear(here); });
    settle();
    here.close();
    here.close();
    EXPECT_EQ(reader.get(), io_error(errc::closed).message());
}

TENDRIL_HUB_TEST(any_stream, algorithms_of_asio_run_over_it) {
    auto ends = memory_stream::pair({.largest_read = 1, .largest_write = 1});
    any_stream here{std::move(ends.first)};
    any_stream there{std::move(ends.second)};
    boost::asio::write(here, buffer("piece by piece"sv));
    std::string received(14, '\0');
    boost::asio::read(there, buffer(received));
    EXPECT_EQ(received, "piece by piece");
}
