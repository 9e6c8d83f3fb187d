// SPDX-License-Identifier: BSL-1.0
//
// Bounds of size and time.
#include <harness/http_client.hpp>
#include <tendril/http/http_server.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/time/timeout.hpp>

#include <boost/asio/error.hpp>

#include <malloc.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using namespace std::string_view_literals;
using test::http_answer;
using test::http_client;
using test::settle;
namespace asio_error = boost::asio::error;

constexpr std::string_view head_of_get = "GET / HTTP/1.1\r\nHost: test\r\n";

class counting_server : public http_server {
public:
    explicit counting_server(http_server_options options = {})
        : http_server{
              "127.0.0.1:0",
              [this](http_request& request, http_response& response) {
                  received = request.body().size();
                  ++handled;
                  response.body(std::string(answer_size, 'a'));
              },
              options} {
        start();
    }
    int handled = 0;
    std::size_t received = 0;
    std::size_t answer_size = 2;
};

int status_of(http_server const& web, std::string_view request) {
    http_client client{web};
    client.send(request);
    return client.read().status;
}

std::string post_of(std::size_t size) {
    return "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
        std::string(size, 'b');
}

std::string chunks_of(std::size_t size, std::size_t count) {
    std::string text = "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
    char length[16];
    std::snprintf(length, sizeof length, "%zx\r\n", size);
    for (std::size_t number = 0; number < count; ++number) {
        text += length + std::string(size, 'c') + "\r\n";
    }
    return text + "0\r\n\r\n";
}

// What the program has allocated and not freed, in bytes. (Sanitizers keep other books: 0.)
std::size_t memory_in_use() {
    struct mallinfo2 const numbers = ::mallinfo2();
    return numbers.uordblks + numbers.hblkhd;
}

}  // namespace

// Sizes.

TENDRIL_HUB_TEST(http_server, a_target_has_a_limit) {
    counting_server web{{.target_limit = 100}};
    std::string const fits(99, 'x');
    std::string const tail = " HTTP/1.1\r\nHost: test\r\n\r\n";
    EXPECT_EQ(status_of(web, "GET /" + fits + tail), 200);
    EXPECT_EQ(status_of(web, "GET /" + fits + "x" + tail), 414);
}

TENDRIL_HUB_TEST(http_server, a_target_of_eight_thousand_bytes_is_served) {
    counting_server web;
    std::string const tail = " HTTP/1.1\r\nHost: test\r\n\r\n";
    EXPECT_EQ(status_of(web, "GET /" + std::string(7999, 'x') + tail), 200);
    EXPECT_EQ(status_of(web, "GET /" + std::string(9000, 'x') + tail), 414);
}

TENDRIL_HUB_TEST(http_server, a_head_has_a_limit) {
    counting_server web{{.head_limit = 1000}};
    std::string const head{head_of_get};
    EXPECT_EQ(status_of(web, head + "X: " + std::string(900, 'x') + "\r\n\r\n"), 200);
    EXPECT_EQ(status_of(web, head + "X: " + std::string(1000, 'x') + "\r\n\r\n"), 431);
}

TENDRIL_HUB_TEST(http_server, a_head_that_never_ends_is_refused_at_the_limit) {
    counting_server web;
    http_client client{web};
    std::string const line = "X: " + std::string(1000, 'x') + "\r\n";
    client.send(head_of_get);
    auto writer = spawn([&] {
        error_code gone;
        while (!gone.failed()) {
            client.stream.write(boost::asio::buffer(line), gone);
        }
    });
    EXPECT_EQ(client.read().status, 431);
    writer.cancel();
    writer.join();
}

TENDRIL_HUB_TEST(http_server, a_method_that_never_ends_is_refused_at_the_limit) {
    counting_server web{{.head_limit = 1000}};
    EXPECT_EQ(status_of(web, std::string(1100, 'M')), 501);
}

TENDRIL_HUB_TEST(http_server, a_head_has_so_many_fields_at_most) {
    counting_server web;
    auto const with_fields = [](int count) {
        std::string text{head_of_get};
        for (int number = 1; number < count; ++number) {
            text += "X-" + std::to_string(number) + ": y\r\n";
        }
        return text + "\r\n";
    };
    EXPECT_EQ(status_of(web, with_fields(100)), 200);
    EXPECT_EQ(status_of(web, with_fields(101)), 431);
}

