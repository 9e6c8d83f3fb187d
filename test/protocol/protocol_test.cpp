// SPDX-License-Identifier: BSL-1.0
//
// What a protocol is told, and in which order. What a transport does is in transport_test.cpp.
#include <harness/protocols.hpp>
#include <tendril/protocol/protocol.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/time/timeout.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::settle;
using test::deeds;
using test::protocol_and_peer;
using test::put;
using test::transcript;

// Overrides what it must, and nothing else.
class silent_protocol final : public protocol {
    void data_received(std::string_view) override {}
};

}  // namespace

TENDRIL_HUB_TEST(protocol, is_told_of_all_in_order) {
    protocol_and_peer it;
    put(it.peer, "hello");
    settle();
    put(it.peer, "world");
    settle();
    it.peer.shutdown_send();
    settle();
    EXPECT_EQ(it.seen, (transcript{"made", "data hello", "data world", "eof", "lost"}));
}

TENDRIL_HUB_TEST(protocol, is_told_nothing_inside_the_call_that_starts_it) {
    protocol_and_peer it;
    EXPECT_EQ(it.seen, transcript{});
    settle();
    EXPECT_EQ(it.seen, transcript{"made"});
}

TENDRIL_HUB_TEST(protocol, what_comes_before_it_is_told_of_the_connection_waits) {
    event go;
    protocol_and_peer it{{.made = [&](auto&) { go.wait(); }}};
    put(it.peer, "early");
    settle();
    EXPECT_EQ(it.seen, transcript{"made"});
    go.set();
    settle();
    EXPECT_EQ(it.seen, (transcript{"made", "data early"}));
}

TENDRIL_HUB_TEST(protocol, a_call_that_waits_holds_back_the_next_one) {
    event go;
    protocol_and_peer it{{.data = [&](auto) { go.wait(); }}, {.read_size = 1}};
    put(it.peer, "ab");
    it.peer.shutdown_send();
    settle();
    EXPECT_EQ(it.seen, (transcript{"made", "data a"}));
    go.set();
    settle();
    EXPECT_EQ(it.seen, (transcript{"made", "data a", "data b", "eof", "lost"}));
}

TENDRIL_HUB_TEST(protocol, the_end_comes_after_a_call_that_waits) {
    event go;
    protocol_and_peer it{{.data = [&](auto) { go.wait(); }}};
    put(it.peer, "x");
    settle();
    it.connection.abort();
    settle();
    EXPECT_EQ(it.seen, (transcript{"made", "data x"}));
    go.set();
    settle();
    EXPECT_EQ(it.seen, (transcript{"made", "data x", "lost"}));
}

TENDRIL_HUB_TEST(protocol, need_not_care_for_more_than_data) {
    auto [here, there] = test::memory_stream::pair();
    transport connection = start_protocol(
        any_stream{std::move(here)}, std::make_shared<silent_protocol>());
    put(there, "x");
    there.shutdown_send();
    connection.wait_closed();
    EXPECT_TRUE(connection.is_closing());
}

TENDRIL_HUB_TEST(protocol, is_told_of_the_error_that_has_ended_the_connection) {
    transcript errors;
    test::collect_errors(errors);
    protocol_and_peer it{{.made = [](transport& made) { made.pause_reading(); }}};
    settle();
    it.peer.close();
    it.connection.write("x");
    settle();
    EXPECT_EQ(it.seen, (transcript{"made", "lost: Broken pipe"}));
    // Somebody was told: it is not reported.
    EXPECT_EQ(errors, transcript{});
}

// The end of the peer.

TENDRIL_HUB_TEST(protocol, the_end_of_the_peer_closes_the_connection_after_the_rest) {
    protocol_and_peer it{
        {.data = [&](auto bytes) { it.connection.write(bytes); }}, {}, {.capacity = 4}};
    settle();
    put(it.peer, "echo");
    settle();
    put(it.peer, "more");
    it.peer.shutdown_send();
    EXPECT_EQ(test::got_all(it.peer), "echomore");
    settle();
    EXPECT_EQ(it.seen.back(), "lost");
}

TENDRIL_HUB_TEST(protocol, may_keep_the_connection_open_for_writing) {
    protocol_and_peer it{{.eof = [] { return true; }}};
    it.peer.shutdown_send();
    settle();
    EXPECT_EQ(it.seen, (transcript{"made", "eof"}));
    it.connection.write("answer");
    settle();
    EXPECT_EQ(test::got(it.peer), "answer");
    EXPECT_FALSE(it.connection.is_closing());
    it.connection.close();
    settle();
    EXPECT_EQ(it.seen, (transcript{"made", "eof", "lost"}));
}

TENDRIL_HUB_TEST(protocol, a_connection_whose_directions_have_both_ended_is_over) {
    for (bool const peer_first : {true, false}) {
        protocol_and_peer it{{.eof = [] { return true; }}};
        settle();
        it.connection.write("last");
        if (peer_first) {
            it.peer.shutdown_send();
            settle();
        }
        it.connection.write_eof();
        settle();
        EXPECT_EQ(it.connection.is_closing(), peer_first);
        it.peer.shutdown_send();
        settle();
        EXPECT_EQ(test::got_all(it.peer), "last");
        EXPECT_EQ(it.seen, (transcript{"made", "eof", "lost"}));
    }
}

