// SPDX-License-Identifier: BSL-1.0
//
// How a transport ends, and what it refuses.
#include <harness/network.hpp>
#include <harness/protocols.hpp>
#include <tendril/hub/no_switch.hpp>
#include <tendril/protocol/transport.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/time/timeout.hpp>

#include <chrono>
#include <string>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::settle;
using test::protocol_and_peer;
using test::put;
using test::transcript;

// A stream that says good-bye for a while when it is closed, as one with TLS does.
class slow_to_close {
public:
    explicit slow_to_close(test::memory_stream stream) : stream_{std::move(stream)} {}
    slow_to_close(slow_to_close&&) = default;

    template <typename Buffers>
    std::size_t read_some(Buffers const& buffers, error_code& error) {
        return stream_.read_some(buffers, error);
    }
    template <typename Buffers>
    std::size_t read_some(Buffers const& buffers) {
        return stream_.read_some(buffers);
    }
    template <typename Buffers>
    std::size_t write_some(Buffers const& buffers, error_code& error) {
        return stream_.write_some(buffers, error);
    }
    template <typename Buffers>
    std::size_t write_some(Buffers const& buffers) {
        return stream_.write_some(buffers);
    }
    template <typename Buffers>
    std::size_t write(Buffers const& buffers, error_code& error) {
        return stream_.write(buffers, error);
    }
    template <typename Buffers>
    std::size_t write(Buffers const& buffers) {
        return stream_.write(buffers);
    }
    void shutdown_send(error_code& error) { stream_.shutdown_send(error); }
    void shutdown_send() { stream_.shutdown_send(); }
    void close() {
        sleep_for(1s);
        stream_.close();
    }
    bool is_open() const { return stream_.is_open(); }
    auto get_executor() const { return stream_.get_executor(); }
    slow_to_close& lowest_layer() { return *this; }

private:
    test::memory_stream stream_;
};

}  // namespace

TENDRIL_HUB_TEST(transport, a_stream_that_is_slow_to_close_makes_nobody_wait) {
    for (bool const abort : {false, true}) {
        transcript seen;
        auto [here, there] = test::memory_stream::pair({.capacity = 3});
        transport connection = start_protocol(
            any_stream{slow_to_close{std::move(here)}},
            std::make_shared<test::noting_protocol>(seen, test::deeds{}));
        connection.write("good-bye");
        settle();
        {
            no_switch const alone;
            abort ? connection.abort() : connection.close();
        }
        auto const before = clock.elapsed();
        EXPECT_EQ(test::got_all(there), abort ? "goo" : "good-bye");
        EXPECT_EQ(clock.elapsed() - before, 1s);
        connection.wait_closed();
        EXPECT_EQ(seen, (transcript{"made", "lost"}));
    }
}

TENDRIL_HUB_TEST(transport, close_lets_the_rest_leave_first) {
    protocol_and_peer it{{}, {}, {.capacity = 3}};
    settle();
    it.connection.write("all of this");
    it.connection.close();
    it.connection.close();
    EXPECT_TRUE(it.connection.is_closing());
    put(it.peer, "too late");
    EXPECT_EQ(test::got_all(it.peer), "all of this");
    settle();
    EXPECT_EQ(it.seen, (transcript{"made", "lost"}));
}

TENDRIL_HUB_TEST(transport, close_with_nothing_left_closes_now) {
    protocol_and_peer it;
    settle();
    it.connection.close();
    EXPECT_EQ(it.seen, transcript{"made"});
    settle();
    EXPECT_EQ(it.seen, (transcript{"made", "lost"}));
    EXPECT_EQ(test::got_all(it.peer), "");
}

TENDRIL_HUB_TEST(transport, abort_drops_the_rest) {
    protocol_and_peer it{{}, {}, {.capacity = 3}};
    settle();
    it.connection.write("all of this");
    settle();
    it.connection.abort();
    it.connection.abort();
    EXPECT_EQ(it.connection.write_buffer_size(), 0U);
    settle();
    EXPECT_EQ(test::got_all(it.peer), "all");
    EXPECT_EQ(it.seen, (transcript{"made", "lost"}));
}

TENDRIL_HUB_TEST(transport, abort_ends_a_close_that_does_not_end) {
    protocol_and_peer it{{}, {}, {.capacity = 3}};
    settle();
    it.connection.write("all of this");
    it.connection.close();
    settle();
    EXPECT_EQ(it.seen, transcript{"made"});
    it.connection.abort();
    settle();
    EXPECT_EQ(it.seen, (transcript{"made", "lost"}));
}

TENDRIL_HUB_TEST(transport, close_gives_a_peer_that_does_not_read_a_limited_time) {
    protocol_and_peer it{{}, {.flush_limit = 5s}, {.capacity = 3}};
    settle();
    it.connection.write("all of this");
    it.connection.close();
    sleep_for(4s);
    EXPECT_EQ(it.seen, transcript{"made"});
    sleep_for(2s);
    EXPECT_EQ(it.seen, (transcript{"made", "lost: " + io_error(errc::timed_out).message()}));
}

