// SPDX-License-Identifier: BSL-1.0
//
// What TCP and Unix streams do alike: every test runs over both.
#include <harness/streams.hpp>
#include <tendril/io/stream.hpp>
#include <tendril/net/stream_socket.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/socket_base.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <limits>
#include <ratio>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::for_each_kind;
using test::hear;
using test::hear_all;
using test::hear_exactly;
using test::read_error;
using test::say;
using test::settle;
using test::write_error;
namespace asio_error = boost::asio::error;

static_assert(byte_stream<tcp_stream> && byte_stream<unix_stream>);

// How a read ends that has a limit.
template <typename Limit>
error_code limited_read_error(stream_socket& stream, Limit const& limit) {
    char data[16];
    error_code error;
    stream.read_some_for(boost::asio::buffer(data), error, limit);
    return error;
}

}  // namespace

// Several buffers.

TENDRIL_HUB_TEST(stream_socket, a_read_into_several_buffers_waits_as_one_into_one_does) {
    for_each_kind([](stream_socket& here, stream_socket& there) {
        std::array<std::string, 3> words{"xxx", "", "yyyy"};
        auto reader = spawn([&] {
            std::vector<boost::asio::mutable_buffer> buffers;
            for (std::string& word : words) {
                buffers.push_back(boost::asio::buffer(word));
            }
            return there.read_some(buffers);
        });
        settle();
        EXPECT_FALSE(reader.done());
        say(here, "onetwo");
        EXPECT_EQ(reader.get(), 6U);
        EXPECT_EQ(words[0] + words[2], "onetwoy");
    });
}

TENDRIL_HUB_TEST(stream_socket, a_read_takes_as_many_buffers_as_one_call_of_the_system) {
    for_each_kind([](stream_socket& here, stream_socket& there) {
        std::string const text = "0123456789abcdefghij";
        std::string heard(text.size(), '.');
        std::vector<boost::asio::mutable_buffer> buffers;
        for (char& place : heard) {
            buffers.push_back(boost::asio::mutable_buffer{&place, 1});
        }
        say(here, text);
        EXPECT_EQ(there.read_some(buffers), 16U);
        EXPECT_EQ(heard, "0123456789abcdef....");
        EXPECT_EQ(hear(there), "ghij");
    });
}

// Limits.

TENDRIL_HUB_TEST(stream_socket, a_read_with_a_limit_ends_at_it_and_the_next_one_reads) {
    for_each_kind([&clock](stream_socket& here, stream_socket& there) {
        auto const before = clock.elapsed();
        EXPECT_EQ(limited_read_error(there, 3s), errc::timed_out);
        EXPECT_EQ(clock.elapsed() - before, 3s);
        char data[16];
        EXPECT_EQ(
            test::code_of(
                [&] { there.read_some_until(boost::asio::buffer(data), deadline::after(1s)); }),
            errc::timed_out);
        say(here, "later");
        EXPECT_EQ(there.read_some_for(boost::asio::buffer(data), 1s), 5U);
    });
}

TENDRIL_HUB_TEST(stream_socket, what_is_there_beats_a_limit_that_has_passed) {
    for_each_kind([](stream_socket& here, stream_socket& there) {
        say(here, "in time");
        char data[16];
        EXPECT_EQ(there.read_some_for(boost::asio::buffer(data), -1s), 7U);
        EXPECT_EQ(limited_read_error(there, 0s), errc::timed_out);
        EXPECT_EQ(limited_read_error(there, -1h), errc::timed_out);
    });
}

TENDRIL_HUB_TEST(stream_socket, a_read_limit_of_the_stream_is_for_each_read) {
    for_each_kind([&clock](stream_socket& here, stream_socket& there) {
        there.set_read_limit(2s);
        auto const before = clock.elapsed();
        EXPECT_EQ(read_error(there), errc::timed_out);
        auto talker = spawn([&here] {
            sleep_for(1s);
            say(here, "x");
        });
        EXPECT_EQ(hear(there), "x");
        talker.join();
        EXPECT_EQ(read_error(there), errc::timed_out);
        EXPECT_EQ(clock.elapsed() - before, 5s);
        EXPECT_EQ(limited_read_error(there, 7s), errc::timed_out);
        EXPECT_EQ(clock.elapsed() - before, 12s);
        there.set_read_limit(std::chrono::hours::max());
        auto reader = spawn([&there] { return hear(there); });
        sleep_for(1000h);
        EXPECT_FALSE(reader.done());
        say(here, "at last");
        EXPECT_EQ(reader.get(), "at last");
    });
}

