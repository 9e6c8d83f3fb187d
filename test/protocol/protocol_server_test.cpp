// SPDX-License-Identifier: BSL-1.0
#include <harness/forking.hpp>
#include <harness/network.hpp>
#include <harness/protocols.hpp>
#include <tendril/net/unix_socket.hpp>
#include <tendril/protocol/protocol_server.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/time/timeout.hpp>

#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::settle;
using test::deeds;
using test::hear;
using test::hear_all;
using test::say;
using test::transcript;

// Sends back what it receives.
class echo_protocol final : public protocol {
    void connection_made(transport& made) override { peer_ = made; }
    void data_received(std::string_view bytes) override {
        peer_.write(bytes);
        peer_.drain();
    }

    transport peer_;
};

protocol_server serve_echo() {
    return serve_protocol("127.0.0.1:0", [] { return std::make_unique<echo_protocol>(); });
}

tcp_stream client_of(protocol_server const& server) {
    return tcp_stream::connect(server.local_endpoint());
}

// A server whose protocols note in one transcript.
protocol_server serve_noting(transcript& seen, deeds does = {}, protocol_options options = {}) {
    return serve_protocol(
        "127.0.0.1:0",
        [&seen, does] { return std::make_shared<test::noting_protocol>(seen, does); }, options);
}

// A listener without a network: what is put into it is accepted.
class fake_listener {
public:
    struct door {
        event arrived;
        std::optional<test::memory_stream> next;
        error_code failure;
        bool closed = false;
        int failures = 0;
    };
    explicit fake_listener(std::shared_ptr<door> at) : at_{std::move(at)} {}

    test::memory_stream accept(error_code& error) {
        at_->arrived.wait();
        at_->arrived.reset();
        error = at_->closed ? io_error(errc::closed) : at_->failure;
        if (error.failed()) {
            ++at_->failures;
            at_->arrived.set();
            return test::memory_stream::pair().first;
        }
        return std::move(*std::exchange(at_->next, std::nullopt));
    }
    void close() {
        at_->closed = true;
        at_->arrived.set();
    }

private:
    std::shared_ptr<door> at_;
};

}  // namespace

TENDRIL_HUB_TEST(protocol_server, runs_a_protocol_of_its_own_for_each_connection) {
    protocol_server server = serve_echo();
    tcp_stream one = client_of(server);
    tcp_stream other = client_of(server);
    say(one, "one");
    say(other, "other");
    EXPECT_EQ(hear(one), "one");
    EXPECT_EQ(hear(other), "other");
    EXPECT_EQ(server.connections(), 2U);
    one.shutdown_send();
    EXPECT_EQ(hear_all(one), "");
    settle();
    EXPECT_EQ(server.connections(), 1U);
}

TENDRIL_HUB_TEST(protocol_server, echoes_much_to_a_peer_that_reads_late) {
    protocol_server server = serve_echo();
    tcp_stream client = client_of(server);
    std::string const large(4 << 20, 'x');
    auto writer = spawn([&] {
        say(client, large);
        client.shutdown_send();
    });
    settle();
    EXPECT_EQ(hear_all(client), large);
    writer.join();
}

TENDRIL_HUB_TEST(protocol_server, stop_ends_the_listening_and_leaves_connections) {
    protocol_server server = serve_echo();
    tcp_endpoint const address = server.local_endpoint();
    tcp_stream client = client_of(server);
    say(client, "x");
    EXPECT_EQ(hear(client), "x");
    server.stop();
    server.stop();
    EXPECT_FALSE(server.running());
    EXPECT_THROW(server.local_endpoint(), system_error);
    error_code error;
    tcp_stream::connect(address, error);
    EXPECT_EQ(error, boost::asio::error::connection_refused);
    say(client, "y");
    EXPECT_EQ(hear(client), "y");
    EXPECT_EQ(server.connections(), 1U);
}

TENDRIL_HUB_TEST(protocol_server, can_be_waited_for) {
    protocol_server server = serve_echo();
    tcp_stream client = client_of(server);
    settle();
    EXPECT_FALSE(server.wait_for(1s));
    server.stop();
    EXPECT_FALSE(server.wait_for(1s));
    auto waiting = spawn([&] { return test::outcome_of([&] { server.wait(); }); });
    settle();
    EXPECT_FALSE(waiting.done());
    client.close();
    EXPECT_EQ(waiting.get(), "returned");
    EXPECT_TRUE(server.wait_for(0s));
}

TENDRIL_HUB_TEST(protocol_server, a_wait_can_be_ended_from_outside) {
    protocol_server server = serve_echo();
    auto waiting = spawn([&] { return test::outcome_of([&] { server.wait(); }); });
    settle();
    waiting.cancel();
    EXPECT_EQ(waiting.get(), "cancelled");
    EXPECT_TRUE(server.running());
}

