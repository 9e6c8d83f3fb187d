// SPDX-License-Identifier: BSL-1.0
//
// Clients that send anything, or vanish.
#include <harness/http_client.hpp>
#include <tendril/http/http_server.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/support/random.hpp>
#include <tendril/sync/event.hpp>

#include <boost/asio/error.hpp>

#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <chrono>
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

class echoing_server : public http_server {
public:
    explicit echoing_server(http_server_options options = {})
        : http_server{
              "127.0.0.1:0",
              [](http_request& request, http_response& response) {
                  response.header("X-Method", request.method()).body(request.body());
              },
              options} {
        start();
    }
};

// How many bytes wait in this process at the socket whose other end is `peer`.
int waiting_at_the_other_end_of(tcp_stream& peer) {
    for (int descriptor = 3; descriptor < 256; ++descriptor) {
        sockaddr_in other{};
        socklen_t size = sizeof other;
        int waiting = 0;
        if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&other), &size) == 0 &&
            ntohs(other.sin_port) == peer.local_endpoint().port() &&
            ::ioctl(descriptor, FIONREAD, &waiting) == 0) {
            return waiting;
        }
    }
    return -1;
}

// Requests of every kind, to be cut in two and to be spoilt.
std::vector<std::string> const requests{
    "GET /page?x=1 HTTP/1.1\r\nHost: test\r\nAccept: */*\r\n\r\n",
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "\r\n\r\nGET / HTTP/1.1\r\nHost: test\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 12\r\n\r\nhello\r\nthere",
    "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5;a=b\r\nhello\r\n6\r\n there\r\n0\r\nX-Sum: 1\r\nX-Other:\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    "1\r\n\r\r\n1\r\n\n\r\n0;x=\"y\"\r\n\r\n",
};

// An answer as far as it does not depend on the time of day.
std::string substance_of(http_answer const& answer) {
    std::string text = answer.head;
    std::size_t const date = text.find("Date: ");
    if (date != std::string::npos) {
        text.erase(date, text.find("\r\n", date) + 2 - date);
    }
    return text + "\r\n" + answer.body;
}

class chance {
public:
    explicit chance(std::uint64_t seed) : source_{seed} {}
    std::size_t below(std::size_t limit) { return random_below(source_, limit); }
    char byte() { return static_cast<char>(below(256)); }

private:
    seeded_random source_;
};

// Changes a request in a few places: bytes, lengths, order.
std::string spoilt(std::string text, chance& random) {
    for (std::size_t count = 1 + random.below(4); count > 0 && !text.empty(); --count) {
        std::size_t const at = random.below(text.size());
        std::size_t const size = random.below(8);
        switch (random.below(6)) {
        case 0:
            text[at] = random.byte();
            break;
        case 1:
            text.erase(at, size);
            break;
        case 2:
            text.insert(at, text.substr(random.below(text.size()), size));
            break;
        case 3:
            text.insert(at, 1, "\r\n\0 :;,\t"[random.below(8)]);
            break;
        case 4:
            text.insert(at, size * size, random.byte());
            break;
        default:
            text.resize(at);
        }
    }
    return text;
}

std::string random_input(chance& random) {
    if (random.below(8) == 0) {
        std::string noise(random.below(300), '\0');
        for (char& each : noise) {
            each = random.byte();
        }
        return noise;
    }
    std::string text = spoilt(requests[random.below(requests.size())], random);
    return random.below(3) == 0 ? text + requests[random.below(requests.size())] : text;
}

// Sends some input in pieces, ends it, and expects answers, if any, and the end of the connection.
void expect_answers_or_end(http_server const& web, std::string const& input, chance& random) {
    http_client client{web};
    for (std::size_t at = 0; at < input.size();) {
        std::size_t const size = 1 + random.below(random.below(2) == 0 ? 4 : input.size());
        test::write_error(client.stream, std::string_view{input}.substr(at, size));
        at += size;
        if (random.below(2) == 0) {
            settle();
        }
    }
    error_code ignored;
    client.stream.shutdown_send(ignored);
    while (true) {
        http_answer const answer = client.read(false);
        if (answer.status == 0) {
            break;
        }
        ASSERT_EQ(answer.head.substr(0, 9), "HTTP/1.1 ");
        ASSERT_TRUE(answer.status >= 100 && answer.status <= 599) << answer.head;
    }
    ASSERT_EQ(client.rest(), "");
}

}  // namespace

TENDRIL_HUB_TEST(http_server, however_a_request_is_cut_in_two_the_answer_is_the_same) {
    echoing_server web;
    for (std::string const& request : requests) {
        http_client whole{web};
        whole.send(request);
        std::string const expected = substance_of(whole.read());
        ASSERT_EQ(expected.substr(0, 12), "HTTP/1.1 200");
        for (std::size_t cut = 1; cut < request.size(); ++cut) {
            http_client client{web};
            client.send(request.substr(0, cut));
            settle();
            client.send(request.substr(cut));
            ASSERT_EQ(substance_of(client.read()), expected) << request << "\ncut at " << cut;
        }
    }
}

