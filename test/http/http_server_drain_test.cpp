// SPDX-License-Identifier: BSL-1.0
//
// The end of a web server, and the ends of its connections.
#include <harness/http_client.hpp>
#include <tendril/http/http_server.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/sync/event.hpp>

#include <boost/asio/error.hpp>

#include <sys/socket.h>

#include <chrono>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::http_answer;
using test::http_client;
using test::settle;
namespace asio_error = boost::asio::error;

constexpr char const* get = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

void take_three_seconds(http_request&, http_response& response) {
    sleep_for(3s);
    response.body("done");
}
void answer_at_once(http_request&, http_response& response) { response.body("done"); }

class running_server : public http_server {
public:
    explicit running_server(handler on_request = answer_at_once, http_server_options options = {})
        : http_server{"127.0.0.1:0", std::move(on_request), options} {
        start();
    }
};

}  // namespace

TENDRIL_HUB_TEST(http_server, stop_ends_idle_connections_at_once_and_in_order) {
    running_server web;
    http_client fresh{web};
    http_client used{web};
    used.get();
    settle();
    auto stopping = spawn([&] { return web.stop(10s); });
    EXPECT_EQ(fresh.drain(), asio_error::eof);
    EXPECT_EQ(used.drain(), asio_error::eof);
    EXPECT_EQ(fresh.rest() + used.rest(), "");
    EXPECT_EQ(clock.elapsed() / 1ms, 0);
    fresh.stream.close();
    used.stream.close();
    EXPECT_TRUE(stopping.get());
    EXPECT_EQ(clock.elapsed() / 1ms, 0);
}

// A connection that has heard looks once more for a request.
TENDRIL_HUB_TEST(http_server, may_be_stopped_again_while_its_connections_look_once_more) {
    test::reported_errors const errors;
    for (int turns = 0; turns < 6; ++turns) {
        running_server web;
        http_client client{web};
        client.get();
        settle();
        std::vector<task<bool>> stops;
        for (int count = 0; count < 3; ++count) {
            stops.push_back(spawn([&] { return web.stop(10s); }));
            for (int turn = 0; turn < turns; ++turn) {
                yield();
            }
        }
        EXPECT_EQ(client.drain(), asio_error::eof);
        client.stream.close();
        for (task<bool>& stop : stops) {
            EXPECT_TRUE(stop.get());
        }
    }
    EXPECT_TRUE(errors.texts.empty()) << errors.texts.front();
}

TENDRIL_HUB_TEST(http_server, idle_clients_that_do_not_close_their_end_cannot_use_up_the_grace) {
    running_server web;
    http_client client{web};
    client.get();
    EXPECT_TRUE(web.stop());
    EXPECT_LT(clock.elapsed(), 1s);
}

TENDRIL_HUB_TEST(http_server, stop_answers_the_request_in_progress_and_closes) {
    running_server web{take_three_seconds};
    http_client client{web};
    client.send(get);
    settle();
    auto stopping = spawn([&] { return web.stop(10s); });
    http_answer const answer = client.read();
    EXPECT_EQ(answer.body, "done");
    EXPECT_TRUE(answer.closes());
    EXPECT_EQ(client.drain(), asio_error::eof);
    client.stream.close();
    EXPECT_TRUE(stopping.get());
}

TENDRIL_HUB_TEST(http_server, stop_lets_a_request_that_is_on_its_way_arrive) {
    running_server web;
    http_client client{web};
    client.send("GET / HT");
    settle();
    auto stopping = spawn([&] { return web.stop(10s); });
    settle();
    client.send("TP/1.1\r\nHost: test\r\n\r\n");
    EXPECT_TRUE(client.read().closes());
    client.stream.close();
    EXPECT_TRUE(stopping.get());
}

TENDRIL_HUB_TEST(http_server, of_pipelined_requests_the_one_in_progress_is_answered_last) {
    running_server web{take_three_seconds};
    http_client client{web};
    client.send(std::string{get} + get + get);
    settle();
    auto stopping = spawn([&] { return web.stop(10s); });
    EXPECT_TRUE(client.read().closes());
    EXPECT_EQ(client.drain(), asio_error::eof);
    EXPECT_EQ(client.rest(), "");
    client.stream.close();
    EXPECT_TRUE(stopping.get());
    EXPECT_EQ(web.statistics().answered, 1U);
}

