// SPDX-License-Identifier: BSL-1.0
//
// How a connection ends: in order, cut off, by one side only, and to go on in the clear.
#include <harness/raw_peer.hpp>
#include <harness/secured.hpp>
#include <tendril/tls/tls_stream.hpp>

#include <chrono>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using namespace std::string_view_literals;
using boost::asio::buffer;
using test::closed_said;
using test::eof_said;
using test::hear;
using test::hear_all;
using test::long_text;
using test::memory_stream;
using test::say;
using test::secured_ends;
using test::settle;
using test::shaken_ends;
using test::truncated_said;

// An end whose peer has shaken hands and does nothing any more.
struct silent {
    explicit silent(test::memory_stream_options options) : silent{memory_stream::pair(options)} {}
    explicit silent(std::pair<memory_stream, memory_stream> ends)
        : peer{std::move(ends.second)},
          client{tls_stream::client(std::move(ends.first), test::good_client(), "good.test")} {
        auto shaking = spawn([this] { peer.handshake(); });
        client.handshake();
        shaking.join();
    }

    test::raw_peer peer;
    tls_stream client;
};

// Fills a network for 3000 bytes with whole records, so that nothing is half written and an end
// does not fit.
void fill_network(silent& ends) {
    for (std::size_t size = 2000; size > 0; size /= 2) {
        while (ends.peer.waiting() + size + 22 <= 3000) {
            say(ends.client, std::string(size, 'f'));
        }
    }
}

// Reads once, for a second at most.
std::string hear_in_time(tls_stream& from) {
    std::array<char, 100> data;
    error_code error;
    std::size_t const size = from.read_some_for(buffer(data), error, 1s);
    return error.failed() ? test::in_brackets(error) : std::string(data.data(), size);
}

}  // namespace

TENDRIL_HUB_TEST(tls_end, a_close_is_read_as_the_end) {
    auto ends = shaken_ends();
    say(ends.client, "last words");
    ends.client.close();
    EXPECT_EQ(hear_all(ends.server), "last words" + eof_said());
    EXPECT_EQ(hear(ends.server), eof_said());
    EXPECT_FALSE(ends.client.is_open());
    EXPECT_EQ(hear(ends.client), closed_said());
    EXPECT_EQ(say(ends.client, "x"), errc::closed);
}

TENDRIL_HUB_TEST(tls_end, a_connection_that_is_cut_off_is_read_as_truncated) {
    auto ends = shaken_ends();
    say(ends.client, "last words");
    ends.client = tls_stream{};
    EXPECT_EQ(hear_all(ends.server), "last words" + truncated_said());
    EXPECT_EQ(hear(ends.server), truncated_said());
}

TENDRIL_HUB_TEST(tls_end, an_abort_is_read_as_truncated_and_wakes_the_reader) {
    auto ends = shaken_ends();
    say(ends.client, "last words");
    auto reader = spawn([&] { return hear(ends.client); });
    yield();
    ends.client.abort();
    ends.client.abort();
    EXPECT_FALSE(ends.client.is_open());
    EXPECT_EQ(hear_all(ends.server), "last words" + truncated_said());
    EXPECT_EQ(reader.get(), closed_said());
}

// An outer one that is aborted does not let the inner one say that this was the end.
TENDRIL_HUB_TEST(tls_end, an_abort_through_any_stream_says_nothing_either) {
    auto ends = shaken_ends();
    any_stream any{std::move(ends.client)};
    any.abort();
    EXPECT_FALSE(any.is_open());
    EXPECT_EQ(hear(ends.server), truncated_said());
    any_stream nothing;
    nothing.abort();
}

TENDRIL_HUB_TEST(tls_end, a_second_close_does_nothing) {
    auto ends = shaken_ends();
    ends.client.close();
    ends.client.close();
    EXPECT_EQ(hear(ends.server), eof_said());
}