TENDRIL_HUB_TEST(stream_socket, a_write_past_its_limit_half_way_leaves_a_broken_stream) {
    for_each_kind([&clock](stream_socket& here, stream_socket& there) {
        std::string const large(32 * 1024 * 1024, 'x');
        auto const before = clock.elapsed();
        error_code error;
        std::size_t const sent = here.write_for(boost::asio::buffer(large), error, 5s);
        EXPECT_EQ(error, errc::timed_out);
        EXPECT_GT(sent, 0U);
        EXPECT_LT(sent, large.size());
        EXPECT_EQ(clock.elapsed() - before, 5s);
        EXPECT_EQ(write_error(here), errc::broken);
        EXPECT_EQ(hear_exactly(there, sent).size(), sent);
        say(there, "still heard");
        EXPECT_EQ(hear(here), "still heard");
    });
}

TENDRIL_HUB_TEST(stream_socket, a_write_past_its_limit_before_its_first_byte_breaks_nothing) {
    for_each_kind([](stream_socket& here, stream_socket& there) {
        std::size_t const filled = test::fill(here);
        here.set_write_limit(1s);
        EXPECT_EQ(write_error(here, "never"), errc::timed_out);
        error_code error;
        here.write_some(boost::asio::buffer("never", 5), error);
        EXPECT_EQ(error, errc::timed_out);
        hear_exactly(there, filled);
        say(here, "sent");
        EXPECT_EQ(hear(there), "sent");
    });
}

// The limit is for all of a write, and counts when each piece leaves at once, too.
TENDRIL_ORDERED_HUB_TEST(stream_socket, a_write_looks_at_the_clock_between_its_pieces) {
    for_each_kind([&clock](stream_socket& here, stream_socket& there) {
        std::vector<boost::asio::const_buffer> const parts(
            8000, boost::asio::buffer("some bytes", 10));
        here.set_write_limit(1s);
        auto reader = spawn([&there] { return hear_all(there); });
        // Others have their turn when the budget of the writer is used up.
        auto const hurry = spawn([&clock] { clock.advance(1h); });
        error_code error;
        std::size_t const sent = here.write(parts, error);
        EXPECT_EQ(error, errc::timed_out);
        EXPECT_LT(sent, 80000U);
        here.close();
        EXPECT_EQ(reader.get().size(), sent);
    });
}

TENDRIL_HUB_TEST(stream_socket, a_limit_may_be_any_duration_but_must_be_a_number) {
    for_each_kind([](stream_socket& here, stream_socket& there) {
        using hours = std::chrono::duration<double, std::ratio<3600>>;
        char data[16];
        for (double const length : {1e300, std::numeric_limits<double>::infinity()}) {
            say(here, "x");
            EXPECT_EQ(there.read_some_for(boost::asio::buffer(data), hours{length}), 1U);
            EXPECT_EQ(here.write_for(boost::asio::buffer("y", 1), hours{length}), 1U);
            EXPECT_EQ(hear(there), "y");
        }
        hours const none{std::numeric_limits<double>::quiet_NaN()};
        EXPECT_THROW(there.read_some_for(boost::asio::buffer(data), none), misuse);
        EXPECT_THROW(there.set_read_limit(none), misuse);
        EXPECT_THROW(there.set_write_limit(none), misuse);
    });
}

TENDRIL_HUB_TEST(stream_socket, a_closed_stream_has_no_limits_and_takes_them_all_the_same) {
    for_each_kind([](stream_socket& here, stream_socket&) {
        here.close();
        here.set_read_limit(1s);
        here.set_write_limit(1s);
        EXPECT_EQ(read_error(here), errc::closed);
    });
}

// Half closes.

TENDRIL_HUB_TEST(stream_socket, shutdown_send_wakes_the_writer_and_leaves_the_reader) {
    for_each_kind([](stream_socket& here, stream_socket& there) {
        auto writer = test::spawn_writer(here);
        auto reader = spawn([&here] { return hear(here); });
        settle();
        here.shutdown_send();
        EXPECT_EQ(writer.get(), asio_error::broken_pipe);
        EXPECT_FALSE(reader.done());
        hear_all(there);
        say(there, "answer");
        EXPECT_EQ(reader.get(), "answer");
    });
}

TENDRIL_HUB_TEST(stream_socket, shutdown_receive_wakes_the_reader_and_leaves_the_writer) {
    for_each_kind([](stream_socket& here, stream_socket& there) {
        std::size_t const filled = test::fill(here);
        auto writer = spawn([&here] { return write_error(here, "written"); });
        auto reader = test::spawn_reader(here);
        settle();
        here.shutdown_receive();
        EXPECT_EQ(reader.get(), asio_error::eof);
        EXPECT_FALSE(writer.done());
        EXPECT_EQ(hear_exactly(there, filled + 7).substr(filled), "written");
        EXPECT_FALSE(writer.get().failed());
        EXPECT_EQ(read_error(here), asio_error::eof);
    });
}