TENDRIL_HUB_TEST(transport, may_be_closed_and_aborted_in_each_call) {
    for (bool const abort : {false, true}) {
        auto const end = [&](transport& connection) {
            abort ? connection.abort() : connection.close();
        };
        protocol_and_peer in_made{{.made = end}};
        protocol_and_peer in_data{{.data = [&](auto) { end(in_data.connection); }}};
        protocol_and_peer in_eof{{.eof = [&] {
            end(in_eof.connection);
            return true;
        }}};
        protocol_and_peer in_lost{{.lost = [&](auto) { end(in_lost.connection); }}};
        protocol_and_peer in_pause{
            {.pause = [&] { end(in_pause.connection); }}, {.marks = {.high = 1, .low = 0}}};
        protocol_and_peer in_resume{
            {.resume = [&] { end(in_resume.connection); }}, {.marks = {.high = 1, .low = 0}}};
        for (auto* each : {&in_made, &in_data, &in_eof, &in_lost, &in_pause, &in_resume}) {
            test::error_of(
                [&](auto& error) { each->peer.write(boost::asio::buffer("x", 1), error); });
            settle();
            each->connection.write("abc");
            settle();
            each->peer.shutdown_send();
            settle();
            EXPECT_EQ(each->seen.front(), "made");
            EXPECT_EQ(each->seen.back(), "lost");
        }
        EXPECT_EQ(in_made.seen, (transcript{"made", "lost"}));
    }
}

TENDRIL_HUB_TEST(transport, its_end_can_be_waited_for) {
    event go;
    protocol_and_peer it{{.lost = [&](auto) { go.wait(); }}};
    settle();
    auto waiting = spawn([&] { it.connection.wait_closed(); });
    it.connection.abort();
    settle();
    EXPECT_FALSE(waiting.done());
    go.set();
    waiting.get();
    it.connection.wait_closed();
}

TENDRIL_HUB_TEST(transport, its_own_protocol_must_not_wait_for_its_end) {
    transcript errors;
    test::collect_errors(errors);
    protocol_and_peer it{{.made = [](transport& made) { made.wait_closed(); }}};
    settle();
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_TRUE(test::contains(errors.front(), "waits for itself"));
}

TENDRIL_HUB_TEST(transport, a_handle_that_nobody_keeps_ends_nothing) {
    transcript seen;
    auto [here, there] = test::memory_stream::pair();
    {
        auto const handler = std::make_shared<test::noting_protocol>(seen, test::deeds{});
        start_protocol(any_stream{std::move(here)}, handler);
    }
    put(there, "x");
    settle();
    EXPECT_EQ(seen, (transcript{"made", "data x"}));
    there.close();
    settle();
    EXPECT_EQ(seen, (transcript{"made", "data x", "eof", "lost"}));
}

// What is refused.

TENDRIL_HUB_TEST(transport, a_handle_to_nothing_says_so) {
    transport nothing;
    EXPECT_FALSE(nothing.valid());
    EXPECT_TRUE(
        test::contains(test::misuse_of([&] { nothing.write("x"); }), "names no connection"));
    EXPECT_THROW(nothing.drain(), misuse);
    EXPECT_THROW(nothing.close(), misuse);
}

TENDRIL_HUB_TEST(transport, refuses_options_that_make_no_sense) {
    auto const start_with = [](protocol_options const& options) {
        auto [here, there] = test::memory_stream::pair();
        transcript seen;
        start_protocol(
            any_stream{std::move(here)},
            std::make_shared<test::noting_protocol>(seen, test::deeds{}), options);
    };
    EXPECT_THROW(start_with({.marks = {.high = 1, .low = 2}}), misuse);
    EXPECT_THROW(start_with({.read_size = 0}), misuse);
    EXPECT_THROW(start_with({.flush_limit = 0s}), misuse);
    auto [here, there] = test::memory_stream::pair();
    EXPECT_THROW(start_protocol(any_stream{std::move(here)}, nullptr), misuse);
}

TENDRIL_HUB_TEST(transport, belongs_to_its_thread) {
    protocol_and_peer it;
    settle();
    test::run_on_new_thread([&] {
        EXPECT_THROW(it.connection.write("x"), wrong_thread);
        EXPECT_THROW(it.connection.drain(), wrong_thread);
        EXPECT_THROW(it.connection.pause_reading(), wrong_thread);
        EXPECT_THROW(it.connection.close(), wrong_thread);
        EXPECT_THROW(it.connection.abort(), wrong_thread);
        EXPECT_THROW(it.connection.wait_closed(), wrong_thread);
    });
    it.connection.write("y");
    settle();
    EXPECT_EQ(test::got(it.peer), "y");
}

// Over TCP.

TENDRIL_HUB_TEST(transport, knows_both_addresses_also_after_the_end) {
    auto [here, there] = test::connected_pair();
    tcp_endpoint const local = here.local_endpoint();
    tcp_endpoint const remote = here.remote_endpoint();
    transcript seen;
    transport connection = start_protocol(
        any_stream{std::move(here)}, std::make_shared<test::noting_protocol>(seen, test::deeds{}));
    EXPECT_NE(connection.target<tcp_stream>(), nullptr);
    EXPECT_EQ(connection.target<test::memory_stream>(), nullptr);
    connection.abort();
    connection.wait_closed();
    EXPECT_EQ(connection.local_endpoint(), local);
    EXPECT_EQ(connection.remote_endpoint(), remote);
    EXPECT_EQ(connection.target<tcp_stream>(), nullptr);
    // Such a handle may go anywhere.
    std::thread{[last = std::move(connection)] {}}.join();
    protocol_and_peer in_memory;
    EXPECT_EQ(in_memory.connection.local_endpoint(), std::nullopt);
    EXPECT_EQ(in_memory.connection.remote_endpoint(), std::nullopt);
}

TENDRIL_HUB_TEST(transport, a_reset_of_the_peer_is_the_reason_of_the_end) {
    auto [here, there] = test::connected_pair();
    transcript seen;
    transport connection = start_protocol(
        any_stream{std::move(here)}, std::make_shared<test::noting_protocol>(seen, test::deeds{}));
    settle();
    test::reset(there);
    connection.wait_closed();
    EXPECT_EQ(seen, (transcript{"made", "lost: Connection reset by peer"}));
}
