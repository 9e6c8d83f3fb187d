// SPDX-License-Identifier: BSL-1.0
#include <harness/descriptors.hpp>
#include <harness/hubs.hpp>
#include <harness/network.hpp>
#include <harness/own_folder.hpp>
#include <tendril/file/descriptor_stream.hpp>
#include <tendril/file/pipe.hpp>
#include <tendril/io/buffered_reader.hpp>
#include <tendril/io/stream.hpp>

#include <boost/asio/error.hpp>

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::bare_pipe;
using test::bare_terminal;
using test::get_error;
using test::get_text;
using test::put_error;
using test::put_text;
using test::settle;
namespace asio_error = boost::asio::error;

static_assert(byte_stream<descriptor_stream>);

// The two ways to use a pipe that blocks.
descriptor_options const both_ways[] = {{.open_anew = true}, {.open_anew = false}};

}  // namespace

TENDRIL_HUB_TEST(descriptor_stream, a_reader_waits_while_others_run) {
    for (descriptor_options const& how : both_ways) {
        bare_pipe pipe;
        auto reader = descriptor_stream::adopt(pipe.take(0), how);
        auto writer = descriptor_stream::adopt(pipe.take(1), how);
        auto heard = spawn([&] { return get_text(reader); });
        settle();
        EXPECT_FALSE(heard.done());
        put_text(writer, "news");
        EXPECT_EQ(heard.get(), "news");
    }
}

TENDRIL_HUB_TEST(descriptor_stream, a_long_write_waits_for_room_and_arrives_whole) {
    for (descriptor_options const& how : both_ways) {
        bare_pipe pipe;
        auto reader = descriptor_stream::adopt(pipe.take(0), how);
        auto writer = descriptor_stream::adopt(pipe.take(1), how);
        std::string const text(1'000'000, 't');
        auto sent = spawn([&] {
            std::array<boost::asio::const_buffer, 2> const halves{
                boost::asio::buffer(text.data(), 400'000),
                boost::asio::buffer(text.data() + 400'000, 600'000)};
            std::size_t const size = writer.write(halves);
            writer.shutdown_send();
            return size;
        });
        buffered_reader all{reader};
        EXPECT_EQ(all.read_all(), text);
        EXPECT_EQ(sent.get(), text.size());
        EXPECT_FALSE(writer.is_open());
    }
}

TENDRIL_HUB_TEST(descriptor_stream, a_read_fills_several_buffers_and_empty_ones_ask_nothing) {
    auto [reader, writer] = make_pipe();
    put_text(writer, "abcdef");
    std::array<char, 4> first{};
    std::array<char, 4> second{};
    std::array<boost::asio::mutable_buffer, 2> const into{
        boost::asio::buffer(first), boost::asio::buffer(second)};
    EXPECT_EQ(reader.read_some(into), 6U);
    EXPECT_EQ(std::string(first.data(), 4) + std::string(second.data(), 2), "abcdef");
    EXPECT_EQ(reader.read_some(boost::asio::mutable_buffer{}), 0U);
    EXPECT_EQ(writer.write(boost::asio::const_buffer{}), 0U);
}

TENDRIL_HUB_TEST(descriptor_stream, lines_are_read_from_a_terminal) {
    bare_terminal terminal;
    auto stream = descriptor_stream::adopt(::dup(terminal.terminal));
    EXPECT_EQ(stream.kind(), descriptor_kind::terminal);
    buffered_reader reader{stream};
    auto line = spawn([&] { return reader.read_line(); });
    settle();
    EXPECT_EQ(::write(terminal.master, "typed\n", 6), 6);
    EXPECT_EQ(line.get(), "typed");
    put_text(stream, "shown\n");
    char shown[64];
    EXPECT_GT(::read(terminal.master, shown, sizeof shown), 0);
}

TENDRIL_HUB_TEST(descriptor_stream, who_sits_at_a_terminal_is_a_stream_too) {
    bare_terminal terminal;
    auto master = descriptor_stream::adopt(::dup(terminal.master));
    put_text(master, "typed\n");
    char typed[64];
    EXPECT_EQ(::read(terminal.terminal, typed, sizeof typed), 6);
    EXPECT_EQ(get_text(master), "typed\r\n");
}

TENDRIL_HUB_TEST(descriptor_stream, a_socket_is_used_as_it_is) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    auto here = descriptor_stream::adopt(ends[0]);
    auto there = descriptor_stream::adopt(ends[1]);
    auto heard = spawn([&] { return get_text(there); });
    settle();
    put_text(here, "hello");
    EXPECT_EQ(heard.get(), "hello");
    EXPECT_TRUE(test::blocks(here.native_handle()));
    here.shutdown_send();
    EXPECT_EQ(get_error(there), asio_error::eof);
    put_text(there, "back");
    EXPECT_EQ(get_text(here), "back");
}

