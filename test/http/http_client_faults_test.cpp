// SPDX-License-Identifier: BSL-1.0
//
// Every allocation and every system call fails, in the life of a client and its server. A request
// has its answer or an error, nothing hangs, the client can be used afterwards, nothing is left.
#include <harness/failing_allocations.hpp>
#include <harness/hubs.hpp>
#include <harness/scripted_server.hpp>
#include <tendril/http/http_client.hpp>
#include <tendril/testing/failing_system_calls.hpp>
#include <tendril/testing/failures.hpp>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <string>

namespace {

using namespace tendril;
using tendril::testing::any_call;
using tendril::testing::failing_allocations;
using tendril::testing::failing_system_calls;
using tendril::testing::failure;
using tendril::testing::for_each_failure;
using test::scripted_peer;
using test::scripted_server;

// One that is sent by a task of its own.
std::string const large(20'000, 'x');

void serve_redirects_and_chunks(scripted_peer& peer) {
    for (std::string head = peer.hear_head(); !head.empty(); head = peer.hear_head()) {
        if (head.find("POST") == 0) {
            peer.hear(4);
            peer.say("HTTP/1.1 303 There\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n");
        } else if (head.find("PUT") == 0) {
            peer.hear(large.size());
            peer.say("HTTP/1.1 204 Done\r\n\r\n");
        } else {
            peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n");
        }
    }
}

// Two requests at a time that share a connection, one that is redirected, a large one, a stream.
void use(tendril::http_client& client, std::string const& url) {
    auto other = spawn([&] { client.get(url); });
    try {
        client.post(url, "text", {{"A", "b"}});
        client.put(url, large);
        auto stream = client.open({.url = url});
        stream.response();
        stream.read_all();
    } catch (std::exception const&) {
        other.cancel();
    }
    other.join();
}

template <typename Failing>
bool goes_on_after(Failing make_failing) {
    bool has_failed = false;
    tendril::testing::leak_check const before;
    tendril::testing::virtual_clock clock;
    run({.clock = &clock}, [&] {
        this_hub().set_error_handler([](std::exception_ptr, std::string_view) {});
        scripted_server const server{serve_redirects_and_chunks};
        std::string const url = server.url();
        tendril::http_client client{{.connections_per_host = 1}};
        {
            auto const failing = make_failing();
            try {
                use(client, url);
            } catch (std::exception const&) {}
            has_failed = failing.has_failed();
        }
        EXPECT_EQ(client.statistics().busy, 0U);
        EXPECT_EQ(client.statistics().waiting, 0U);
        scripted_server const healthy{serve_redirects_and_chunks};
        EXPECT_EQ(client.get(healthy.url()).body(), "body");
    });
    EXPECT_EQ(before.leaks(), "");
    return has_failed;
}

}  // namespace

TENDRIL_TEST(http_client, survives_each_allocation_that_fails) {
    goes_on_after([] { return failing_allocations{1'000'000}; });
    std::size_t points = 0;
    for (failure const how : {failure::once, failure::for_ever}) {
        points += for_each_failure([&](std::size_t number) {
            SCOPED_TRACE(number);
            return goes_on_after([&] { return failing_allocations{number, how}; });
        });
    }
    std::printf("%zu allocations that fail: a client of HTTP\n", points);
    EXPECT_GT(points, 100U);
}

TENDRIL_TEST(http_client, survives_each_system_call_that_fails) {
    goes_on_after([] { return failing_system_calls{any_call, ENOMEM, 1'000'000}; });
    std::size_t points = 0;
    for (int const code : {ENOMEM, EMFILE, ECONNRESET}) {
        for (failure const how : {failure::once, failure::for_ever}) {
            points += for_each_failure([&](std::size_t number) {
                SCOPED_TRACE(std::to_string(code) + " " + std::to_string(number));
                return goes_on_after([&] {
                    return failing_system_calls{any_call, code, number, how};
                });
            });
        }
    }
    std::printf("%zu system calls that fail: a client of HTTP\n", points);
    EXPECT_GT(points, 100U);
}
