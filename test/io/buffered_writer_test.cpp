// SPDX-License-Identifier: BSL-1.0
#include <harness/memory_lines.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/io/buffered_writer.hpp>
#include <tendril/time/timeout.hpp>

#include <boost/asio/write.hpp>
#include <boost/beast/core/stream_traits.hpp>

#include <array>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using boost::asio::buffer;
using tendril::testing::settle;
using test::error_of;
using test::got;
using test::memory_stream;

static_assert(write_stream<buffered_writer<memory_stream>>);
static_assert(boost::beast::is_sync_write_stream<buffered_writer<memory_stream>>::value);

// Counts the writes of a stream.
struct counting_stream {
    template <typename Buffers>
    std::size_t write_some(Buffers const& buffers, error_code& error) {
        ++writes;
        error = next_error;
        return error.failed() ? 0 : boost::asio::buffer_copy(buffer(into), buffers);
    }
    template <typename Buffers>
    std::size_t write_some(Buffers const& buffers) {
        error_code error;
        return write_some(buffers, error);
    }
    template <typename Buffers>
    std::size_t write(Buffers const& buffers, error_code& error) {
        return write_some(buffers, error);
    }
    template <typename Buffers>
    std::size_t write(Buffers const& buffers) {
        return write_some(buffers);
    }
    auto get_executor() { return this_hub().context().get_executor(); }
    counting_stream& lowest_layer() { return *this; }

    int writes = 0;
    error_code next_error;
    std::string into = std::string(1 << 20, '.');
};

}  // namespace

TENDRIL_HUB_TEST(buffered_writer, small_writes_leave_together) {
    counting_stream stream;
    buffered_writer writer{stream};
    for (int i = 0; i < 1000; ++i) {
        EXPECT_EQ(writer.write("0123456789"), 10U);
    }
    EXPECT_EQ(stream.writes, 0);
    EXPECT_EQ(writer.size(), 10000U);
    writer.flush();
    EXPECT_EQ(stream.writes, 1);
    EXPECT_EQ(stream.into.substr(0, 12), "012345678901");
    EXPECT_EQ(writer.size(), 0U);
}

TENDRIL_HUB_TEST(buffered_writer, what_does_not_fit_leaves_with_the_buffer_in_one_write) {
    counting_stream stream;
    buffered_writer writer{stream, {.capacity = 10}};
    writer.write("head ");
    writer.write(std::string(100, 'b'));
    EXPECT_EQ(stream.writes, 1);
    EXPECT_EQ(stream.into.substr(0, 8), "head bbb");
    EXPECT_EQ(writer.size(), 0U);
}

TENDRIL_HUB_TEST(buffered_writer, takes_any_number_of_buffers) {
    auto [here, there] = memory_stream::pair({.largest_write = 7});
    std::vector<std::string> const texts(50, "abc");
    std::vector<boost::asio::const_buffer> parts;
    std::string all;
    for (std::string const& each : texts) {
        parts.push_back(buffer(each));
        all += each;
    }
    buffered_writer roomy{here};
    EXPECT_EQ(roomy.write(parts), all.size());
    roomy.flush();
    EXPECT_EQ(got(there), all);
    buffered_writer narrow{here, {.capacity = 4}};
    narrow.write("<");
    EXPECT_EQ(narrow.write(parts), all.size());
    EXPECT_EQ(got(there), "<" + all);
}

TENDRIL_HUB_TEST(buffered_writer, without_capacity_it_writes_at_once) {
    auto [here, there] = memory_stream::pair();
    buffered_writer writer{here, {.capacity = 0}};
    writer.write("x");
    EXPECT_EQ(got(there), "x");
}

TENDRIL_HUB_TEST(buffered_writer, is_a_stream_for_algorithms_of_asio) {
    auto [here, there] = memory_stream::pair();
    buffered_writer writer{here};
    std::array const parts{buffer("a", 1), buffer("b", 1)};
    boost::asio::write(writer, parts);
    EXPECT_EQ(writer.size(), 2U);
    writer.flush();
    EXPECT_EQ(got(there), "ab");
    EXPECT_EQ(&writer.lowest_layer(), &here);
    EXPECT_EQ(&writer.next_layer(), &here);
    EXPECT_EQ(writer.get_executor(), here.get_executor());
}

TENDRIL_HUB_TEST(buffered_writer, room_in_the_buffer_is_used_again) {
    auto [here, there] = memory_stream::pair({.capacity = 3});
    buffered_writer writer{here, {.capacity = 8}};
    writer.write("abcdef");
    auto flushing = spawn([&] { return test::outcome_of([&] { writer.flush(); }); });
    settle();
    flushing.cancel();
    flushing.join();
    EXPECT_EQ(writer.size(), 3U);
    writer.write("ghijk");
    auto reading = spawn([&, &from = there] { return test::got_all(from); });
    writer.flush();
    here.shutdown_send();
    EXPECT_EQ(reading.get(), "abcdefghijk");
}

