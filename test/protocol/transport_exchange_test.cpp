// SPDX-License-Identifier: BSL-1.0
//
// The exchange of the stream below a transport for another one.
#include <harness/network.hpp>
#include <harness/protocols.hpp>
#include <tendril/protocol/transport.hpp>
#include <tendril/sync/event.hpp>

#include <chrono>
#include <stdexcept>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::settle;
using test::got;
using test::memory_stream;
using test::outcome_of;
using test::protocol_and_peer;
using test::put;
using test::transcript;

// Another pair, to go on with; and what an exchange for it has got.
struct other_pair {
    stream_exchange change() {
        return [this](any_stream below, std::string received) {
            old = std::move(below);
            rest = std::move(received);
            went_on.wait();
            return any_stream{std::move(ends.first)};
        };
    }

    std::pair<memory_stream, memory_stream> ends = memory_stream::pair();
    memory_stream& peer = ends.second;
    any_stream old;
    std::string rest = "not called";
    event went_on;
};

}  // namespace

TENDRIL_HUB_TEST(transport, goes_on_with_another_stream) {
    protocol_and_peer it{{}, {}, {.capacity = 3}};
    other_pair other;
    it.connection.write("before");
    auto exchange = spawn([&] { it.connection.exchange_stream(other.change()); });
    settle();
    // What was written before leaves first.
    EXPECT_EQ(other.rest, "not called");
    EXPECT_EQ(got(it.peer), "bef");
    it.connection.write("meanwhile");
    settle();
    EXPECT_EQ(got(it.peer), "ore");
    settle();
    EXPECT_EQ(other.rest, "");
    EXPECT_EQ(it.peer.available(), 0U);
    other.went_on.set();
    exchange.join();
    it.connection.write(", after");
    settle();
    EXPECT_EQ(got(other.peer), "meanwhile, after");
    EXPECT_EQ(it.peer.available(), 0U);
    put(other.peer, "news");
    settle();
    EXPECT_EQ(it.seen, (transcript{"made", "data news"}));
    it.connection.close();
    it.connection.wait_closed();
    EXPECT_EQ(it.seen.back(), "lost");
}

TENDRIL_HUB_TEST(transport, what_came_through_the_old_stream_is_not_delivered_after_it) {
    protocol_and_peer it;
    other_pair other;
    settle();
    it.connection.pause_reading();
    put(it.peer, "has arrived");
    settle();
    put(it.peer, ", is under way");
    auto exchange = spawn([&] { it.connection.exchange_stream(other.change()); });
    settle();
    EXPECT_EQ(other.rest, "has arrived");
    EXPECT_EQ(got(*other.old.target<memory_stream>()), ", is under way");
    other.went_on.set();
    exchange.join();
    it.connection.resume_reading();
    put(other.peer, "news");
    settle();
    EXPECT_EQ(it.seen, (transcript{"made", "data news"}));
}

TENDRIL_HUB_TEST(transport, what_comes_as_the_stream_is_asked_for_is_not_delivered) {
    protocol_and_peer it;
    other_pair other;
    settle();
    // The reader has been woken, and has not run.
    put(it.peer, "late");
    other.went_on.set();
    it.connection.exchange_stream(other.change());
    std::string const seen = other.rest + got(*other.old.target<memory_stream>());
    settle();
    EXPECT_EQ(seen, "late");
    EXPECT_EQ(it.seen, transcript{"made"});
}

TENDRIL_HUB_TEST(transport, the_stream_can_be_exchanged_in_each_call_that_may_wait) {
    other_pair first;
    other_pair second;
    first.went_on.set();
    second.went_on.set();
    protocol_and_peer it{
        {.made = [&](transport& made) { made.exchange_stream(first.change()); },
         .data =
             [&](std::string_view bytes) {
                 if (bytes == "go on") {
                     it.connection.exchange_stream(second.change());
                 }
             }}};
    put(first.peer, "go on");
    settle();
    put(first.peer, "too late");
    put(second.peer, "further");
    settle();
    EXPECT_EQ(it.seen, (transcript{"made", "data go on", "data further"}));
}