TENDRIL_HUB_TEST(protocol_server, closes_clients_each_after_its_rest) {
    transcript seen;
    std::string const rest(32 << 20, 'r');
    protocol_server server = serve_noting(
        seen, {.made = [&](transport& made) { made.write(rest); }});
    tcp_stream client = client_of(server);
    settle();
    server.stop();
    server.close_clients();
    settle();
    EXPECT_EQ(server.connections(), 1U);
    EXPECT_EQ(hear_all(client), rest);
    EXPECT_TRUE(server.wait_for(1s));
    EXPECT_EQ(seen.back(), "lost");
}

TENDRIL_HUB_TEST(protocol_server, aborts_clients_at_once) {
    transcript seen;
    std::string const rest(32 << 20, 'r');
    protocol_server server = serve_noting(
        seen, {.made = [&](transport& made) { made.write(rest); }});
    tcp_stream client = client_of(server);
    settle();
    server.stop();
    server.abort_clients();
    EXPECT_TRUE(server.wait_for(1s));
    EXPECT_LT(hear_all(client).size(), rest.size());
    EXPECT_EQ(seen.back(), "lost");
}

TENDRIL_HUB_TEST(protocol_server, its_destruction_ends_connections_and_tells_protocols) {
    transcript seen;
    std::optional<protocol_server> server{serve_noting(seen)};
    tcp_stream client = client_of(*server);
    say(client, "x");
    settle();
    server.reset();
    EXPECT_EQ(seen, (transcript{"made", "data x", "lost"}));
    EXPECT_EQ(hear_all(client), "");
}

TENDRIL_HUB_TEST(protocol_server, its_destruction_ends_calls_that_wait) {
    transcript seen;
    std::optional<protocol_server> server{
        serve_noting(seen, {.data = [](auto) { sleep_for(1h); }})};
    tcp_stream client = client_of(*server);
    say(client, "x");
    settle();
    auto const before = clock.elapsed();
    server.reset();
    EXPECT_EQ(clock.elapsed() - before, 1s);
    EXPECT_EQ(seen, (transcript{"made", "data x", "lost"}));
}

TENDRIL_HUB_TEST(protocol_server, is_not_waited_for_by_a_call_that_destroys_it) {
    transcript seen;
    std::optional<protocol_server> server;
    server.emplace(serve_noting(seen, {.data = [&](auto) { server.reset(); }}));
    tcp_stream client = client_of(*server);
    say(client, "x");
    auto const before = clock.elapsed();
    settle();
    EXPECT_FALSE(server.has_value());
    EXPECT_EQ(clock.elapsed(), before);
    EXPECT_EQ(seen, (transcript{"made", "data x", "lost"}));
}

TENDRIL_HUB_TEST(protocol_server, is_stopped_while_calls_write) {
    test::reported_errors errors;
    transcript seen;
    std::string const block(100000, 'w');
    protocol_server server = serve_noting(seen, {.made = [&](transport& made) {
                                              while (true) {
                                                  made.write(block);
                                                  made.drain();
                                              }
                                          }});
    tcp_stream client = client_of(server);
    settle();
    server.stop();
    server.abort_clients();
    EXPECT_TRUE(server.wait_for(1s));
    EXPECT_EQ(seen.front(), "made");
    EXPECT_EQ(seen[seen.size() - 2], "pause");
    EXPECT_EQ(seen.back(), "lost");
    // The loop has heard of the end from `drain`.
    EXPECT_EQ(errors.texts, transcript{});
}

TENDRIL_HUB_TEST(protocol_server, a_factory_that_throws_ends_one_connection_only) {
    test::reported_errors errors;
    int made = 0;
    protocol_server server = serve_protocol("127.0.0.1:0", [&]() -> std::shared_ptr<protocol> {
        if (++made == 1) {
            throw std::runtime_error{"no protocol today"};
        }
        if (made == 2) {
            return nullptr;
        }
        return std::make_shared<echo_protocol>();
    });
    tcp_stream one = client_of(server);
    EXPECT_EQ(hear_all(one), "");
    tcp_stream two = client_of(server);
    EXPECT_EQ(hear_all(two), "");
    tcp_stream three = client_of(server);
    say(three, "x");
    EXPECT_EQ(hear(three), "x");
    ASSERT_EQ(errors.texts.size(), 2U);
    EXPECT_TRUE(test::contains(errors.texts[0], "no protocol today"));
    EXPECT_TRUE(test::contains(errors.texts[1], "returned null"));
}

TENDRIL_HUB_TEST(protocol_server, an_error_of_one_protocol_disturbs_no_other) {
    test::reported_errors errors;
    transcript seen;
    protocol_server server = serve_noting(seen, {.data = [](std::string_view bytes) {
                                              if (bytes == "bad") {
                                                  throw std::runtime_error{"mine"};
                                              }
                                          }});
    tcp_stream one = client_of(server);
    tcp_stream other = client_of(server);
    say(one, "bad");
    EXPECT_EQ(hear_all(one), "");
    say(other, "good");
    settle();
    EXPECT_EQ(seen.back(), "data good");
    EXPECT_EQ(errors.texts.size(), 1U);
}