// Calls that throw.

TENDRIL_HUB_TEST(protocol, what_a_call_throws_is_reported_and_ends_the_connection) {
    transcript errors;
    test::collect_errors(errors);
    auto const fail = [](auto&&...) { throw std::runtime_error{"mine"}; };
    deeds const failing[]{
        {.made = fail},
        {.data = fail},
        {.eof = [] { return throw std::runtime_error{"mine"}, true; }},
        {.lost = fail},
        {.pause = fail},
        {.resume = fail},
    };
    std::vector<std::string> const calls{"connection_made", "data_received",   "eof_received",
                                         "connection_lost", "protocol::pause", "resume_writing"};
    for (std::size_t i = 0; i < calls.size(); ++i) {
        errors.clear();
        protocol_and_peer it{failing[i], {.marks = {.high = 1, .low = 0}}};
        settle();
        it.connection.write("xyz");
        test::error_of([&](auto& error) { it.peer.write(boost::asio::buffer("x", 1), error); });
        settle();
        it.peer.shutdown_send();
        settle();
        ASSERT_EQ(errors.size(), 1U) << calls[i];
        EXPECT_TRUE(test::contains(errors.front(), calls[i])) << errors.front();
        EXPECT_TRUE(test::contains(errors.front(), "mine"));
        EXPECT_EQ(it.seen.front(), "made");
        EXPECT_EQ(it.seen.back(), calls[i] == "connection_lost" ? "lost" : "lost: mine");
        EXPECT_EQ(std::count(it.seen.begin(), it.seen.end(), it.seen.back()), 1);
        EXPECT_TRUE(it.connection.is_closing());
    }
}

TENDRIL_HUB_TEST(protocol, a_limit_that_a_call_lets_pass_is_an_error_of_it) {
    transcript errors;
    test::collect_errors(errors);
    protocol_and_peer it{{.data = [](auto) {
        timeout const limit{1s};
        sleep_for(1h);
    }}};
    put(it.peer, "x");
    sleep_for(2s);
    EXPECT_EQ(errors.size(), 1U);
    EXPECT_EQ(it.seen, (transcript{"made", "data x", "lost: timed out"}));
}

TENDRIL_HUB_TEST(protocol, pausing_and_resuming_must_not_wait) {
    transcript errors;
    test::collect_errors(errors);
    protocol_and_peer it{{.pause = [] { sleep_for(1s); }}, {.marks = {.high = 1, .low = 0}}};
    settle();
    it.connection.write("xyz");
    settle();
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_TRUE(test::contains(errors.front(), "protocol::pause_writing"));
    EXPECT_EQ(it.seen, (transcript{"made", "pause", "lost: misuse"}));
}

// The end from outside.

TENDRIL_HUB_TEST(protocol, is_told_of_the_end_when_its_hub_closes) {
    struct case_of_close {
        deeds does;
        transcript seen;
    };
    transcript seen;
    auto const run_and_close = [&](deeds does, std::string_view from_peer) {
        seen.clear();
        test::run_on_new_thread([&] {
            auto [here, there] = test::memory_stream::pair({.capacity = 4});
            auto const handler = std::make_shared<test::noting_protocol>(seen, does);
            transport connection = start_protocol(any_stream{std::move(here)}, handler);
            put(there, from_peer);
            connection.write("more than the peer takes");
            // The peer goes last.
            static_cast<void>(spawn([kept = std::move(there)] { sleep_for(1h); }));
            settle();
        });
    };
    run_and_close({}, "x");
    EXPECT_EQ(seen, (transcript{"made", "data x", "lost: exit"}));
    run_and_close({.data = [](auto) { sleep_for(1h); }}, "x");
    EXPECT_EQ(seen, (transcript{"made", "data x", "lost: exit"}));
    run_and_close({.made = [](auto&) { sleep_for(1h); }}, "x");
    EXPECT_EQ(seen, (transcript{"made", "lost: exit"}));
    run_and_close({.made = [](transport& made) { made.pause_reading(); }}, "x");
    EXPECT_EQ(seen, (transcript{"made", "lost: exit"}));
}

TENDRIL_HUB_TEST(protocol, is_freed_when_it_has_been_told_of_the_end) {
    transcript seen;
    auto [here, there] = test::memory_stream::pair();
    auto handler = std::make_shared<test::noting_protocol>(seen, deeds{});
    std::weak_ptr<protocol> const still = handler;
    // It keeps a handle of the transport, and is kept by the connection.
    transport connection = start_protocol(any_stream{std::move(here)}, std::move(handler));
    settle();
    EXPECT_FALSE(still.expired());
    there.close();
    connection.wait_closed();
    EXPECT_TRUE(still.expired());
}