TENDRIL_HUB_TEST(http_server, stop_ends_what_runs_on_after_the_grace) {
    running_server web{take_three_seconds};
    http_client client{web};
    client.send(get);
    settle();
    EXPECT_FALSE(web.stop(1s));
    client.drain();
    EXPECT_EQ(client.rest(), "");
    EXPECT_EQ(clock.elapsed() / 1s, 1);
}

// A request that is sent in the moment of the stop is answered, or the connection ends in order and
// the client may try elsewhere. It never sees a reset.
TENDRIL_HUB_TEST(http_server, a_request_in_the_moment_of_the_stop_is_answered_or_cleanly_closed) {
    for (int order = 0; order < 8; ++order) {
        running_server web;
        http_client client{web};
        client.get();
        settle();
        task<bool> stopping;
        auto const stop = [&] { stopping = spawn([&] { return web.stop(10s); }); };
        auto const look = [&] { this_hub().context().poll(); };
        (order & 1) != 0 ? client.send(get) : stop();
        if ((order & 2) != 0) {
            look();
        }
        if ((order & 4) != 0) {
            yield();
        }
        (order & 1) != 0 ? stop() : client.send(get);
        http_answer const answer = client.read();
        EXPECT_TRUE(answer.status == 0 || answer.status == 200) << order;
        EXPECT_EQ(client.drain(), asio_error::eof) << order;
        client.stream.close();
        EXPECT_TRUE(stopping.get()) << order;
    }
}

TENDRIL_HUB_TEST(http_server, several_may_stop_it_at_once) {
    running_server web{take_three_seconds};
    http_client idle{web};
    http_client busy{web};
    busy.send(get);
    settle();
    std::vector<task<bool>> stopping;
    for (int count = 0; count < 3; ++count) {
        stopping.push_back(spawn([&] { return web.stop(10s); }));
    }
    EXPECT_TRUE(busy.read().closes());
    idle.stream.close();
    busy.stream.close();
    for (auto& each : stopping) {
        EXPECT_TRUE(each.get());
    }
}

TENDRIL_HUB_TEST(http_server, a_handler_may_stop_its_own_server) {
    std::unique_ptr<http_server> web;
    web = std::make_unique<running_server>([&](http_request&, http_response& response) {
        response.body(web->stop(10s) ? "stopped" : "late");
    });
    http_client client{*web};
    http_client idle{*web};
    settle();
    client.send(get);
    EXPECT_EQ(idle.drain(), asio_error::eof);
    idle.stream.close();
    http_answer const answer = client.read();
    EXPECT_EQ(answer.body, "stopped");
    EXPECT_TRUE(answer.closes());
}

TENDRIL_HUB_TEST(http_server, serves_and_keeps_connections_again_after_a_stop) {
    running_server web;
    web.stop();
    web.start();
    http_client client{web};
    EXPECT_FALSE(client.get().closes());
    EXPECT_EQ(client.get().status, 200);
}

TENDRIL_HUB_TEST(http_server, serve_forever_serves_until_somebody_stops_it) {
    http_server web{"127.0.0.1:0", answer_at_once};
    auto serving = spawn([&] { web.serve_forever(); });
    settle();
    EXPECT_EQ(http_client{web}.get().status, 200);
    web.stop();
    serving.join();
    EXPECT_TRUE(serving.succeeded());
}

TENDRIL_HUB_TEST(http_server, the_destructor_ends_what_runs) {
    auto web = std::make_unique<running_server>(take_three_seconds);
    http_client client{*web};
    client.send(get);
    settle();
    web = nullptr;
    client.drain();
    EXPECT_EQ(client.rest(), "");
    EXPECT_EQ(clock.elapsed() / 1ms, 0);
}

TENDRIL_TEST(http_server, may_be_made_before_the_hub_and_outlive_it) {
    http_server web{"127.0.0.1:0", answer_at_once};
    tendril::run([&] {
        web.start();
        EXPECT_EQ(http_client{web}.get().status, 200);
    });
    EXPECT_FALSE(web.running());
}

// A socket that is closed with unread input sends a reset, which can overtake the answer.