TENDRIL_HUB_TEST(transport, an_exchange_that_fails_loses_the_connection) {
    protocol_and_peer it;
    EXPECT_THROW(
        it.connection.exchange_stream([&](any_stream, std::string) -> any_stream {
            it.connection.write("secret");
            throw std::runtime_error{"no"};
        }),
        std::runtime_error);
    it.connection.wait_closed();
    EXPECT_EQ(it.seen.size(), 2U);
    EXPECT_EQ(test::got_all(it.peer), "");
}

TENDRIL_HUB_TEST(transport, an_exchange_that_is_interrupted_loses_the_connection) {
    for (std::size_t const capacity : {3U, 100U}) {
        protocol_and_peer it{{}, {}, {.capacity = capacity}};
        other_pair other;
        it.connection.write("before");
        auto exchange = spawn([&] { it.connection.exchange_stream(other.change()); });
        settle();
        it.connection.write("secret");
        exchange.cancel();
        exchange.join();
        EXPECT_TRUE(exchange.was_cancelled());
        it.connection.wait_closed();
        EXPECT_EQ(it.seen, (transcript{"made", "lost: cancelled"}));
        other.old = {};
        EXPECT_EQ(test::got_all(it.peer), std::string{"before"}.substr(0, capacity));
    }
}

TENDRIL_HUB_TEST(transport, an_exchange_ends_with_its_connection) {
    for (bool const abort : {true, false}) {
        protocol_and_peer it;
        other_pair other;
        std::string outcome;
        auto exchange = spawn(
            [&] { outcome = outcome_of([&] { it.connection.exchange_stream(other.change()); }); });
        settle();
        abort ? it.connection.abort() : it.connection.close();
        it.connection.wait_closed();
        exchange.join();
        EXPECT_EQ(it.seen, (transcript{"made", "lost"}));
        EXPECT_FALSE(outcome.empty());
        EXPECT_EQ(
            test::code_of([&] { it.connection.exchange_stream(other.change()); }), errc::closed);
    }
}

TENDRIL_HUB_TEST(transport, what_was_written_before_a_close_leaves_through_the_new_stream) {
    protocol_and_peer it;
    other_pair other;
    auto exchange = spawn([&] { it.connection.exchange_stream(other.change()); });
    settle();
    it.connection.write("last words");
    it.connection.close();
    settle();
    other.went_on.set();
    exchange.join();
    it.connection.wait_closed();
    EXPECT_EQ(test::got_all(other.peer), "last words");
    EXPECT_EQ(it.seen, (transcript{"made", "lost"}));
}

TENDRIL_HUB_TEST(transport, an_exchange_waits_for_room_for_its_limit_at_most) {
    protocol_and_peer it{{}, {}, {.capacity = 3}};
    other_pair other;
    it.connection.write("too long");
    EXPECT_EQ(
        test::code_of([&] { it.connection.exchange_stream(other.change(), deadline::after(5s)); }),
        errc::timed_out);
    EXPECT_EQ(clock.elapsed(), 5s);
    it.connection.wait_closed();
    EXPECT_EQ(other.rest, "not called");
}

TENDRIL_HUB_TEST(transport, there_is_no_exchange_after_an_end) {
    other_pair other;
    protocol_and_peer ended{{.eof = [&] {
        EXPECT_EQ(
            test::code_of([&] { ended.connection.exchange_stream(other.change()); }),
            boost::asio::error::eof);
        return true;
    }}};
    ended.peer.shutdown_send();
    ended.connection.wait_closed();
    protocol_and_peer it;
    it.connection.write_eof();
    EXPECT_THROW(it.connection.exchange_stream(other.change()), misuse);
    EXPECT_FALSE(it.connection.is_closing());
}

TENDRIL_HUB_TEST(transport, a_second_exchange_at_once_is_misuse) {
    protocol_and_peer it;
    other_pair other;
    auto exchange = spawn([&] { it.connection.exchange_stream(other.change()); });
    settle();
    EXPECT_THROW(it.connection.exchange_stream(other.change()), misuse);
    other.went_on.set();
    exchange.join();
    EXPECT_FALSE(it.connection.is_closing());
}