TENDRIL_HUB_TEST(tls_end, a_close_before_the_handshake_says_nothing) {
    auto ends = test::unshaken_ends(test::good_client(), test::good_server());
    ends.client.close();
    error_code error;
    ends.server.handshake(error);
    EXPECT_EQ(error, tls_errc::truncated);
}

TENDRIL_HUB_TEST(tls_end, a_close_wakes_the_reader) {
    auto ends = shaken_ends();
    auto reader = spawn([&] { return hear(ends.client); });
    settle();
    ends.client.close();
    EXPECT_EQ(reader.get(), closed_said());
    EXPECT_EQ(hear(ends.server), eof_said());
}

TENDRIL_HUB_TEST(tls_end, a_close_in_the_middle_of_a_write_does_not_pretend_that_it_was_whole) {
    auto ends = shaken_ends({.capacity = 1000});
    auto writer = spawn([&] { return say(ends.client, long_text(100'000)); });
    settle();
    auto heard = spawn([&] { return hear_all(ends.server); });
    ends.client.close();
    EXPECT_EQ(writer.get(), errc::closed);
    EXPECT_TRUE(heard.get().ends_with(truncated_said()));
}

TENDRIL_HUB_TEST(tls_end, a_close_during_the_handshake_wakes_all_who_wait_for_it) {
    auto [near, far] = memory_stream::pair();
    tls_stream client = tls_stream::client(std::move(near), test::good_client(), "good.test");
    auto reader = spawn([&] { return hear(client); });
    auto writer = spawn([&] { return say(client, "x"); });
    settle();
    client.close();
    EXPECT_EQ(reader.get(), closed_said());
    EXPECT_EQ(writer.get(), errc::closed);
}

TENDRIL_HUB_TEST(tls_end, a_close_does_not_hang_on_a_peer_that_is_silent) {
    silent made{{.capacity = 4000}};
    auto writer = spawn([&] { return say(made.client, long_text(2000)); });
    writer.join();
    // What is left of the room is too small for the end.
    made.client.set_write_limit(1ms);
    EXPECT_EQ(say(made.client, long_text(5000)), errc::timed_out);
    auto const before = clock.elapsed();
    made.client.close();
    EXPECT_EQ(clock.elapsed(), before);
}

TENDRIL_HUB_TEST(tls_end, a_close_waits_for_room_for_its_limit_at_most) {
    silent made{{.capacity = 3000}};
    fill_network(made);
    made.client.set_close_limit(3s);
    auto const before = clock.elapsed();
    made.client.close();
    EXPECT_EQ(clock.elapsed(), before + 3s);
    EXPECT_FALSE(made.client.is_open());
}

TENDRIL_HUB_TEST(tls_end, a_stream_may_be_destroyed_by_its_own_reader) {
    auto ends = shaken_ends();
    auto owned = std::make_unique<tls_stream>(std::move(ends.client));
    auto reader = spawn([&] {
        std::string const first = hear(*owned);
        owned.reset();
        return first;
    });
    say(ends.server, "go");
    EXPECT_EQ(reader.get(), "go");
    EXPECT_EQ(hear(ends.server), truncated_said());
}

TENDRIL_HUB_TEST(tls_end, a_stream_may_be_destroyed_while_others_are_in_it) {
    auto ends = shaken_ends({.capacity = 100});
    auto owned = std::make_unique<tls_stream>(std::move(ends.client));
    tls_stream* const seen = owned.get();
    auto reader = spawn([seen] { return hear(*seen); });
    auto writer = spawn([seen] {
        std::string const text = long_text(1000);
        error_code error;
        seen->write(buffer(text), error);
        return error;
    });
    settle();
    owned.reset();
    EXPECT_EQ(reader.get(), closed_said());
    EXPECT_EQ(writer.get(), errc::closed);
}

// Both ends, within a limit.

TENDRIL_HUB_TEST(tls_end, a_shutdown_waits_for_the_end_of_the_peer) {
    auto ends = shaken_ends();
    say(ends.client, "last words");
    error_code error = errc::busy;
    auto ending = spawn([&] { ends.client.shutdown_for(error, 5s); });
    EXPECT_EQ(hear_all(ends.server), "last words" + eof_said());
    sleep_for(3s);
    say(ends.server, "dropped");
    EXPECT_FALSE(ending.done());
    ends.server.close();
    ending.join();
    EXPECT_EQ(error, error_code{});
    EXPECT_EQ(clock.elapsed(), 3s);
    EXPECT_FALSE(ends.client.is_open());
    EXPECT_EQ(hear(ends.client), closed_said());
}

TENDRIL_HUB_TEST(tls_end, a_shutdown_says_when_the_peer_has_not_ended) {
    auto ends = shaken_ends();
    error_code error;
    ends.client.shutdown_for(error, 5s);
    EXPECT_EQ(error, errc::timed_out);
    EXPECT_EQ(clock.elapsed(), 5s);
    EXPECT_EQ(hear_all(ends.server), eof_said());
    auto others = shaken_ends();
    others.server = tls_stream{};
    others.client.shutdown_until(error, deadline::never());
    EXPECT_TRUE(error.failed());
    silent made{{}};
    made.peer.stream().shutdown_send();
    made.client.shutdown_for(error, 1s);
    EXPECT_EQ(error, tls_errc::truncated);
    EXPECT_THROW(made.client.shutdown_for(1s), system_error);
    for (tls_stream* const each : {&ends.client, &others.client, &made.client}) {
        EXPECT_FALSE(each->is_open());
    }
}

TENDRIL_HUB_TEST(tls_end, a_shutdown_that_is_interrupted_has_closed) {
    auto ends = shaken_ends();
    auto ending = spawn([&] { ends.client.shutdown_until(deadline::never()); });
    settle();
    ending.cancel();
    ending.join();
    EXPECT_TRUE(ending.was_cancelled());
    EXPECT_FALSE(ends.client.is_open());
}

TENDRIL_HUB_TEST(tls_end, a_shutdown_is_refused_while_somebody_reads_and_undoes_nothing) {
    auto ends = shaken_ends();
    auto reader = spawn([&] { return hear(ends.client); });
    settle();
    error_code error;
    ends.client.shutdown_for(error, 1s);
    EXPECT_EQ(error, errc::busy);
    say(ends.server, "undisturbed");
    EXPECT_EQ(reader.get(), "undisturbed");
}

// One direction.

TENDRIL_HUB_TEST(tls_end, one_direction_can_end_while_the_other_goes_on) {
    auto ends = shaken_ends();
    say(ends.client, "question");
    ends.client.shutdown_send();
    EXPECT_EQ(hear_all(ends.server), "question" + eof_said());
    say(ends.server, "answer");
    EXPECT_EQ(hear(ends.client), "answer");
    EXPECT_EQ(say(ends.client, "x"), boost::asio::error::broken_pipe);
    ends.client.shutdown_send();
    ends.server.close();
    EXPECT_EQ(hear(ends.client), eof_said());
}

TENDRIL_HUB_TEST(tls_end, an_older_version_can_end_one_direction_too) {
    auto ends = shaken_ends(
        test::good_client({.highest = tls_version::tls_1_2}), test::good_server());
    ends.client.shutdown_send();
    EXPECT_EQ(hear(ends.server), eof_said());
    say(ends.server, "answer");
    EXPECT_EQ(hear(ends.client), "answer");
}

// Back to the clear.

TENDRIL_HUB_TEST(tls_end, both_may_go_on_in_the_clear) {
    auto ends = shaken_ends({.largest_read = 3});
    auto server = spawn([&] {
        any_stream plain = ends.server.unwrap();
        std::array<char, 5> data;
        std::size_t filled = 0;
        while (filled < data.size()) {
            filled += plain.read_some(buffer(data) + filled);
        }
        plain.write(buffer("clear"sv));
        return std::string(data.data(), data.size());
    });
    any_stream plain = ends.client.unwrap();
    EXPECT_NE(plain.target<memory_stream>(), nullptr);
    EXPECT_FALSE(ends.client.is_open());
    plain.write(buffer("plain"sv));
    EXPECT_EQ(server.get(), "plain");
    std::array<char, 5> data;
    EXPECT_EQ(plain.read_some(buffer(data)), 3U);
}

TENDRIL_HUB_TEST(tls_end, what_follows_the_end_is_not_lost_in_between) {
    auto [near, far] = memory_stream::pair();
    test::raw_peer peer{std::move(far)};
    tls_stream client = tls_stream::client(std::move(near), test::good_client(), "good.test");
    auto serving = spawn([&] {
        peer.handshake();
        peer.write("dropped");
        peer.say_end();
        peer.stream().write(buffer("in the clear"sv));
    });
    client.handshake();
    serving.join();
    any_stream plain = client.unwrap();
    std::string text(5, '\0');
    EXPECT_EQ(plain.read_some(buffer(text)), 5U);
    EXPECT_EQ(text, "in th");
    std::array<char, 20> rest;
    EXPECT_EQ(plain.read_some(buffer(rest)), 7U);
    peer.stream().close();
    error_code error;
    plain.read_some(buffer(rest), error);
    EXPECT_EQ(error, boost::asio::error::eof);
}

TENDRIL_HUB_TEST(tls_end, a_peer_that_has_closed_counts_as_agreed) {
    auto ends = shaken_ends();
    ends.server = tls_stream{};
    error_code error;
    any_stream const plain = ends.client.unwrap(error);
    EXPECT_EQ(error, boost::asio::error::broken_pipe);
    silent made{{}};
    made.peer.stream().shutdown_send();
    EXPECT_TRUE(made.client.unwrap().is_open());
}

TENDRIL_HUB_TEST(tls_end, an_unwrap_with_a_silent_peer_ends_and_can_be_tried_again) {
    auto ends = shaken_ends();
    error_code error;
    ends.client.unwrap(error);
    EXPECT_EQ(error, errc::timed_out);
    EXPECT_EQ(clock.elapsed(), 1s);
    auto server = spawn([&] { return ends.server.unwrap().is_open(); });
    EXPECT_TRUE(ends.client.unwrap().is_open());
    EXPECT_TRUE(server.get());
}

// An end that does not leave.

TENDRIL_HUB_TEST(tls_end, a_reader_waits_for_no_room_for_an_unwrap_that_was_too_late) {
    silent made{{.capacity = 3000}};
    fill_network(made);
    error_code error;
    made.client.unwrap(error);
    EXPECT_EQ(error, errc::timed_out);
    made.peer.write("still heard");
    EXPECT_EQ(hear_in_time(made.client), "still heard");
}

TENDRIL_HUB_TEST(tls_end, a_reader_waits_for_no_room_for_an_end_that_was_cancelled) {
    silent made{{.capacity = 3000}};
    fill_network(made);
    EXPECT_THROW(with_timeout(1s, [&] { made.client.shutdown_send(); }), timed_out);
    auto ending = spawn([&] { made.client.unwrap(); });
    settle();
    ending.cancel();
    ending.join();
    made.peer.write("still heard");
    EXPECT_EQ(hear_in_time(made.client), "still heard");
    EXPECT_EQ(hear_in_time(made.client), test::in_brackets(io_error(errc::timed_out)));
    // It leaves when that is tried again.
    auto listening = spawn([&] { return made.peer.read(100'000).size(); });
    made.client.shutdown_send();
    EXPECT_GT(listening.get(), 2500U);
}

// Limits.

TENDRIL_HUB_TEST(tls_end, each_call_has_its_limit_and_says_so) {
    silent made{{.capacity = 3000}};
    made.client.set_read_limit(2s);
    std::array<char, 10> data;
    error_code error;
    made.client.read_some(buffer(data), error);
    EXPECT_EQ(error, errc::timed_out);
    EXPECT_EQ(clock.elapsed(), 2s);
    EXPECT_EQ(made.client.read_some_for(buffer(data), error, 1s), 0U);
    EXPECT_EQ(error, errc::timed_out);
    EXPECT_EQ(clock.elapsed(), 3s);
    EXPECT_THROW(made.client.read_some_for(buffer(data), 1s), system_error);
    // A read that was too late has taken nothing.
    made.peer.write("late");
    EXPECT_EQ(made.client.read_some_for(buffer(data), 1s), 4U);
    std::string const text = long_text(10'000);
    EXPECT_LT(made.client.write_for(buffer(text), error, 5s), text.size());
    EXPECT_EQ(error, errc::timed_out);
    EXPECT_EQ(clock.elapsed(), 9s);
    EXPECT_EQ(say(made.client, "x"), errc::broken);
}

TENDRIL_HUB_TEST(tls_end, a_handshake_with_a_silent_peer_ends_after_a_minute) {
    auto [near, far] = memory_stream::pair();
    tls_stream client = tls_stream::client(std::move(near), test::good_client(), "good.test");
    try {
        client.handshake();
        FAIL() << "with whom?";
    } catch (system_error const& error) {
        EXPECT_EQ(error.code(), errc::timed_out);
        EXPECT_TRUE(std::string{error.what()}.starts_with("TLS handshake with good.test"));
    }
    EXPECT_EQ(clock.elapsed(), 1min);
    EXPECT_FALSE(client.is_open());
    EXPECT_EQ(hear(client), test::in_brackets(io_error(errc::timed_out)));
    tls_stream server = tls_stream::server(std::move(far), test::good_server());
    server.set_handshake_limit(1s);
    EXPECT_EQ(hear(server).front(), '[');
}

TENDRIL_HUB_TEST(tls_end, what_is_there_beats_a_limit_that_has_passed) {
    auto ends = shaken_ends();
    say(ends.client, "there");
    std::array<char, 3> data;
    EXPECT_EQ(ends.server.read_some_for(buffer(data), 0s), 3U);
    EXPECT_EQ(ends.server.read_some_until(buffer(data), deadline::at({})), 2U);
}

TENDRIL_HUB_TEST(tls_end, a_limit_of_somebody_else_is_thrown) {
    silent made{{}};
    made.client.set_read_limit(1h);
    EXPECT_THROW(with_timeout(1s, [&] { hear(made.client); }), timed_out);
    made.peer.write("not lost");
    EXPECT_EQ(hear(made.client), "not lost");
}

TENDRIL_HUB_TEST(tls_end, a_reader_needs_no_room_for_what_was_written) {
    auto ends = shaken_ends();
    std::string const large = long_text(1024 * 1024);
    auto peer = spawn([&] { EXPECT_EQ(say(ends.server, large), error_code{}); });
    error_code error;
    ends.client.write_for(buffer(large), error, 1s);
    EXPECT_EQ(error, errc::timed_out);
    EXPECT_EQ(test::hear_exactly(ends.client, large.size()), large);
    EXPECT_EQ(say(ends.client, "x"), errc::broken);
    peer.join();
}

TENDRIL_TEST(tls_end, a_stream_may_outlive_its_hub) {
    tls_stream kept;
    tls_stream other;
    run([&] {
        auto ends = test::shaken_ends();
        kept = std::move(ends.client);
        other = std::move(ends.server);
    });
    EXPECT_FALSE(kept.is_open());
    kept.close();
    std::thread{[moved = std::move(other)] {}}.join();
    run([&] {
        EXPECT_EQ(test::hear(kept), test::closed_said());
        EXPECT_EQ(test::say(kept, "x"), errc::closed);
        kept.close();
    });
}