TENDRIL_HUB_TEST(http_server, the_answer_to_a_refused_upload_arrives) {
    running_server web{answer_at_once, {.body_limit = 1000}};
    std::string const upload = "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 60000\r\n\r\n" +
        std::string(60'000, 'b');
    http_client client{web};
    client.send(upload);
    // It reads only after it has sent everything.
    settle();
    EXPECT_EQ(client.read().status, 413);
    EXPECT_EQ(client.drain(), asio_error::eof);
}

TENDRIL_HUB_TEST(http_server, the_answer_to_a_large_refused_upload_arrives_while_it_is_sent) {
    running_server web{answer_at_once, {.body_limit = 1000}};
    http_client client{web};
    auto writer = spawn([&] {
        std::string const block(64 * 1024, 'b');
        client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 16000000\r\n\r\n");
        error_code gone;
        for (int count = 0; count < 250 && !gone.failed(); ++count) {
            client.stream.write(boost::asio::buffer(block), gone);
        }
    });
    EXPECT_EQ(client.read().status, 413);
    writer.cancel();
    writer.join();
}

TENDRIL_HUB_TEST(http_server, the_answer_to_nonsense_arrives_whatever_follows_it) {
    running_server web;
    http_client client{web};
    client.send("nonsense\r\n\r\n" + std::string(30'000, 'x'));
    settle();
    EXPECT_EQ(client.read().status, 400);
    EXPECT_EQ(client.drain(), asio_error::eof);
}

TENDRIL_HUB_TEST(http_server, a_refused_client_that_keeps_sending_is_cut_off) {
    running_server web;
    http_client client{web};
    client.send("nonsense\r\n\r\n");
    error_code gone;
    for (int count = 0; count < 100 && !gone.failed(); ++count) {
        client.stream.write(boost::asio::buffer("x", 1), gone);
        sleep_for(100ms);
    }
    EXPECT_TRUE(gone.failed());
    EXPECT_LT(clock.elapsed(), 3s);
}

TENDRIL_HUB_TEST(http_server, a_refused_client_that_keeps_the_connection_is_cut_off) {
    running_server web;
    http_client client{web};
    client.send("nonsense\r\n\r\n");
    sleep_for(3s);
    EXPECT_EQ(web.statistics().server.connections, 0U);
}

TENDRIL_HUB_TEST(http_server, stop_answers_requests_that_have_arrived_and_were_not_read_yet) {
    running_server web;
    std::vector<std::unique_ptr<http_client>> clients;
    for (int count = 0; count < 5; ++count) {
        clients.push_back(std::make_unique<http_client>(web));
    }
    settle();
    for (auto const& client : clients) {
        ASSERT_GT(::send(client->stream.native_handle(), get, std::strlen(get), 0), 0);
    }
    auto stopping = spawn([&] { return web.stop(10s); });
    for (auto const& client : clients) {
        http_answer const answer = client->read();
        EXPECT_EQ(answer.status, 200);
        EXPECT_TRUE(answer.closes());
        client->stream.close();
    }
    EXPECT_TRUE(stopping.get());
}

TENDRIL_HUB_TEST(http_server, stop_refuses_a_grace_that_is_no_number_and_changes_nothing) {
    running_server web;
    http_client client{web};
    client.get();
    settle();
    EXPECT_THROW(
        web.stop(std::chrono::duration<double>{std::numeric_limits<double>::quiet_NaN()}), misuse);
    EXPECT_FALSE(client.get().closes());
}

TENDRIL_HUB_TEST(http_server, one_that_is_destroyed_by_its_handler_serves_nothing_more) {
    int calls = 0;
    std::unique_ptr<http_server> web;
    web = std::make_unique<http_server>("127.0.0.1:0", [&](http_request&, http_response& response) {
        ++calls;
        web = nullptr;
        response.body("the last one");
    });
    web->start();
    http_client client{*web};
    client.send(std::string{get} + get + get);
    EXPECT_EQ(client.read().body, "the last one");
    client.drain();
    EXPECT_EQ(calls, 1);
}

TENDRIL_HUB_TEST(http_server, stop_ends_who_is_told_of_an_exchange) {
    test::reported_errors const errors;
    running_server web{
        answer_at_once, {.on_exchange = [](http_exchange const&) { sleep_for(1h); }}};
    http_client client{web};
    EXPECT_EQ(client.get().body, "done");
    EXPECT_FALSE(web.stop(10ms));
    EXPECT_TRUE(errors.texts.empty()) << errors.texts.front();
}
