// SPDX-License-Identifier: BSL-1.0
//
// What a transport does for a protocol, and for others who write to it.
#include <harness/protocols.hpp>
#include <tendril/hub/no_switch.hpp>
#include <tendril/protocol/transport.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/time/timeout.hpp>

#include <array>
#include <chrono>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::settle;
using test::got;
using test::protocol_and_peer;
using test::put;
using test::transcript;

constexpr protocol_options narrow_marks{.marks = {.high = 10, .low = 4}};

std::string how_drain_ends(transport& connection) {
    try {
        connection.drain();
        return "drained";
    } catch (system_error const& error) {
        return error.code().message();
    }
}

}  // namespace

// Writing.

TENDRIL_HUB_TEST(transport, a_write_never_waits_and_leaves_in_its_turn) {
    protocol_and_peer it{{}, {}, {.capacity = 5}};
    settle();
    {
        no_switch const alone;
        it.connection.write("hello ");
        std::array const parts{boost::asio::buffer("wor", 3), boost::asio::buffer("ld", 2)};
        it.connection.write(parts);
        it.connection.write("");
    }
    EXPECT_EQ(it.connection.write_buffer_size(), 11U);
    settle();
    EXPECT_EQ(it.connection.write_buffer_size(), 6U);
    EXPECT_EQ(got(it.peer), "hello");
    settle();
    EXPECT_EQ(got(it.peer), " worl");
    settle();
    EXPECT_EQ(got(it.peer), "d");
    EXPECT_EQ(it.connection.write_buffer_size(), 0U);
}

TENDRIL_HUB_TEST(transport, pauses_above_the_high_mark_and_resumes_at_the_low_one_once_each) {
    protocol_and_peer it{{}, narrow_marks, {.capacity = 1}};
    settle();
    it.seen.clear();
    it.connection.write("0123456789");
    EXPECT_EQ(it.seen, transcript{});
    it.connection.write("x");
    EXPECT_EQ(it.seen, transcript{"pause"});
    it.connection.write("y");
    EXPECT_EQ(it.seen, transcript{"pause"});
    while (it.connection.write_buffer_size() > 5) {
        settle();
        got(it.peer);
    }
    EXPECT_EQ(it.seen, transcript{"pause"});
    settle();
    got(it.peer);
    settle();
    EXPECT_EQ(it.seen, (transcript{"pause", "resume"}));
    it.connection.write("0123456789");
    EXPECT_EQ(it.seen, (transcript{"pause", "resume", "pause"}));
}

TENDRIL_HUB_TEST(transport, has_marks_of_64_kib_and_a_quarter) {
    protocol_and_peer it;
    EXPECT_EQ(it.connection.marks().high, 65536U);
    EXPECT_EQ(it.connection.marks().low, 16384U);
    it.connection.set_write_marks(100);
    EXPECT_EQ(it.connection.marks().low, 25U);
}

TENDRIL_HUB_TEST(transport, new_marks_count_at_once) {
    protocol_and_peer it{{}, {}, {.capacity = 1}};
    settle();
    it.seen.clear();
    it.connection.write("0123456789");
    it.connection.set_write_marks({.high = 9, .low = 9});
    EXPECT_EQ(it.seen, transcript{"pause"});
    it.connection.set_write_marks({.high = 20, .low = 10});
    EXPECT_EQ(it.seen, (transcript{"pause", "resume"}));
    EXPECT_THROW(it.connection.set_write_marks({.high = 1, .low = 2}), misuse);
    EXPECT_EQ(it.connection.marks().high, 20U);
}

TENDRIL_HUB_TEST(transport, a_write_inside_pause_writing_does_not_pause_again) {
    protocol_and_peer it{{.pause = [&] { it.connection.write("and more"); }}, narrow_marks};
    settle();
    it.connection.write("more than ten bytes");
    settle();
    EXPECT_EQ(it.seen, (transcript{"made", "pause", "resume"}));
    EXPECT_EQ(got(it.peer), "more than ten bytesand more");
}

