// SPDX-License-Identifier: BSL-1.0
#include <harness/secured.hpp>
#include <tendril/tls/tls_stream.hpp>

#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <optional>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using namespace std::string_view_literals;
using boost::asio::buffer;
using test::good_client;
using test::good_server;
using test::hear;
using test::say;
using test::settle;
using test::shaken_ends;
using test::unshaken_ends;

// Lets a connection come to data, so that the client has its ticket. Returns whether it resumed.
bool resumes(tls_context const& client, tls_context const& server) {
    auto ends = shaken_ends(client, server);
    say(ends.server, "x");
    EXPECT_EQ(hear(ends.client), "x");
    return ends.client.session_reused();
}

}  // namespace

TENDRIL_HUB_TEST(tls_stream, what_one_end_writes_the_other_reads) {
    auto ends = shaken_ends();
    say(ends.client, "ping");
    EXPECT_EQ(hear(ends.server), "ping");
    say(ends.server, "pong");
    EXPECT_EQ(hear(ends.client), "pong");
    EXPECT_TRUE(ends.client.is_open());
}

TENDRIL_HUB_TEST(tls_stream, the_handshake_happens_at_the_first_use) {
    auto ends = unshaken_ends(good_client(), good_server());
    auto server = spawn([&] { return hear(ends.server); });
    EXPECT_EQ(say(ends.client, "hello"), error_code{});
    EXPECT_EQ(server.get(), "hello");
    ends.client.handshake();
}

TENDRIL_HUB_TEST(tls_stream, who_comes_while_another_shakes_hands_waits_for_it) {
    auto ends = unshaken_ends(good_client(), good_server());
    auto reader = spawn([&] { return hear(ends.client); });
    auto writer = spawn([&] { return say(ends.client, "to the server"); });
    auto third = spawn([&] { ends.client.handshake(); });
    settle();
    say(ends.server, "to the client");
    EXPECT_EQ(hear(ends.server), "to the server");
    EXPECT_EQ(reader.get(), "to the client");
    EXPECT_EQ(writer.get(), error_code{});
    third.join();
}

TENDRIL_HUB_TEST(tls_stream, says_what_was_agreed_upon) {
    auto ends = shaken_ends();
    EXPECT_EQ(ends.client.version(), tls_version::tls_1_3);
    EXPECT_TRUE(ends.client.cipher().starts_with("TLS_"));
    EXPECT_EQ(ends.client.cipher(), ends.server.cipher());
    EXPECT_EQ(ends.server.server_name(), "good.test");
    EXPECT_EQ(ends.client.alpn(), "");
    EXPECT_FALSE(ends.client.session_reused());
}

TENDRIL_HUB_TEST(tls_stream, says_nothing_before_the_handshake) {
    auto ends = unshaken_ends(good_client(), good_server());
    EXPECT_THROW(ends.client.version(), misuse);
    EXPECT_THROW(ends.client.peer_certificate(), misuse);
    EXPECT_THROW(tls_stream{}.cipher(), misuse);
}

TENDRIL_HUB_TEST(tls_stream, an_older_version_is_spoken_with_a_peer_that_knows_no_better) {
    auto ends = shaken_ends(good_client({.highest = tls_version::tls_1_2}), good_server());
    EXPECT_EQ(ends.client.version(), tls_version::tls_1_2);
    say(ends.client, "ping");
    EXPECT_EQ(hear(ends.server), "ping");
}

TENDRIL_HUB_TEST(tls_stream, ends_without_a_version_in_common_refuse_each_other) {
    auto ends = unshaken_ends(
        good_client({.highest = tls_version::tls_1_2}),
        good_server({.lowest = tls_version::tls_1_3}));
    auto const [client, server] = test::shake(ends);
    EXPECT_EQ(client.category().name(), "asio.ssl"sv);
    EXPECT_EQ(server.category().name(), "asio.ssl"sv);
    EXPECT_EQ(hear(ends.client), test::in_brackets(client));
}

// Protocols and names.

TENDRIL_HUB_TEST(tls_stream, the_servers_favourite_of_the_offered_protocols_is_spoken) {
    auto ends = shaken_ends(
        good_client({.protocols = {"http/1.1", "h2"}}),
        good_server({.protocols = {"h3", "h2", "http/1.1"}}));
    EXPECT_EQ(ends.client.alpn(), "h2");
    EXPECT_EQ(ends.server.alpn(), "h2");
}

TENDRIL_HUB_TEST(tls_stream, a_client_with_other_protocols_only_is_refused) {
    auto ends = unshaken_ends(
        good_client({.protocols = {"mail"}}), good_server({.protocols = {"h2"}}));
    auto const [client, server] = test::shake(ends);
    EXPECT_TRUE(client.failed());
    EXPECT_TRUE(server.failed());
    EXPECT_TRUE(test::contains(client.message(), "no application protocol")) << client.message();
}

TENDRIL_HUB_TEST(tls_stream, a_client_that_offers_no_protocol_is_served) {
    auto ends = shaken_ends(good_client(), good_server({.protocols = {"h2"}}));
    EXPECT_EQ(ends.server.alpn(), "");
}

