// SPDX-License-Identifier: BSL-1.0
#include <harness/network.hpp>
#include <harness/scripted_server.hpp>
#include <harness/tasks.hpp>
#include <tendril/http/client_stream.hpp>
#include <tendril/http/http_client.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/io/buffered_reader.hpp>
#include <tendril/sync/event.hpp>

#include <array>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using boost::asio::buffer;
using test::scripted_peer;
using test::scripted_server;

std::string hear_once(http_client_stream& stream) {
    std::array<char, 100> data;
    error_code error;
    std::size_t const size = stream.read_some(buffer(data), error);
    return error.failed() ? "[" + error.message() + "]" : std::string(data.data(), size);
}

std::string const end_said = "[End of file]";

}  // namespace

TENDRIL_HUB_TEST(client_stream, writes_a_body_of_known_length_in_pieces) {
    std::string asked;
    scripted_server const server{[&](scripted_peer& peer) {
        asked = peer.hear_head();
        asked += peer.hear(11);
        peer.answer("done");
        asked += peer.hear_head().substr(0, 5);
        peer.answer("again");
    }};
    tendril::http_client client{{.user_agent = ""}};
    auto stream = client.open({.method = "PUT", .url = server.url(), .body_length = 11});
    stream.write("hello");
    stream.write("");
    stream.write(" there");
    EXPECT_THROW(stream.write("!"), misuse);
    stream.finish();
    EXPECT_EQ(stream.response().status(), 200);
    EXPECT_EQ(stream.response().body_length(), 4U);
    EXPECT_EQ(stream.read_all(), "done");
    EXPECT_EQ(client.statistics().idle, 1U);
    EXPECT_EQ(client.get(server.url()).body(), "again");
    EXPECT_EQ(
        asked,
        "PUT / HTTP/1.1\r\nHost: " + to_string(server.endpoint()) +
            "\r\nContent-Length: 11\r\n\r\nhello thereGET /");
}

TENDRIL_HUB_TEST(client_stream, writes_a_body_of_unknown_length_in_chunks) {
    std::string asked;
    scripted_server const server{[&](scripted_peer& peer) {
        for (std::string const end : {"\r\n\r\n", "\r\n0\r\n", "\r\n\r\n"}) {
            asked += peer.hear_until(end);
        }
        peer.answer("done");
    }};
    tendril::http_client client{{.user_agent = ""}};
    auto stream = client.open(
        {.method = "POST", .url = server.url(), .body_length = http_unknown_length});
    stream.write("0123456789abcdef0");
    stream.write("x");
    EXPECT_THROW(stream.finish({{"A", "b\r\n"}}), misuse);
    EXPECT_THROW(stream.finish({{"Content-Length", "1"}}), misuse);
    EXPECT_THROW(stream.finish({{"Authorization", "x"}}), misuse);
    stream.finish({{"X-Sum", "1"}});
    EXPECT_THROW(stream.write("y"), misuse);
    EXPECT_EQ(stream.read_all(), "done");
    EXPECT_EQ(
        asked,
        "POST / HTTP/1.1\r\nHost: " + to_string(server.endpoint()) +
            "\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n0123456789abcdef0\r\n1\r\nx\r\n0\r\n"
            "X-Sum: 1\r\n\r\n");
    EXPECT_EQ(client.statistics().idle, 1U);
}

TENDRIL_HUB_TEST(client_stream, a_body_that_is_too_short_cannot_be_finished) {
    scripted_server const server{[](scripted_peer& peer) { peer.hear_end(); }};
    tendril::http_client client;
    {
        auto stream = client.open({.method = "PUT", .url = server.url(), .body_length = 2});
        stream.write("x");
        EXPECT_THROW(stream.finish(), misuse);
        EXPECT_EQ(client.statistics().busy, 1U);
    }
    EXPECT_EQ(client.statistics().busy + client.statistics().idle, 0U);
}