TENDRIL_HUB_TEST(descriptor_stream, devices_and_counters_are_streams) {
    auto nothing = descriptor_stream::adopt(::open("/dev/null", O_RDWR | O_CLOEXEC));
    put_text(nothing, "lost");
    EXPECT_EQ(get_error(nothing), asio_error::eof);
    EXPECT_EQ(nothing.kind(), descriptor_kind::character_device);
    int const counter = ::eventfd(0, EFD_CLOEXEC);
    auto events = descriptor_stream::adopt(counter);
    std::uint64_t seen = 0;
    auto waits = spawn([&] { return events.read_some(boost::asio::buffer(&seen, sizeof seen)); });
    settle();
    EXPECT_EQ(::eventfd_write(counter, 3), 0);
    EXPECT_EQ(waits.get(), 8U);
    EXPECT_EQ(seen, 3U);
}

// What is shared with others.

TENDRIL_HUB_TEST(descriptor_stream, what_others_share_stays_blocking) {
    bare_pipe pipe;
    bare_terminal terminal;
    int const shared[] = {pipe.ends[0], pipe.ends[1], terminal.terminal, terminal.master};
    for (int const each : shared) {
        auto const owned = descriptor_stream::adopt(::dup(each));
        auto const borrowed = descriptor_stream::adopt(each, {.keep_open = true});
        EXPECT_TRUE(test::blocks(each));
    }
    for (int const each : shared) {
        EXPECT_TRUE(test::blocks(each));
        auto const asked = descriptor_stream::adopt(::dup(each), {.set_nonblocking = true});
        EXPECT_FALSE(test::blocks(each));
    }
}

TENDRIL_HUB_TEST(descriptor_stream, what_is_to_be_kept_open_stays_open) {
    bare_pipe pipe;
    {
        auto writer = descriptor_stream::adopt(pipe.ends[1], {.keep_open = true});
        put_text(writer, "x");
        auto reader = descriptor_stream::adopt(pipe.ends[0], {.keep_open = true});
        EXPECT_EQ(get_text(reader), "x");
        writer.close();
        EXPECT_EQ(reader.release(), pipe.ends[0]);
    }
    EXPECT_TRUE(test::is_open_descriptor(pipe.ends[0]));
    EXPECT_TRUE(test::is_open_descriptor(pipe.ends[1]));
}

TENDRIL_HUB_TEST(descriptor_stream, the_standard_streams_stay_open) {
    for (int const each : {0, 1, 2}) {
        auto const stream = [&] {
            error_code error;
            return descriptor_stream::adopt(each, error, {.keep_open = true});
        }();
    }
    for (int const each : {0, 1, 2}) {
        EXPECT_TRUE(test::is_open_descriptor(each));
    }
}

// What is refused.