TENDRIL_HUB_TEST(http_server, a_request_in_single_bytes_gets_the_same_answer) {
    echoing_server web;
    for (std::string const& request : requests) {
        http_client whole{web};
        whole.send(request);
        std::string const expected = substance_of(whole.read());
        http_client client{web};
        client.send_slowly(request);
        EXPECT_EQ(substance_of(client.read()), expected) << request;
    }
}

TENDRIL_HUB_TEST(http_server, three_thousand_spoilt_requests_get_a_status_or_an_end) {
    test::reported_errors const errors;
    echoing_server web;
    for (std::uint64_t seed = 0; seed < 3000; ++seed) {
        chance random{seed};
        std::string const input = random_input(random);
        ASSERT_NO_FATAL_FAILURE(expect_answers_or_end(web, input, random)) << "seed " << seed;
    }
    EXPECT_EQ(http_client{web}.get().status, 200);
    settle();
    EXPECT_EQ(web.statistics().server.connections, 0U);
    EXPECT_TRUE(errors.texts.empty()) << errors.texts.front();
}

// Clients that vanish leave nothing behind and are nobody's error.

TENDRIL_HUB_TEST(http_server, a_client_may_vanish_after_any_byte_of_its_request) {
    test::reported_errors const errors;
    echoing_server web;
    std::string const& request = requests[5];
    for (std::size_t size = 0; size <= request.size(); ++size) {
        http_client gone{web};
        gone.send(request.substr(0, size));
        settle();
        size % 2 == 0 ? test::reset(gone.stream) : gone.stream.close();
    }
    settle();
    EXPECT_EQ(web.statistics().server.connections, 0U);
    EXPECT_TRUE(errors.texts.empty()) << errors.texts.front();
}

TENDRIL_HUB_TEST(http_server, a_head_that_was_cut_off_reaches_no_handler) {
    echoing_server web;
    http_client gone{web};
    gone.send(requests[0].substr(0, requests[0].size() - 1));
    gone.stream.shutdown_send();
    EXPECT_EQ(gone.drain(), boost::asio::error::eof);
    EXPECT_EQ(gone.rest(), "");
    EXPECT_EQ(web.statistics().answered, 0U);
}

TENDRIL_HUB_TEST(http_server, a_body_that_was_cut_off_is_never_whole) {
    int whole = 0;
    http_server web{"127.0.0.1:0", [&](http_request& request, http_response&) {
                        request.body();
                        ++whole;
                    }};
    web.start();
    for (std::string const& request : {requests[3], requests[5]}) {
        http_client gone{web};
        gone.send(request.substr(0, request.size() - 1));
        gone.stream.shutdown_send();
        http_answer const answer = gone.read();
        EXPECT_EQ(answer.status, 400);
        EXPECT_TRUE(answer.closes());
        EXPECT_EQ(gone.drain(), boost::asio::error::eof);
    }
    EXPECT_EQ(whole, 0);
}

TENDRIL_HUB_TEST(http_server, a_client_may_vanish_in_the_middle_of_its_answer) {
    test::reported_errors const errors;
    http_server web{"127.0.0.1:0", [](http_request&, http_response& response) {
                        response.body(std::string(16 * 1024 * 1024, 'a'));
                    }};
    web.start();
    for (int count = 0; count < 4; ++count) {
        http_client gone{web};
        gone.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
        test::hear_exactly(gone.stream, 100'000);
        count % 2 == 0 ? test::reset(gone.stream) : gone.stream.close();
    }
    settle();
    EXPECT_EQ(web.statistics().server.connections, 0U);
    EXPECT_TRUE(errors.texts.empty()) << errors.texts.front();
}

TENDRIL_HUB_TEST(http_server, a_client_may_vanish_while_its_handler_works) {
    test::reported_errors const errors;
    http_server web{"127.0.0.1:0", [](http_request&, http_response&) { sleep_for(1s); }};
    web.start();
    {
        http_client gone{web};
        gone.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
        settle();
        test::reset(gone.stream);
    }
    sleep_for(2s);
    EXPECT_EQ(web.statistics().server.connections, 0U);
    EXPECT_TRUE(errors.texts.empty()) << errors.texts.front();
}

TENDRIL_HUB_TEST(http_server, leaves_requests_where_they_are_while_it_answers_one) {
    event go;
    http_server web{"127.0.0.1:0", [&](http_request&, http_response& response) {
                        go.wait();
                        response.body("x");
                    }};
    web.start();
    http_client client{web};
    constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";
    constexpr int count = 1000;
    std::string many;
    for (int number = 0; number < count; ++number) {
        many += request;
    }
    client.send(many);
    settle();
    // One read of 2 KiB has brought the first request and some behind it.
    int const waiting = waiting_at_the_other_end_of(client.stream);
    EXPECT_GE(waiting, static_cast<int>(many.size()) - 2048);
    EXPECT_LT(waiting, static_cast<int>(many.size()));
    go.set();
    for (int number = 0; number < count; ++number) {
        ASSERT_EQ(client.read().body, "x") << number;
    }
}
