// SPDX-License-Identifier: BSL-1.0
//
// Every allocation and every system call fails, in the life of a server. What it has answered is
// right and whole, or is an error, or is cut so that the client can tell; and it serves afterwards.
#include <harness/failing_allocations.hpp>
#include <harness/http_client.hpp>
#include <harness/hubs.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/testing/failing_system_calls.hpp>
#include <tendril/testing/failures.hpp>

#include <boost/asio/buffer.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::any_call;
using tendril::testing::failing_allocations;
using tendril::testing::failing_system_calls;
using tendril::testing::failure;
using tendril::testing::for_each_failure;

constexpr std::string_view text_on_the_heap =
    "a text that is too long to be kept in the string object itself, so it takes memory";

// A page in one piece, one from what was sent, one piece by piece, and one behind an early word.
void answer_in_every_way(http_request& request, http_response& response) {
    response.header("X-Long", text_on_the_heap);
    if (request.path() == "/piece") {
        response.write(boost::asio::buffer(std::string_view{"piece by "}));
        response.write(boost::asio::buffer(std::string_view{"piece"}));
        response.trailer("X-Sum", text_on_the_heap);
    } else if (request.path() == "/early") {
        http_fields early;
        early.add("Link", std::string{text_on_the_heap});
        response.inform(103, early);
        response.body("later");
    } else if (request.path() == "/sent") {
        response.body(std::string{request.body()});
    } else {
        response.body("whole");
    }
}

constexpr std::string_view five_requests =
    "GET /page HTTP/1.1\r\nHost: test\r\n\r\n"
    "POST /sent HTTP/1.1\r\nHost: test\r\n"
    "Transfer-Encoding: chunked\r\n\r\n"
    "4\r\nsent\r\n0\r\nX-Sum: 1\r\n\r\n"
    "GET /piece HTTP/1.1\r\nHost: test\r\n\r\n"
    "GET /early HTTP/1.1\r\nHost: test\r\n\r\n"
    "GET /page HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";

// A client that needs no memory and none of the calls that fail.
class heapless_client {
public:
    explicit heapless_client(http_server const& web)
        : descriptor_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(web.local_endpoint().port());
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(descriptor_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
        EXPECT_EQ(
            ::send(descriptor_, five_requests.data(), five_requests.size(), 0),
            static_cast<ssize_t>(five_requests.size()));
    }
    heapless_client(heapless_client const&) = delete;
    heapless_client& operator=(heapless_client const&) = delete;
    ~heapless_client() { ::close(descriptor_); }

    // Takes what has arrived. Returns whether the connection has ended.
    bool receive(std::string& text) {
        std::array<char, 4096> part;
        while (true) {
            ssize_t const size = ::recv(descriptor_, part.data(), part.size(), MSG_DONTWAIT);
            if (size <= 0) {
                return size == 0 || errno != EAGAIN;
            }
            text.append(part.data(), static_cast<std::size_t>(size));
        }
    }

private:
    int descriptor_;
};

// One response of a text, taken off its beginning.
struct received_response {
    int status = 0;
    std::string body;
    bool is_whole = false;
};

// Takes a body of chunks off. Returns whether it is whole, with its trailer.
bool take_chunks(std::string_view& text, std::string& body) {
    while (true) {
        std::size_t const line = text.find("\r\n");
        if (line == std::string_view::npos) {
            return false;
        }
        std::size_t const size = std::stoul("0" + std::string{text.substr(0, line)}, nullptr, 16);
        if (size == 0) {
            std::size_t const end = text.find("\r\n\r\n", line);
            EXPECT_TRUE(end == std::string_view::npos || text.find(text_on_the_heap) < end);
            text.remove_prefix(end == std::string_view::npos ? 0 : end + 4);
            return end != std::string_view::npos;
        }
        if (text.size() < line + 2 + size + 2) {
            return false;
        }
        body += text.substr(line + 2, size);
        text.remove_prefix(line + 2 + size + 2);
    }
}

received_response take_response(std::string_view& text) {
    received_response one;
    std::size_t const end = text.find("\r\n\r\n");
    if (end == std::string_view::npos) {
        return one;
    }
    std::string_view const head = text.substr(0, end + 2);
    EXPECT_EQ(head.substr(0, 9), "HTTP/1.1 ");
    one.status = std::stoi(std::string{head.substr(9, 3)});
    text.remove_prefix(end + 4);
    std::size_t const length = head.find("Content-Length: ");
    if (one.status < 200) {
        one.is_whole = true;
    } else if (length != std::string_view::npos) {
        std::size_t const size = std::stoul(std::string{head.substr(length + 16)});
        one.is_whole = text.size() >= size;
        one.body = text.substr(0, size);
        text.remove_prefix(std::min(size, text.size()));
    } else {
        EXPECT_NE(head.find("Transfer-Encoding: chunked"), std::string_view::npos) << head;
        one.is_whole = take_chunks(text, one.body);
    }
    return one;
}