TENDRIL_HUB_TEST(descriptor_stream, a_regular_file_is_refused_and_the_text_names_the_way) {
    test::unnamed_file const regular;
    auto const adopt = [&] { descriptor_stream::adopt(::dup(regular.descriptor())); };
    EXPECT_EQ(test::code_of(adopt), errc::wrong_kind);
    std::string const text = test::text_of(adopt);
    EXPECT_NE(text.find("a regular file"), text.npos) << text;
    EXPECT_NE(text.find("`file`"), text.npos) << text;
}

TENDRIL_HUB_TEST(descriptor_stream, what_is_refused_is_closed_unless_it_is_somebody_elses) {
    test::unnamed_file const regular;
    int const owned = ::dup(regular.descriptor());
    error_code error;
    EXPECT_FALSE(descriptor_stream::adopt(owned, error).is_open());
    EXPECT_EQ(error, errc::wrong_kind);
    EXPECT_FALSE(test::is_open_descriptor(owned));
    descriptor_stream::adopt(regular.descriptor(), error, {.keep_open = true});
    EXPECT_TRUE(test::is_open_descriptor(regular.descriptor()));
    EXPECT_EQ(
        test::code_of([] { descriptor_stream::adopt(-1); }),
        boost::system::errc::bad_file_descriptor);
}

TENDRIL_HUB_TEST(descriptor_stream, an_end_goes_one_way) {
    auto [reader, writer] = make_pipe();
    EXPECT_EQ(put_error(reader), boost::system::errc::bad_file_descriptor);
    EXPECT_EQ(get_error(writer), boost::system::errc::bad_file_descriptor);
    error_code error;
    reader.shutdown_send(error);
    EXPECT_EQ(error, asio_error::operation_not_supported);
    EXPECT_TRUE(reader.is_open());
}

TENDRIL_HUB_TEST(descriptor_stream, a_pipe_without_a_reader_is_an_error_and_no_signal) {
    for (descriptor_options const& how : both_ways) {
        bare_pipe pipe;
        auto writer = descriptor_stream::adopt(pipe.take(1), how);
        pipe.close_end(0);
        EXPECT_EQ(put_error(writer), boost::system::errc::broken_pipe);
    }
    // Nothing is left pending, and the program's own way with the signal is as before.
    sigset_t pending;
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
}

TENDRIL_HUB_TEST(descriptor_stream, a_reader_that_leaves_wakes_who_waits_for_room) {
    auto [reader, writer] = make_pipe();
    test::fill_pipe(writer.native_handle());
    auto waits = spawn([&into = writer] { return put_error(into); });
    settle();
    EXPECT_FALSE(waits.done());
    reader.close();
    EXPECT_EQ(waits.get(), boost::system::errc::broken_pipe);
}

// Ends, limits and interruptions.

TENDRIL_HUB_TEST(descriptor_stream, closing_wakes_both_who_wait) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    auto here = descriptor_stream::adopt(ends[0]);
    auto there = descriptor_stream::adopt(ends[1]);
    test::fill_pipe(here.native_handle());
    auto reads = spawn([&] { return get_error(here); });
    auto writes = spawn([&] { return put_error(here); });
    settle();
    here.close();
    EXPECT_EQ(reads.get(), errc::closed);
    EXPECT_EQ(writes.get(), errc::closed);
    EXPECT_EQ(get_error(here), errc::closed);
    EXPECT_EQ(put_error(here), errc::closed);
    here.close();
    EXPECT_EQ(here.release(), -1);
    EXPECT_EQ(here.native_handle(), -1);
}

TENDRIL_HUB_TEST(descriptor_stream, giving_the_descriptor_away_wakes_who_waits) {
    auto [reader, writer] = make_pipe();
    auto waits = spawn([&from = reader] { return get_error(from); });
    settle();
    int const given = reader.release();
    EXPECT_EQ(waits.get(), errc::closed);
    EXPECT_TRUE(test::is_open_descriptor(given));
    ::close(given);
}