TENDRIL_HUB_TEST(client_stream, hands_over_what_has_come_at_once) {
    event more;
    scripted_server const server{[&](scripted_peer& peer) {
        peer.hear_head();
        peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (std::string const chunk : {"1\r\na\r\n", "2\r\nbc", "\r\n1\r\nd\r\n0\r\n\r\n"}) {
            more.wait();
            more.reset();
            peer.say(chunk);
        }
        peer.hear_end();
    }};
    tendril::http_client client;
    auto stream = client.open({.url = server.url()});
    EXPECT_EQ(stream.response().status(), 200);
    EXPECT_EQ(stream.response().body_length(), std::nullopt);
    for (std::string const part : {"a", "bc", "d"}) {
        more.set();
        EXPECT_EQ(hear_once(stream), part);
    }
    EXPECT_EQ(client.statistics().idle, 1U);
    EXPECT_EQ(hear_once(stream), end_said);
    EXPECT_EQ(hear_once(stream), end_said);
    EXPECT_EQ(stream.read_some(boost::asio::mutable_buffer{}), 0U);
}

TENDRIL_HUB_TEST(client_stream, a_slow_reader_holds_the_server_back) {
    job_under_way const time_stands_still{this_hub()};
    std::size_t sent = 0;
    std::string const block(65536, 'x');
    constexpr std::size_t blocks = 512;
    scripted_server const server{[&](scripted_peer& peer) {
        peer.hear_head();
        peer.say(
            "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(blocks * block.size()) +
            "\r\n\r\n");
        for (sent = 0; sent < blocks && peer.say(block); ++sent) {}
        peer.hear_end();
    }};
    // The kernel may need a moment to tell that there is room again, and the clock jumps.
    http_client_limits const unlimited{.body = std::chrono::nanoseconds::max()};
    tendril::http_client client;
    auto stream = client.open({.url = server.url(), .limits = unlimited});
    EXPECT_EQ(stream.response().body_length(), blocks * block.size());
    test::settle();
    EXPECT_LT(sent, blocks);
    EXPECT_EQ(stream.read_all().size(), blocks * block.size());
    EXPECT_EQ(client.statistics().idle, 1U);
}

TENDRIL_HUB_TEST(client_stream, a_slow_server_holds_the_writer_back) {
    job_under_way const time_stands_still{this_hub()};
    std::string const block(1 << 20, 'x');
    constexpr std::size_t blocks = 32;
    event go_on;
    std::size_t heard = 0;
    scripted_server const server{[&](scripted_peer& peer) {
        peer.hear_head();
        go_on.wait();
        heard = peer.hear(blocks * block.size()).size();
        peer.answer("done");
    }};
    tendril::http_client client;
    std::size_t written = 0;
    auto stream = client.open(
        {.method = "PUT", .url = server.url(), .body_length = blocks * block.size()});
    auto writer = spawn([&] {
        for (; written < blocks; ++written) {
            stream.write(block);
        }
    });
    test::settle();
    EXPECT_LT(written, blocks);
    go_on.set();
    EXPECT_EQ(stream.read_all(), "done");
    writer.join();
    EXPECT_EQ(heard, blocks * block.size());
}

TENDRIL_HUB_TEST(client_stream, both_directions_run_at_a_time) {
    scripted_server const server{[](scripted_peer& peer) {
        peer.hear_head();
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
        for (int count = 0; count < 2; ++count) {
            peer.hear_until("\r\n");
            peer.say(peer.hear(1));
            peer.hear(2);
        }
        peer.hear_head();
        peer.hear_end();
    }};
    tendril::http_client client;
    auto stream = client.open(
        {.method = "POST", .url = server.url(), .body_length = http_unknown_length});
    EXPECT_EQ(stream.response().status(), 200);
    stream.write("a");
    EXPECT_EQ(hear_once(stream), "a");
    stream.write("b");
    EXPECT_EQ(hear_once(stream), "b");
    EXPECT_EQ(hear_once(stream), end_said);
    EXPECT_EQ(client.statistics().busy, 1U);
    stream.finish();
    EXPECT_EQ(client.statistics().idle, 1U);
}