// Interruption and errors.

TENDRIL_HUB_TEST(buffered_writer, a_flush_that_is_interrupted_loses_and_doubles_nothing) {
    auto [here, there] = memory_stream::pair({.capacity = 3, .largest_write = 2});
    buffered_writer writer{here};
    std::string const text = "the quick brown fox jumps over the lazy dog";
    writer.write(text);
    std::string received;
    while (writer.size() > 0) {
        auto flushing = spawn([&] { return test::outcome_of([&] { writer.flush(); }); });
        settle();
        flushing.kill();
        flushing.join();
        received += got(there);
    }
    EXPECT_EQ(received, text);
}

TENDRIL_HUB_TEST(buffered_writer, a_large_write_that_is_torn_breaks_the_writer) {
    auto [here, there] = memory_stream::pair({.capacity = 3});
    buffered_writer writer{here, {.capacity = 4}};
    auto writing = spawn([&] { return test::outcome_of([&] { writer.write("0123456789"); }); });
    settle();
    writing.cancel();
    EXPECT_EQ(writing.get(), "cancelled");
    EXPECT_EQ(error_of([&](auto& error) { writer.write("x", error); }), errc::broken);
    EXPECT_EQ(error_of([&](auto& error) { writer.flush(error); }), errc::broken);
}

TENDRIL_HUB_TEST(buffered_writer, a_large_write_that_has_not_begun_leaves_the_writer_whole) {
    auto [here, there] = memory_stream::pair({.capacity = 3});
    buffered_writer writer{here, {.capacity = 8}};
    writer.write("abcdef");
    auto writing = spawn([&] { return test::outcome_of([&] { writer.write("0123456789"); }); });
    settle();
    writing.cancel();
    EXPECT_EQ(writing.get(), "cancelled");
    EXPECT_EQ(got(there), "abc");
    writer.flush();
    EXPECT_EQ(got(there), "def");
}

TENDRIL_HUB_TEST(buffered_writer, looks_for_interruption_even_when_it_need_not_wait) {
    auto [here, there] = memory_stream::pair();
    buffered_writer writer{here};
    auto writing = spawn([&] { return test::outcome_of([&] { writer.write("x"); }); });
    writing.cancel();
    writing.join();
    auto flushing = spawn([&] { return test::outcome_of([&] { writer.flush(); }); });
    flushing.cancel();
    flushing.join();
    EXPECT_EQ(writer.size(), 0U);
}

TENDRIL_HUB_TEST(buffered_writer, a_second_writer_is_refused_and_the_first_undisturbed) {
    auto [here, there] = memory_stream::pair({.capacity = 3});
    buffered_writer writer{here};
    writer.write("abcdef");
    auto flushing = spawn([&] { writer.flush(); });
    settle();
    EXPECT_EQ(error_of([&](auto& error) { writer.write("x", error); }), errc::busy);
    EXPECT_EQ(error_of([&](auto& error) { writer.flush(error); }), errc::busy);
    EXPECT_EQ(got(there), "abc");
    flushing.get();
    EXPECT_EQ(got(there), "def");
}

TENDRIL_HUB_TEST(buffered_writer, an_error_of_the_stream_keeps_the_buffer) {
    counting_stream stream;
    buffered_writer writer{stream};
    writer.write("abc");
    stream.next_error = io_error(errc::timed_out);
    EXPECT_EQ(error_of([&](auto& error) { writer.flush(error); }), errc::timed_out);
    EXPECT_EQ(writer.size(), 3U);
    stream.next_error = {};
    writer.flush();
    EXPECT_EQ(writer.size(), 0U);
}

// The end.

TENDRIL_HUB_TEST(buffered_writer, what_was_not_flushed_is_reported_and_not_written) {
    test::transcript errors;
    test::collect_errors(errors);
    auto [here, there] = memory_stream::pair();
    { buffered_writer{here}.write("lost"); }
    EXPECT_EQ(there.available(), 0U);
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_TRUE(test::contains(errors.front(), "with 4 bytes in its buffer: call flush()"));
}

TENDRIL_HUB_TEST(buffered_writer, what_was_not_flushed_for_a_known_reason_is_dropped_in_silence) {
    test::transcript errors;
    test::collect_errors(errors);
    auto [here, there] = memory_stream::pair();
    try {
        buffered_writer writer{here};
        writer.write("lost");
        throw std::runtime_error{"on its way"};
    } catch (std::runtime_error const&) {
        buffered_writer writer{here};
        writer.write("lost");
        here.close();
        EXPECT_EQ(error_of([&](auto& error) { writer.flush(error); }), errc::closed);
    }
    EXPECT_EQ(errors, test::transcript{});
}