TENDRIL_HUB_TEST(stream_socket, shutdown_both_wakes_both_and_leaves_the_stream_open) {
    for_each_kind([](stream_socket& here, stream_socket& there) {
        auto writer = test::spawn_writer(here);
        auto reader = test::spawn_reader(here);
        settle();
        here.shutdown_both();
        EXPECT_EQ(reader.get(), asio_error::eof);
        EXPECT_EQ(writer.get(), asio_error::broken_pipe);
        EXPECT_TRUE(here.is_open());
        hear_all(there);
        here.close();
        EXPECT_EQ(test::code_of([&here] { here.shutdown_both(); }), errc::closed);
        EXPECT_EQ(test::code_of([&here] { here.shutdown_receive(); }), errc::closed);
    });
}

// Connecting and accepting.

TENDRIL_HUB_TEST(stream_socket, connecting_tells_the_error_that_the_attempt_ended_with) {
    // The kernel answers later, and the answer is asked for by a second call.
    EXPECT_EQ(
        test::code_of([] { tcp_stream::connect(test::deserted_endpoint()); }),
        asio_error::connection_refused);
    error_code error;
    tcp_stream::connect_until(
        test::deserted_endpoint(), error, deadline::after(std::chrono::hours{1}));
    EXPECT_EQ(error, asio_error::connection_refused);
}

TENDRIL_HUB_TEST(stream_socket, an_accepted_stream_does_not_block_and_has_no_limit) {
    for_each_kind([&clock](stream_socket& here, stream_socket& there) {
        EXPECT_NE(::fcntl(there.native_handle(), F_GETFL) & O_NONBLOCK, 0);
        auto reader = spawn([&there] { return hear(there); });
        settle();
        clock.advance(1000h);
        settle();
        EXPECT_FALSE(reader.done());
        say(here, "x");
        EXPECT_EQ(reader.get(), "x");
    });
}

// Options.

TENDRIL_HUB_TEST(stream_socket, options_are_set_and_read_by_the_types_of_asio) {
    for_each_kind([](stream_socket& here, stream_socket&) {
        here.set_option(boost::asio::socket_base::send_buffer_size{20000});
        boost::asio::socket_base::send_buffer_size room;
        here.get_option(room);
        EXPECT_GE(room.value(), 20000);
        here.set_option(boost::asio::socket_base::linger{true, 3});
        boost::asio::socket_base::linger waits;
        here.get_option(waits);
        EXPECT_TRUE(waits.enabled());
        EXPECT_EQ(waits.timeout(), 3);
        here.set_option(boost::asio::socket_base::linger{false, 0});
    });
}

TENDRIL_HUB_TEST(stream_socket, options_of_a_closed_stream_are_errors) {
    for_each_kind([](stream_socket& here, stream_socket&) {
        here.close();
        boost::asio::socket_base::keep_alive option;
        EXPECT_EQ(test::code_of([&] { here.set_option(option); }), errc::closed);
        EXPECT_EQ(test::code_of([&] { here.get_option(option); }), errc::closed);
    });
}

// Ends.

TENDRIL_HUB_TEST(stream_socket, release_gives_the_descriptor_away_and_calls_the_waiters_off) {
    for_each_kind([](stream_socket& here, stream_socket& there) {
        auto reader = test::spawn_reader(here);
        auto writer = test::spawn_writer(here);
        settle();
        int const number = here.native_handle();
        int const released = here.release();
        EXPECT_EQ(released, number);
        EXPECT_FALSE(here.is_open());
        EXPECT_EQ(here.release(), -1);
        EXPECT_EQ(reader.get(), errc::closed);
        EXPECT_EQ(writer.get(), errc::closed);
        EXPECT_NE(::fcntl(released, F_GETFD), -1);
        ::close(released);
        hear_all(there);
    });
}

TENDRIL_HUB_TEST(stream_socket, abort_wakes_the_waiters_and_the_peer_learns_of_the_end) {
    for_each_kind([](stream_socket& here, stream_socket& there) {
        auto reader = test::spawn_reader(here);
        settle();
        here.abort();
        here.abort();
        EXPECT_EQ(reader.get(), errc::closed);
        EXPECT_TRUE(read_error(there).failed());
    });
}