TENDRIL_HUB_TEST(http_server, a_body_has_a_limit_and_is_refused_before_it_comes) {
    counting_server web{{.body_limit = 1000}};
    EXPECT_EQ(status_of(web, post_of(1000)), 200);
    EXPECT_EQ(web.received, 1000U);
    EXPECT_EQ(status_of(web, "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1001\r\n\r\n"), 413);
    EXPECT_EQ(web.handled, 1);
}

TENDRIL_HUB_TEST(http_server, a_body_in_chunks_has_the_same_limit) {
    counting_server web{{.body_limit = 1000}};
    EXPECT_EQ(status_of(web, chunks_of(100, 10)), 200);
    EXPECT_EQ(web.received, 1000U);
    EXPECT_EQ(status_of(web, chunks_of(100, 11)), 413);
    EXPECT_EQ(status_of(web, chunks_of(1001, 1)), 413);
    EXPECT_EQ(web.handled, 1);
}

TENDRIL_HUB_TEST(http_server, extensions_of_chunks_have_a_limit_together) {
    counting_server web;
    std::string text = "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int number = 0; number < 50; ++number) {
        text += "1;x=" + std::string(100, 'x') + "\r\n.\r\n";
    }
    EXPECT_EQ(status_of(web, text + "0\r\n\r\n"), 400);
}