// Looks at all that the server has sent before it ended the connection.
void judge(std::string_view text) {
    SCOPED_TRACE(text);
    constexpr std::array<std::string_view, 5> bodies{
        "whole", "sent", "piece by piece", "later", "whole"};
    for (std::size_t number = 0; !text.empty();) {
        received_response const one = take_response(text);
        if (!one.is_whole) {
            // Cut, and so it is the last.
            break;
        }
        if (one.status < 200) {
            EXPECT_EQ(one.status, 103);
            continue;
        }
        ASSERT_LT(number, bodies.size());
        EXPECT_TRUE(one.status == 200 ? one.body == bodies[number] : one.status >= 500)
            << one.status << " " << one.body;
        ++number;
    }
}

// Lets everybody run and time pass, whether or not there is memory to wait with.
void let_it_end() {
    for (int round = 0; round < 20; ++round) {
        try {
            test::settle();
            sleep_for(1s);
        } catch (std::exception const&) {
            // What has failed may be the wait of this function.
        }
    }
}

template <typename Failing>
bool http_server_serves_after(Failing make_failing) {
    bool has_failed = false;
    tendril::testing::leak_check const before;
    tendril::testing::virtual_clock clock;
    run({.clock = &clock}, [&] {
        this_hub().set_error_handler([](std::exception_ptr, std::string_view) {});
        http_server web{"127.0.0.1:0", answer_in_every_way};
        web.start();
        test::settle();
        std::string text;
        {
            heapless_client client{web};
            {
                auto const failing = make_failing();
                let_it_end();
                has_failed = failing.has_failed();
            }
            let_it_end();
            EXPECT_TRUE(client.receive(text)) << "the connection is left open";
        }
        judge(text);
        test::http_client healthy{web};
        EXPECT_EQ(healthy.get("/page").body, "whole");
        web.stop();
    });
    EXPECT_EQ(before.leaks(), "");
    return has_failed;
}

}  // namespace

TENDRIL_TEST(http_server, survives_each_allocation_that_fails) {
    http_server_serves_after([] { return failing_allocations{1'000'000}; });
    std::size_t points = 0;
    for (failure const how : {failure::once, failure::for_ever}) {
        points += for_each_failure([&](std::size_t number) {
            SCOPED_TRACE(number);
            return http_server_serves_after([&] { return failing_allocations{number, how}; });
        });
    }
    std::printf("%zu allocations that fail: a server of HTTP\n", points);
    EXPECT_GT(points, 50U);
}

TENDRIL_TEST(http_server, survives_each_system_call_that_fails) {
    http_server_serves_after([] { return failing_system_calls{any_call, ENOMEM, 1'000'000}; });
    std::size_t points = 0;
    for (int const code : {ENOMEM, EMFILE, ECONNRESET}) {
        for (failure const how : {failure::once, failure::for_ever}) {
            points += for_each_failure([&](std::size_t number) {
                SCOPED_TRACE(std::to_string(code) + " " + std::to_string(number));
                return http_server_serves_after([&] {
                    return failing_system_calls{any_call, code, number, how};
                });
            });
        }
    }
    std::printf("%zu system calls that fail: a server of HTTP\n", points);
    EXPECT_GT(points, 50U);
}

TENDRIL_HUB_TEST(http_server, an_end_is_told_without_memory_too) {
    int told = 0;
    std::optional<failing_allocations> failing;
    this_hub().set_error_handler([&](std::exception_ptr, std::string_view) {
        if (++told == 2) {
            failing.reset();
        }
    });
    http_server web{
        "127.0.0.1:0",
        [&](http_request&, http_response& response) {
            response.begin();
            failing.emplace(1, failure::for_ever);
            throw 1;
        },
        {.on_exchange = [](http_exchange const&) { throw 2; }}};
    web.start();
    test::http_client client{web};
    client.send("GET /a/path/that/takes/memory HTTP/1.1\r\nHost: test\r\n\r\n");
    client.drain();
    EXPECT_EQ(told, 2);
    EXPECT_EQ(web.statistics().cut_off, 1U);
    test::ignore_errors();
}