TENDRIL_HUB_TEST(
    tls_stream, the_name_that_a_client_asks_for_decides_which_certificate_it_is_shown) {
    tls_context const other = good_server({
        .identity = test::trusted().issue({.subject = "other", .names = {"other.test"}}),
        .protocols = {"of the other"},
    });
    tls_context const server = good_server({
        .protocols = {"of the first"},
        .choose =
            [&](std::string const& host) {
                sleep_for(1s);
                return host == "other.test" ? other : tls_context{};
            },
    });
    tls_context const client = good_client({.protocols = {"of the first", "of the other"}});
    auto first = unshaken_ends(client, server);
    auto second = unshaken_ends(client, server, {}, "other.test");
    EXPECT_EQ(test::shake(first).first, error_code{});
    EXPECT_EQ(test::shake(second).first, error_code{});
    EXPECT_EQ(first.client.peer_certificate()->subject, "CN = test");
    EXPECT_EQ(second.client.peer_certificate()->subject, "CN = other");
    EXPECT_EQ(first.client.alpn(), "of the first");
    EXPECT_EQ(second.client.alpn(), "of the other");
}

TENDRIL_HUB_TEST(tls_stream, what_the_choice_of_a_certificate_throws_ends_the_handshake) {
    tls_context const server = good_server({
        .choose = [](std::string const& host) -> tls_context { throw std::runtime_error{host}; },
    });
    auto ends = unshaken_ends(good_client(), server);
    auto serving = spawn([&] { return test::outcome_of([&] { ends.server.handshake(); }); });
    error_code error;
    ends.client.handshake(error);
    EXPECT_EQ(serving.get(), "good.test");
    EXPECT_EQ(error, tls_errc::truncated);
    EXPECT_FALSE(ends.server.is_open());
}

TENDRIL_HUB_TEST(tls_stream, a_context_for_clients_is_no_choice_for_a_server) {
    tls_context const server = good_server({
        .choose = [](std::string const&) { return good_client(); },
    });
    auto ends = unshaken_ends(good_client(), server);
    auto serving = spawn([&] { return test::outcome_of([&] { ends.server.handshake(); }); });
    error_code error;
    ends.client.handshake(error);
    EXPECT_EQ(serving.get(), "misuse");
}

// Sessions.

TENDRIL_HUB_TEST(tls_stream, a_context_resumes_the_session_with_the_same_host) {
    for (tls_version const version : {tls_version::tls_1_2, tls_version::tls_1_3}) {
        tls_context const client = good_client({.highest = version});
        tls_context const server = good_server();
        EXPECT_FALSE(resumes(client, server));
        EXPECT_TRUE(resumes(client, server));
        EXPECT_TRUE(resumes(client, server));
        EXPECT_FALSE(resumes(good_client(), server));
    }
}

TENDRIL_HUB_TEST(tls_stream, a_session_can_be_taken_along) {
    tls_context const client = good_client({.kept_sessions = 0});
    tls_context const server = good_server();
    tls_session kept;
    EXPECT_FALSE(static_cast<bool>(kept));
    {
        auto ends = shaken_ends(client, server);
        say(ends.server, "x");
        hear(ends.client);
        kept = ends.client.session();
    }
    ASSERT_TRUE(static_cast<bool>(kept));
    EXPECT_FALSE(resumes(client, server));
    auto [near, far] = test::memory_stream::pair();
    test::secured_ends ends{
        tls_stream::client(std::move(near), client, "good.test", kept),
        tls_stream::server(std::move(far), server)};
    test::shake(ends);
    EXPECT_TRUE(ends.client.session_reused());
    EXPECT_EQ(ends.client.peer_certificate()->subject, "CN = test");
}

TENDRIL_HUB_TEST(tls_stream, a_context_keeps_sessions_for_so_many_hosts) {
    tls_identity const both = test::trusted().issue({.names = {"one.test", "two.test"}});
    tls_context const server = good_server({.identity = both});
    tls_context const client = good_client({.kept_sessions = 1});
    int reused = 0;
    for (char const* const host : {"one.test", "two.test", "one.test", "two.test"}) {
        auto ends = unshaken_ends(client, server, {}, host);
        test::shake(ends);
        say(ends.server, "x");
        hear(ends.client);
        reused += ends.client.session_reused() ? 1 : 0;
    }
    EXPECT_EQ(reused, 0);
}

// What is given to a call.

TENDRIL_HUB_TEST(tls_stream, buffers_without_room_or_content_need_no_connection) {
    auto ends = unshaken_ends(good_client(), good_server());
    error_code error = io_error(errc::busy);
    EXPECT_EQ(ends.client.read_some(boost::asio::mutable_buffer{}, error), 0U);
    EXPECT_EQ(error, error_code{});
    EXPECT_EQ(ends.client.write(boost::asio::const_buffer{}, error), 0U);
    EXPECT_EQ(error, error_code{});
    EXPECT_EQ(ends.client.write_some(boost::asio::const_buffer{}, error), 0U);
    EXPECT_EQ(error, error_code{});
}