TENDRIL_HUB_TEST(transport, a_pause_of_the_time_before_comes_behind_connection_made) {
    protocol_and_peer it{{}, narrow_marks, {.capacity = 1}};
    it.connection.write("more than ten bytes");
    auto writer = spawn([&] { it.connection.drain(); });
    settle();
    EXPECT_FALSE(writer.done());
    EXPECT_EQ(it.seen, (transcript{"made", "pause"}));
    while (it.connection.write_buffer_size() > 0) {
        got(it.peer);
        settle();
    }
    writer.get();
    EXPECT_EQ(it.seen, (transcript{"made", "pause", "resume"}));
    protocol_and_peer other{{.made = [](auto&) { sleep_for(1s); }}, narrow_marks};
    other.connection.write("more than ten bytes");
    sleep_for(2s);
    EXPECT_EQ(other.seen, transcript{"made"});
}

TENDRIL_HUB_TEST(transport, a_write_after_the_end_is_ignored_and_reported_the_fifth_time) {
    transcript errors;
    test::collect_errors(errors);
    protocol_and_peer it;
    it.connection.abort();
    for (int i = 0; i < 4; ++i) {
        it.connection.write("x");
    }
    EXPECT_EQ(errors, transcript{});
    for (int i = 0; i < 10; ++i) {
        it.connection.write("x");
    }
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_TRUE(test::contains(errors.front(), "write() to a transport that is closed"));
}

TENDRIL_HUB_TEST(transport, a_write_after_write_eof_is_misuse) {
    protocol_and_peer it{{.eof = [] { return true; }}};
    settle();
    it.connection.write("last");
    it.connection.write_eof();
    it.connection.write_eof();
    EXPECT_THROW(it.connection.write("x"), misuse);
    settle();
    EXPECT_EQ(test::got_all(it.peer), "last");
    // The other direction goes on.
    put(it.peer, "y");
    settle();
    EXPECT_EQ(it.seen.back(), "data y");
}

TENDRIL_HUB_TEST(transport, a_hundred_thousand_small_writes_come_to_a_slow_peer_in_order) {
    protocol_and_peer it{{}, {.marks = {.high = 1000, .low = 250}}, {.capacity = 64}};
    settle();
    std::string expected;
    std::size_t most = 0;
    auto writer = spawn([&] {
        for (int i = 0; i < 100000; ++i) {
            it.connection.write(std::to_string(i));
            most = std::max(most, it.connection.write_buffer_size());
            it.connection.drain();
        }
        it.connection.close();
    });
    std::string const received = test::got_all(it.peer);
    writer.get();
    for (int i = 0; i < 100000; ++i) {
        expected += std::to_string(i);
    }
    EXPECT_EQ(received, expected);
    EXPECT_LE(most, 1005U);
}

// Drain.

TENDRIL_HUB_TEST(transport, drain_returns_at_once_when_writing_is_not_paused) {
    protocol_and_peer it{{}, narrow_marks, {.capacity = 1}};
    it.connection.write("0123456789");
    no_switch const alone;
    it.connection.drain();
}

TENDRIL_HUB_TEST(transport, several_may_drain_at_once) {
    protocol_and_peer it{{}, narrow_marks, {.capacity = 1}};
    settle();
    it.connection.write("more than ten bytes");
    auto one = spawn([&] { return how_drain_ends(it.connection); });
    auto other = spawn([&] { return how_drain_ends(it.connection); });
    settle();
    EXPECT_FALSE(one.done() || other.done());
    while (it.connection.write_buffer_size() > 0) {
        got(it.peer);
        settle();
    }
    EXPECT_EQ(one.get(), "drained");
    EXPECT_EQ(other.get(), "drained");
}