TENDRIL_HUB_TEST(client_stream, an_answer_that_comes_early_is_not_lost) {
    std::string const block(1 << 20, 'x');
    scripted_server const server{[](scripted_peer& peer) {
        peer.hear_head();
        peer.say("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
        peer.stream.shutdown_send();
        peer.hear(100'000);
    }};
    tendril::http_client client;
    auto stream = client.open(
        {.method = "PUT", .url = server.url(), .body_length = 100 * block.size()});
    EXPECT_EQ(stream.response().status(), 413);
    EXPECT_EQ(stream.read_all(), "no");
    EXPECT_EQ(test::code_of([&] { stream.write(block); }), errc::closed);
}

// The server keeps the connection, and does not read from it.
TENDRIL_HUB_TEST(client_stream, a_refusal_that_is_read_ends_the_writer) {
    job_under_way const time_stands_still{this_hub()};
    event done;
    scripted_server const server{[&](scripted_peer& peer) {
        peer.hear_head();
        peer.say("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
        done.wait();
    }};
    tendril::http_client client;
    auto stream = client.open(
        {.method = "PUT", .url = server.url(), .body_length = http_unknown_length});
    auto writer = spawn([&] {
        return test::code_of([&] {
            while (true) {
                stream.write(std::string(1 << 20, 'x'));
            }
        });
    });
    test::settle();
    EXPECT_EQ(stream.response().status(), 403);
    EXPECT_FALSE(writer.done());
    EXPECT_EQ(stream.read_all(), "no");
    EXPECT_EQ(writer.get(), errc::closed);
    EXPECT_EQ(clock.elapsed(), 0s);
    EXPECT_EQ(client.statistics().busy + client.statistics().idle, 0U);
    done.set();
}

TENDRIL_HUB_TEST(client_stream, one_reads_and_one_writes_at_a_time) {
    event may_answer;
    scripted_server const server{[&](scripted_peer& peer) {
        peer.hear_head();
        may_answer.wait();
        peer.answer("late");
    }};
    tendril::http_client client;
    auto stream = client.open({.url = server.url()});
    auto first = spawn([&] { return test::code_of([&] { stream.response(); }); });
    test::settle();
    EXPECT_EQ(test::code_of([&] { stream.response(); }), errc::busy);
    EXPECT_EQ(test::code_of([&] { stream.read_all(); }), errc::busy);
    may_answer.set();
    EXPECT_EQ(first.get(), error_code{});
    EXPECT_EQ(stream.read_all(), "late");
}

TENDRIL_HUB_TEST(client_stream, close_wakes_who_waits_for_the_head) {
    scripted_server const server{[](scripted_peer& peer) { peer.hear_end(); }};
    tendril::http_client client;
    auto stream = client.open({.url = server.url()});
    auto first = spawn([&] { return test::code_of([&] { stream.response(); }); });
    test::settle();
    stream.close();
    EXPECT_EQ(first.get(), errc::closed);
}

// The kept connection is stale, and the next one is not accepted at once.
TENDRIL_HUB_TEST(client_stream, close_ends_the_connecting_for_a_second_attempt) {
    test::full_listener full;
    auto first_of_all = full.listener.accept();
    tendril::http_client client;
    std::string const url = "http://" + to_string(full.endpoint());
    auto got = spawn([&] { return client.get(url).status(); });
    tcp_stream served = full.listener.accept();
    test::hear(served);
    test::say(served, "HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_EQ(got.get(), 204);
    auto stream = client.open({.url = url});
    test::hear(served);
    // Now nobody is let in.
    tcp_stream const filling = tcp_stream::connect(full.endpoint());
    test::await_arrival(full.listener.native_handle());
    auto asking = spawn([&] { return test::code_of([&] { stream.response(); }); });
    served.close();
    test::settle();
    EXPECT_EQ(client.statistics().retried, 1U);
    EXPECT_FALSE(asking.done());
    stream.close();
    EXPECT_EQ(asking.get(), errc::closed);
    EXPECT_EQ(client.statistics().busy + client.statistics().idle, 0U);
}

TENDRIL_HUB_TEST(client_stream, is_of_one_thread) {
    scripted_server const server{scripted_server::always("HTTP/1.1 204 No Content\r\n\r\n")};
    tendril::http_client client;
    auto stream = client.open({.url = server.url()});
    std::thread{[&] {
        EXPECT_THROW(stream.response(), wrong_thread);
        EXPECT_THROW(stream.read_all(), wrong_thread);
        EXPECT_THROW(stream.write("x"), wrong_thread);
        EXPECT_THROW(stream.close(), wrong_thread);
    }}.join();
    EXPECT_EQ(stream.response().status(), 204);
}

TENDRIL_HUB_TEST(client_stream, what_is_left_and_small_does_not_cost_the_connection) {
    scripted_server const server{[](scripted_peer& peer) {
        for (std::string head = peer.hear_head(); !head.empty(); head = peer.hear_head()) {
            peer.answer(std::string(head.find("/large") == std::string::npos ? 100 : 100'000, 'x'));
        }
    }};
    tendril::http_client client;
    client.open({.url = server.url()}).response();
    EXPECT_EQ(client.statistics().idle, 1U);
    client.open({.url = server.url("/large")}).response();
    EXPECT_EQ(client.statistics().busy + client.statistics().idle, 0U);
    static_cast<void>(client.open({.url = server.url()}));
    EXPECT_EQ(client.statistics().busy + client.statistics().idle, 0U);
}

TENDRIL_HUB_TEST(client_stream, an_end_in_the_middle_of_the_body_is_an_error) {
    scripted_server const server{[](scripted_peer& peer) {
        peer.hear_head();
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    }};
    tendril::http_client client;
    auto stream = client.open({.url = server.url()});
    EXPECT_EQ(hear_once(stream), "hello");
    std::array<char, 10> data;
    error_code error;
    EXPECT_EQ(stream.read_some(buffer(data), error), 0U);
    EXPECT_EQ(error, make_error_code(http_client_errc::truncated));
    EXPECT_EQ(stream.read_some(buffer(data), error), 0U);
    EXPECT_EQ(error, errc::closed);
    EXPECT_EQ(client.statistics().busy, 0U);
}

TENDRIL_HUB_TEST(client_stream, is_a_stream_for_readers) {
    scripted_server const server{[](scripted_peer& peer) {
        peer.hear_head();
        peer.say("HTTP/1.1 200 OK\r\n\r\none\ntwo\n");
    }};
    tendril::http_client client;
    auto stream = client.open({.url = server.url()});
    buffered_reader reader{stream};
    EXPECT_EQ(reader.read_line(), "one");
    EXPECT_EQ(reader.read_line(), "two");
    EXPECT_EQ(reader.read_line(), std::nullopt);
}

TENDRIL_HUB_TEST(client_stream, an_empty_one_is_misused) {
    http_client_stream stream;
    EXPECT_THROW(stream.write("x"), misuse);
    EXPECT_THROW(stream.finish(), misuse);
    EXPECT_THROW(stream.response(), misuse);
    EXPECT_THROW(stream.read_all(), misuse);
    EXPECT_THROW(stream.trailers(), misuse);
    EXPECT_THROW(stream.get_executor(), misuse);
    stream.close();
}

TENDRIL_HUB_TEST(client_stream, one_writes_at_a_time) {
    event over;
    scripted_server const server{[&](scripted_peer& peer) {
        peer.hear_head();
        over.wait();
    }};
    tendril::http_client client;
    std::string const block(1 << 26, 'x');
    auto stream = client.open(
        {.method = "PUT", .url = server.url(), .body_length = 2 * block.size()});
    auto first = spawn([&] { return test::code_of([&] { stream.write(block); }); });
    test::settle();
    EXPECT_EQ(test::code_of([&] { stream.write("x"); }), errc::busy);
    stream.close();
    EXPECT_EQ(first.get(), errc::closed);
    over.set();
}

TENDRIL_HUB_TEST(client_stream, chunks_that_the_end_of_a_buffer_cuts_are_whole) {
    job_under_way const time_stands_still{this_hub()};
    std::string chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    std::string body;
    for (int count = 0; count < 40'000; ++count) {
        body += static_cast<char>('a' + count % 26);
        chunks += std::string{"1\r\n"} + body.back() + "\r\n";
    }
    chunks += "0\r\n\r\n";
    scripted_server const server{[&](scripted_peer& peer) {
        peer.hear_head();
        peer.say(chunks);
        peer.hear_end();
    }};
    tendril::http_client client;
    EXPECT_EQ(client.get(server.url()).body(), body);
    EXPECT_EQ(client.statistics().idle, 1U);
}

TENDRIL_HUB_TEST(client_stream, a_connection_with_an_unusually_long_head_is_used_again) {
    std::string const value(30'000, 'x');
    scripted_server const server{[&](scripted_peer& peer) {
        for (int count = 0; count < 2; ++count) {
            peer.hear_head();
            peer.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Long: " + value + "\r\n\r\nok");
        }
        peer.hear_end();
    }};
    tendril::http_client client;
    for (int count = 0; count < 2; ++count) {
        auto const answer = client.get(server.url());
        EXPECT_EQ(answer.header("X-Long"), value);
        EXPECT_EQ(answer.body(), "ok");
    }
    EXPECT_EQ(client.statistics().idle, 1U);
}