TENDRIL_HUB_TEST(protocol_server, goes_on_when_accepting_fails_and_says_so_once) {
    test::reported_errors errors;
    transcript seen;
    auto const door = std::make_shared<fake_listener::door>();
    protocol_server server = serve_protocol(fake_listener{door}, [&] {
        return std::make_shared<test::noting_protocol>(seen, deeds{});
    });
    EXPECT_THROW(server.local_endpoint(), misuse);
    door->failure = boost::asio::error::no_descriptors;
    door->arrived.set();
    sleep_for(10s);
    EXPECT_GT(door->failures, 10);
    EXPECT_LT(door->failures, 20);
    EXPECT_EQ(errors.texts.size(), 1U);
    door->failure = {};
    auto [here, there] = test::memory_stream::pair();
    door->next.emplace(std::move(here));
    sleep_for(2s);
    EXPECT_EQ(seen, transcript{"made"});
    EXPECT_EQ(server.connections(), 1U);
}

TENDRIL_HUB_TEST(protocol_server, its_hub_may_close_before_it_goes) {
    transcript seen;
    std::optional<protocol_server> server;
    test::run_on_new_thread([&] {
        server.emplace(serve_noting(seen));
        tcp_stream client = client_of(*server);
        settle();
    });
    server.reset();
    EXPECT_EQ(seen.front(), "made");
    EXPECT_TRUE(seen.back().starts_with("lost"));
}

TENDRIL_HUB_TEST(protocol_server, refuses_what_makes_no_sense) {
    transcript seen;
    EXPECT_THROW(serve_noting(seen, {}, {.read_size = 0}), misuse);
    EXPECT_EQ(
        test::code_of([] { serve_protocol("nonsense:x", [] { return nullptr; }); }),
        errc::bad_name);
    protocol_server nothing;
    EXPECT_THROW(nothing.stop(), misuse);
    protocol_server server = serve_echo();
    test::run_on_new_thread([&] { EXPECT_THROW(server.stop(), wrong_thread); });
}

TENDRIL_HUB_TEST(protocol_server, every_call_on_another_thread_is_refused) {
    protocol_server server = serve_echo();
    // With no connection and without a listener, too.
    server.stop();
    test::run_on_new_thread([&] {
        EXPECT_THROW(server.stop(), wrong_thread);
        EXPECT_THROW(server.close_clients(), wrong_thread);
        EXPECT_THROW(server.abort_clients(), wrong_thread);
        EXPECT_THROW(server.wait(), wrong_thread);
    });
    EXPECT_TRUE(server.wait_for(0s));
}

TENDRIL_HUB_TEST(protocol_server, one_that_is_destroyed_in_another_thread_ends_the_program) {
    protocol_server server = serve_echo();
    EXPECT_DEATH(
        std::thread{[&] { protocol_server const gone{std::move(server)}; }}.join(),
        "a protocol_server was destroyed on another thread");
    server.stop();
    EXPECT_DEATH(
        std::thread{[&] { protocol_server const gone{std::move(server)}; }}.join(),
        "a protocol_server was destroyed on another thread");
}

TENDRIL_TEST(protocol_server, the_child_of_a_fork_may_destroy_it_and_the_parent_serves_on) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << "ThreadSanitizer does not follow a process with threads into its child";
    }
    run([] {
        auto server = std::make_optional(serve_echo());
        tcp_stream client = client_of(*server);
        say(client, "x");
        EXPECT_EQ(hear(client), "x");
        EXPECT_TRUE(test::holds_in_a_child([&] {
            server.reset();
            return true;
        }));
        say(client, "y");
        EXPECT_EQ(hear(client), "y");
    });
}

TENDRIL_TEST(protocol_server, the_child_of_a_fork_closes_its_copies_of_unix_streams_too) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << "ThreadSanitizer does not follow a process with threads into its child";
    }
    run([] {
        std::string const name = "@tendril-protocols-" + std::to_string(::getpid());
        auto server = std::make_optional(serve_protocol(
            unix_listener::bind(name), [] { return std::make_unique<echo_protocol>(); }));
        unix_stream client = unix_stream::connect(name);
        say(client, "x");
        EXPECT_EQ(hear(client), "x");
        EXPECT_TRUE(test::holds_in_a_child([&] {
            std::size_t const before = test::count_of_descriptors();
            server.reset();
            return test::count_of_descriptors() + 2 == before;
        }));
        say(client, "y");
        EXPECT_EQ(hear(client), "y");
    });
}