TENDRIL_HUB_TEST(tls_stream, a_sequence_of_buffers_arrives_in_order) {
    auto ends = shaken_ends();
    std::string const text = test::long_text(200'000);
    std::vector<boost::asio::const_buffer> parts;
    std::size_t size = 1;
    for (std::size_t at = 0; at < text.size(); at += size, size = size * 7 % 5003 + 1) {
        parts.push_back(buffer(text.data() + at, std::min(size, text.size() - at)));
    }
    auto writer = spawn([&] { return ends.client.write(parts); });
    EXPECT_TRUE(test::hear_exactly(ends.server, text.size()) == text);
    EXPECT_EQ(writer.get(), text.size());
}

TENDRIL_HUB_TEST(tls_stream, short_buffers_share_a_record) {
    auto ends = shaken_ends();
    std::vector<boost::asio::const_buffer> const parts(100, buffer("abc"sv));
    ends.client.write(parts);
    EXPECT_EQ(hear(ends.server).size(), 300U);
}

TENDRIL_HUB_TEST(tls_stream, a_part_is_one_record) {
    auto ends = shaken_ends();
    std::string const text = test::long_text(40'000);
    EXPECT_EQ(ends.client.write_some(buffer(text)), 16'384U);
    EXPECT_TRUE(test::hear_exactly(ends.server, 16'384) == text.substr(0, 16'384));
}

TENDRIL_HUB_TEST(tls_stream, algorithms_of_asio_run_over_it) {
    auto ends = shaken_ends({.largest_read = 1});
    boost::asio::write(ends.client, buffer("one line\nand more"sv));
    std::string text;
    boost::asio::read_until(ends.server, boost::asio::dynamic_buffer(text), '\n');
    EXPECT_EQ(text.substr(0, 9), "one line\n");
}

// What a stream is.

TENDRIL_HUB_TEST(tls_stream, runs_over_any_other_even_over_itself) {
    auto outer = shaken_ends();
    test::secured_ends inner{
        tls_stream::client(std::move(outer.client), good_client(), "good.test"),
        tls_stream::server(any_stream{std::ref(outer.server)}, good_server())};
    test::shake(inner);
    say(inner.client, "twice");
    EXPECT_EQ(hear(inner.server), "twice");
    inner.client.close();
    EXPECT_EQ(hear(inner.server), test::eof_said());
    EXPECT_EQ(hear(outer.server), test::eof_said());
}

TENDRIL_HUB_TEST(tls_stream, can_be_moved_while_it_is_used) {
    auto ends = shaken_ends();
    auto reader = spawn([&] { return hear(ends.client); });
    settle();
    tls_stream moved{std::move(ends.client)};
    EXPECT_FALSE(ends.client.is_open());
    say(ends.server, "still there");
    EXPECT_EQ(reader.get(), "still there");
    EXPECT_TRUE(moved.is_open());
}

TENDRIL_HUB_TEST(tls_stream, an_empty_one_is_closed) {
    tls_stream empty;
    EXPECT_FALSE(empty.is_open());
    EXPECT_EQ(hear(empty), test::closed_said());
    EXPECT_EQ(say(empty, "x"), errc::closed);
    error_code error;
    empty.handshake(error);
    EXPECT_EQ(error, errc::closed);
    empty.shutdown_send(error);
    EXPECT_EQ(error, errc::closed);
    empty.unwrap(error);
    EXPECT_EQ(error, errc::closed);
    empty.close();
    EXPECT_FALSE(static_cast<bool>(empty.session()));
    EXPECT_THROW(empty.get_executor(), misuse);
    EXPECT_THROW(empty.set_read_limit(1s), misuse);
}

TENDRIL_HUB_TEST(tls_stream, is_what_layers_above_expect) {
    auto ends = shaken_ends();
    EXPECT_EQ(&ends.client.lowest_layer(), &ends.client);
    EXPECT_EQ(&ends.client.get_executor().context(), &this_hub().context());
}

TENDRIL_HUB_TEST(tls_stream, a_second_reader_and_a_second_writer_are_refused) {
    auto ends = shaken_ends({.capacity = 16});
    auto reader = spawn([&] { return hear(ends.client); });
    auto writer = spawn([&] { return say(ends.client, test::long_text(100)); });
    settle();
    EXPECT_EQ(hear(ends.client), test::in_brackets(io_error(errc::busy)));
    EXPECT_EQ(say(ends.client, "x"), errc::busy);
    error_code error;
    ends.client.shutdown_send(error);
    EXPECT_EQ(error, errc::busy);
    ends.client.unwrap(error);
    EXPECT_EQ(error, errc::busy);
    EXPECT_EQ(test::hear_exactly(ends.server, 100), test::long_text(100));
    EXPECT_EQ(writer.get(), error_code{});
    say(ends.server, "y");
    EXPECT_EQ(reader.get(), "y");
}

TENDRIL_HUB_TEST(tls_stream, another_thread_is_refused) {
    auto ends = shaken_ends();
    EXPECT_EQ(test::outcome_elsewhere([&] { hear(ends.client); }), "wrong thread");
    EXPECT_EQ(test::outcome_elsewhere([&] { ends.client.close(); }), "wrong thread");
}