TENDRIL_HUB_TEST(transport, drain_throws_when_the_connection_is_lost) {
    protocol_and_peer it{{}, narrow_marks, {.capacity = 1}};
    settle();
    it.connection.write("more than ten bytes");
    auto waiting = spawn([&] { return how_drain_ends(it.connection); });
    settle();
    it.peer.close();
    EXPECT_EQ(waiting.get(), "Broken pipe");
    EXPECT_EQ(how_drain_ends(it.connection), "Broken pipe");
    protocol_and_peer other;
    other.connection.abort();
    EXPECT_EQ(how_drain_ends(other.connection), io_error(errc::closed).message());
}

TENDRIL_HUB_TEST(transport, a_loop_of_write_and_drain_hears_of_the_end) {
    test::ignore_errors();
    protocol_and_peer it{{}, {}, {.capacity = 2}};
    settle();
    it.connection.write("rest");
    it.connection.close();
    auto loop = spawn([&] {
        while (true) {
            it.connection.write("x");
            it.connection.drain();
        }
    });
    EXPECT_EQ(test::got_all(it.peer), "rest");
    EXPECT_TRUE(test::contains(test::outcome_of([&] { loop.get(); }), "drain: closed by this"));
}

TENDRIL_HUB_TEST(transport, drain_can_be_ended_from_outside) {
    protocol_and_peer it{{}, narrow_marks, {.capacity = 1}};
    settle();
    it.connection.write("more than ten bytes");
    auto waiting = spawn([&] { return test::outcome_of([&] { it.connection.drain(); }); });
    settle();
    waiting.cancel();
    EXPECT_EQ(waiting.get(), "cancelled");
    EXPECT_EQ(
        test::outcome_of([&] {
            timeout const limit{1s};
            it.connection.drain();
        }),
        "timed out");
    // It looks for interruption even when it need not wait.
    protocol_and_peer other;
    auto asked = spawn([&] { return test::outcome_of([&] { other.connection.drain(); }); });
    asked.cancel();
    asked.join();
    EXPECT_TRUE(asked.was_cancelled());
}

// Reading.

TENDRIL_HUB_TEST(transport, reading_can_be_paused_and_goes_on_where_it_was) {
    protocol_and_peer it;
    settle();
    it.connection.pause_reading();
    it.connection.pause_reading();
    EXPECT_FALSE(it.connection.is_reading());
    put(it.peer, "one");
    settle();
    put(it.peer, "two");
    it.peer.shutdown_send();
    settle();
    EXPECT_EQ(it.seen, transcript{"made"});
    it.connection.resume_reading();
    it.connection.resume_reading();
    settle();
    EXPECT_EQ(it.seen, (transcript{"made", "data one", "data two", "eof", "lost"}));
}

TENDRIL_HUB_TEST(transport, a_paused_reader_makes_the_peer_wait) {
    protocol_and_peer it{
        {.made = [](transport& made) { made.pause_reading(); }}, {}, {.capacity = 5}};
    auto writer = spawn([&] { put(it.peer, "0123456789"); });
    settle();
    EXPECT_FALSE(writer.done());
    it.connection.resume_reading();
    writer.join();
    settle();
    EXPECT_EQ(it.seen, (transcript{"made", "data 01234", "data 56789"}));
}

TENDRIL_HUB_TEST(transport, pausing_is_safe_while_it_closes) {
    protocol_and_peer it{{}, {}, {.capacity = 2}};
    settle();
    it.connection.write("rest");
    it.connection.pause_reading();
    it.connection.close();
    it.connection.pause_reading();
    it.connection.resume_reading();
    EXPECT_FALSE(it.connection.is_reading());
    EXPECT_EQ(test::got_all(it.peer), "rest");
    settle();
    it.connection.pause_reading();
    it.connection.resume_reading();
    EXPECT_EQ(it.seen, (transcript{"made", "lost"}));
}

// The end is in transport_end_test.cpp.