TENDRIL_HUB_TEST(descriptor_stream, a_second_reader_is_busy) {
    auto [reader, writer] = make_pipe();
    auto waits = spawn([&from = reader] { return get_text(from); });
    settle();
    EXPECT_EQ(get_error(reader), errc::busy);
    put_text(writer, "for the first");
    EXPECT_EQ(waits.get(), "for the first");
}

TENDRIL_HUB_TEST(descriptor_stream, limits_end_a_wait_and_what_is_there_beats_them) {
    for (descriptor_options const& how : both_ways) {
        bare_pipe pipe;
        auto reader = descriptor_stream::adopt(pipe.take(0), how);
        auto writer = descriptor_stream::adopt(pipe.take(1), how);
        char data[8];
        error_code error;
        auto const start = clock.now();
        reader.read_some_for(boost::asio::buffer(data), error, 30ms);
        EXPECT_EQ(error, errc::timed_out);
        EXPECT_EQ(clock.now() - start, 30ms);
        reader.set_read_limit(10ms);
        EXPECT_EQ(get_error(reader), errc::timed_out);
        EXPECT_EQ(clock.now() - start, 40ms);
        put_text(writer, "x");
        EXPECT_EQ(reader.read_some_until(boost::asio::buffer(data), deadline::at(start)), 1U);
        writer.set_write_limit(10ms);
        test::fill_pipe(writer.native_handle());
        EXPECT_EQ(put_error(writer), errc::timed_out);
    }
}

TENDRIL_HUB_TEST(descriptor_stream, a_write_that_ends_half_way_breaks_the_stream) {
    auto [reader, writer] = make_pipe();
    std::string const text(1'000'000, 't');
    error_code error;
    EXPECT_GT(writer.write_for(boost::asio::buffer(text), error, 10ms), 0U);
    EXPECT_EQ(error, errc::timed_out);
    EXPECT_EQ(put_error(writer), errc::broken);
}

TENDRIL_HUB_TEST(descriptor_stream, who_is_cancelled_leaves_at_once_and_takes_nothing) {
    auto [reader, writer] = make_pipe();
    auto waits = spawn([&from = reader] { return test::interruption_of([&] { get_text(from); }); });
    settle();
    waits.cancel();
    EXPECT_EQ(waits.get(), "cancelled");
    put_text(writer, "still here");
    EXPECT_EQ(get_text(reader), "still here");
}

TENDRIL_HUB_TEST(descriptor_stream, it_may_outlive_its_hub) {
    std::vector<descriptor_stream> kept;
    test::run_on_new_thread([&] {
        pipe_ends ends = make_pipe();
        kept.push_back(std::move(ends.reader));
        kept.push_back(std::move(ends.writer));
    });
    EXPECT_FALSE(kept.front().is_open());
}

TENDRIL_HUB_TEST(descriptor_stream, another_thread_may_not_use_it) {
    auto [reader, writer] = make_pipe();
    EXPECT_EQ(test::outcome_elsewhere([&from = reader] { from.close(); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&into = writer] { put_error(into); }), "wrong thread");
}

TENDRIL_HUB_TEST(descriptor_stream, one_that_was_never_open_says_so) {
    descriptor_stream none;
    EXPECT_EQ(get_error(none), errc::closed);
    EXPECT_EQ(put_error(none), errc::closed);
    none.close();
    EXPECT_THROW(none.get_executor(), misuse);
    EXPECT_THROW(none.kind(), system_error);
    error_code error;
    none.shutdown_send(error);
    EXPECT_EQ(error, errc::closed);
}

TENDRIL_HUB_TEST(descriptor_stream, a_named_pipe_is_a_pipe) {
    test::own_folder const place;
    ASSERT_EQ(::mkfifo(place.file("fifo").c_str(), 0600), 0);
    auto stream = descriptor_stream::adopt(
        ::open(place.file("fifo").c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
    put_text(stream, "round");
    EXPECT_EQ(get_text(stream), "round");
}