// What is not a chunk yet is kept in memory, so it must not grow.
TENDRIL_HUB_TEST(http_server, an_extension_that_never_ends_is_refused) {
    counting_server web;
    http_client client{web};
    client.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5;x=");
    client.send(std::string(20'000, 'x'));
    EXPECT_EQ(client.read().status, 400);
    EXPECT_EQ(clock.elapsed() / 1s, 0);
}

TENDRIL_HUB_TEST(http_server, trailers_have_a_limit) {
    std::string const body =
        "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    counting_server web;
    std::string const line = "X: " + std::string(1000, 'x') + "\r\n";
    std::string many;
    for (int count = 0; count < 20; ++count) {
        many += line;
    }
    EXPECT_EQ(status_of(web, body + line + "\r\n"), 200);
    EXPECT_EQ(status_of(web, body + many + "\r\n"), 400);
    http_client slow{web};
    slow.send(body);
    for (int count = 0; count < 20; ++count) {
        slow.send(line);
        settle();
    }
    EXPECT_EQ(slow.read().status, 400);
}

TENDRIL_HUB_TEST(http_server, a_promised_body_takes_no_memory_before_it_comes) {
    counting_server web{{.body_limit = std::size_t{1} << 40U}};
    http_client client{web};
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000000000\r\n\r\nx");
    settle();
    EXPECT_EQ(web.statistics().server.connections, 1U);
}

// Times.

TENDRIL_HUB_TEST(http_server, a_connection_that_says_nothing_is_closed_quietly) {
    counting_server web;
    http_client client{web};
    EXPECT_EQ(client.drain(), asio_error::eof);
    EXPECT_EQ(client.rest(), "");
    EXPECT_EQ(clock.elapsed() / 1s, 15);
}

TENDRIL_HUB_TEST(http_server, an_idle_connection_is_closed_quietly) {
    counting_server web{{.idle_timeout = 5s}};
    http_client client{web};
    sleep_for(4s);
    EXPECT_EQ(client.get().status, 200);
    EXPECT_EQ(client.drain(), asio_error::eof);
    EXPECT_EQ(client.rest(), "");
    EXPECT_EQ(clock.elapsed() / 1s, 9);
}

TENDRIL_HUB_TEST(http_server, empty_lines_do_not_keep_a_connection_alive) {
    counting_server web;
    http_client client{web};
    error_code gone;
    for (int count = 0; count < 10 && !gone.failed(); ++count) {
        client.stream.write(boost::asio::buffer("\r\n", 2), gone);
        sleep_for(14s);
    }
    EXPECT_EQ(web.statistics().server.connections, 0U);
}

TENDRIL_HUB_TEST(http_server, a_head_has_so_much_time_from_its_first_byte) {
    counting_server web;
    http_client client{web};
    auto writer = spawn([&] {
        for (char const byte : head_of_get) {
            test::write_error(client.stream, {&byte, 1});
            sleep_for(1s);
        }
    });
    http_answer const answer = client.read();
    EXPECT_EQ(answer.status, 408);
    EXPECT_TRUE(answer.closes());
    EXPECT_EQ(clock.elapsed() / 1s, 10);
    EXPECT_EQ(client.drain(), asio_error::eof);
    writer.cancel();
    writer.join();
}

TENDRIL_HUB_TEST(http_server, a_body_comes_at_a_rate_or_is_given_up) {
    counting_server web;
    http_client client{web};
    auto writer = spawn([&] {
        client.send(post_of(0).substr(0, 0));
        client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n");
        for (int count = 0; count < 100; ++count) {
            sleep_for(1s);
            test::write_error(client.stream, "b");
        }
    });
    EXPECT_EQ(client.read().status, 408);
    EXPECT_EQ(clock.elapsed() / 1s, 10);
    EXPECT_EQ(web.handled, 0);
    writer.cancel();
    writer.join();
}

TENDRIL_HUB_TEST(http_server, a_slow_request_that_is_in_time_is_served) {
    counting_server web;
    http_client client{web};
    client.send("POST / HTTP/1.1\r\n");
    sleep_for(9s);
    client.send("Host: test\r\nContent-Length: 2\r\n\r\nb");
    sleep_for(9s);
    client.send("b");
    EXPECT_EQ(client.read().status, 200);
}

TENDRIL_HUB_TEST(http_server, a_body_that_comes_at_the_rate_may_take_long) {
    counting_server web;
    http_client client{web};
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 7200\r\n\r\n");
    for (int count = 0; count < 6; ++count) {
        sleep_for(5s);
        client.send(std::string(1200, 'b'));
    }
    EXPECT_EQ(client.read().status, 200);
    EXPECT_EQ(web.received, 7200U);
}

TENDRIL_HUB_TEST(http_server, without_a_rate_any_byte_of_a_body_gives_all_the_time) {
    counting_server web{{.body_rate = 0}};
    http_client client{web};
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n");
    for (int count = 0; count < 5; ++count) {
        sleep_for(9s);
        client.send("b");
    }
    EXPECT_EQ(client.read().status, 200);
}

TENDRIL_HUB_TEST(http_server, a_client_that_does_not_read_is_cut_off) {
    test::reported_errors const errors;
    counting_server web;
    web.answer_size = 64 * 1024 * 1024;
    http_client client{web};
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    sleep_for(29s);
    EXPECT_EQ(web.statistics().server.connections, 1U);
    sleep_for(2s);
    EXPECT_EQ(web.statistics().server.connections, 0U);
    EXPECT_TRUE(errors.texts.empty());
}

TENDRIL_HUB_TEST(http_server, a_handler_may_take_longer_than_any_limit) {
    http_server web{"127.0.0.1:0", [](http_request&, http_response& response) {
                        sleep_for(1h);
                        response.body("late");
                    }};
    web.start();
    http_client client{web};
    EXPECT_EQ(client.get().body, "late");
    EXPECT_EQ(client.get().body, "late");
}

TENDRIL_HUB_TEST(http_server, others_are_served_while_some_are_slow) {
    counting_server web;
    http_client slow_head{web};
    http_client slow_body{web};
    http_client silent{web};
    slow_head.send("GET");
    slow_body.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n");
    settle();
    EXPECT_EQ(http_client{web}.get().status, 200);
    EXPECT_EQ(clock.elapsed() / 1s, 0);
}

// Waiting for leave to send a body.

TENDRIL_HUB_TEST(http_server, a_client_that_waits_for_leave_gets_it) {
    counting_server web;
    http_client client{web};
    client.send(
        "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.read().status, 100);
    client.send("hello");
    EXPECT_EQ(client.read().status, 200);
    EXPECT_EQ(web.received, 5U);
    EXPECT_EQ(client.get().status, 200);
}

TENDRIL_HUB_TEST(http_server, nobody_gets_leave_for_what_will_be_refused) {
    counting_server web{{.body_limit = 1000}};
    EXPECT_EQ(
        status_of(
            web,
            "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1001\r\nExpect: "
            "100-continue\r\n\r\n"),
        413);
}

TENDRIL_HUB_TEST(http_server, leave_is_not_given_when_it_is_not_needed) {
    std::pair<char const*, std::string_view> const rows[] = {
        {"the body is there",
         "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi"},
        {"there is no body", "GET / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n\r\n"},
        {"the old version knows no such thing",
         "POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi"},
    };
    counting_server web;
    for (auto const& [why, request] : rows) {
        EXPECT_EQ(status_of(web, request), 200) << why;
    }
}

// The socket takes no byte more when leave is to be given: the rest of the buffer is junk.
TENDRIL_HUB_TEST(http_server, giving_leave_takes_no_longer_than_any_answer) {
    system_calls table = real_kernel();
    table.send = [](int fd, void const* data, std::size_t size, int flags) -> ssize_t {
        if (std::string_view{static_cast<char const*>(data), size}.find(" 100 ") == 9 - 1) {
            std::string const junk(1024 * 1024, 'j');
            while (real_kernel().send(fd, junk.data(), junk.size(), flags) > 0) {}
            errno = EAGAIN;
            return -1;
        }
        return real_kernel().send(fd, data, size, flags);
    };
    replaced_system_calls const in_place{table};
    counting_server web;
    http_client client{web};
    client.send(
        "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    sleep_for(31s);
    EXPECT_EQ(web.statistics().server.connections, 0U);
}

// Each piece ends one byte behind a whole field, so no piece is long.
TENDRIL_HUB_TEST(http_server, a_head_that_comes_in_pieces_has_the_same_limit) {
    counting_server web{{.head_limit = 1000}};
    http_client client{web};
    client.send("GET / HTTP/1.1\r\nHost: test\r\nX");
    error_code gone;
    std::string const field = ": " + std::string(200, 'x') + "\r\nX";
    for (int count = 0; count < 10; ++count) {
        client.stream.write(boost::asio::buffer(field), gone);
        settle();
    }
    EXPECT_EQ(client.read().status, 431);
}

// The same to the byte, however a head is cut: of what comes at once, and of what came before.
TENDRIL_HUB_TEST(http_server, a_head_has_one_limit_wherever_it_is_cut) {
    counting_server web{{.head_limit = 100}};
    for (std::size_t const size : {99U, 100U, 101U, 102U, 120U}) {
        std::string head = std::string{head_of_get} + "A:";
        head += std::string(size - head.size() - 5, ' ') + "b\r\n\r\n";
        for (std::size_t cut = 1; cut <= size; ++cut) {
            http_client client{web};
            client.send(head.substr(0, cut));
            settle();
            test::write_error(client.stream, head.substr(cut));
            EXPECT_EQ(client.read().status, size <= 100 ? 200 : 431) << size << " cut at " << cut;
        }
    }
}

// What stands behind the limit is not looked at, whether it has come or not.
TENDRIL_HUB_TEST(http_server, what_a_head_is_refused_for_is_the_same_wherever_it_is_cut) {
    counting_server web{{.head_limit = 100}};
    std::string const long_target = "GET /" + std::string(120, 't');
    std::string const filled = std::string{head_of_get} + "A: " + std::string(60, 'a') + "\r\n";
    for (auto const& [head, status] : std::vector<std::pair<std::string, int>>{
             {long_target + " HTTP/1.1\r\nHost: test\r\n\r\n", 414},
             {long_target + " HTTP/2.0\r\n\r\n", 414},
             {filled + "Host: x\r\n\r\n", 431},
             {filled + "B: bbbbbbbb\x01\r\n\r\n", 431}}) {
        for (std::size_t cut = 1; cut <= head.size(); ++cut) {
            http_client client{web};
            client.send(head.substr(0, cut));
            settle();
            test::write_error(client.stream, head.substr(cut));
            EXPECT_EQ(client.read().status, status) << head << " cut at " << cut;
        }
    }
}

TENDRIL_HUB_TEST(http_server, a_client_that_goes_before_it_is_refused_is_refused_once) {
    test::reported_errors const errors;
    std::optional<http_client> client;
    http_server_options options;
    options.body_limit_for = [&](http_request const&) {
        test::reset(client->stream);
        return 1;
    };
    counting_server web{options};
    client.emplace(web);
    client->send(post_of(100));
    settle();
    EXPECT_EQ(web.statistics().refused, 1U);
    EXPECT_TRUE(errors.texts.empty()) << errors.texts.front();
}

TENDRIL_HUB_TEST(http_server, a_limit_of_four_gigabytes_is_not_none_at_all) {
    counting_server web{{.head_limit = std::size_t{1} << 32}};
    EXPECT_EQ(status_of(web, std::string{head_of_get} + "\r\n"), 200);
}

TENDRIL_HUB_TEST(http_server, an_idle_connection_keeps_no_large_response) {
    http_server web{"127.0.0.1:0", [](http_request&, http_response& response) {
                        response.body(std::string(1024 * 1024, 'x'));
                    }};
    web.start();
    std::vector<tcp_stream> idle;
    std::size_t const before = memory_in_use();
    for (int count = 0; count < 20; ++count) {
        http_client client{web};
        EXPECT_EQ(client.get().body.size(), 1024U * 1024U);
        idle.push_back(std::move(client.stream));
    }
    settle();
    EXPECT_LT(memory_in_use() - before, 5U * 1024U * 1024U);
}
