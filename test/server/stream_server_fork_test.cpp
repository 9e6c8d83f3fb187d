// SPDX-License-Identifier: BSL-1.0
//
// A process with a server forks, wherever the call is made, and both serve on.
#include <harness/forked_servers.hpp>
#include <tendril/server/server_group.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/sync/semaphore.hpp>

#include <chrono>
#include <list>
#include <memory>
#include <optional>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::answer_with_mark;
using test::beside_a_fork;
using test::most_at_once;

class fork_of_a_server : public ::testing::Test {
protected:
    void SetUp() override {
        if (!test::can_go_on_in_a_child) {
            GTEST_SKIP() << "ThreadSanitizer does not follow a process with threads into its child";
        }
    }
    void TearDown() override { EXPECT_EQ(before_.leaks(), ""); }

private:
    tendril::testing::leak_check before_;
};

stream_server_options const as_many_as_tested{.max_connections = most_at_once};

// What a program makes of a listener alone.
class loop_of_ones_own {
public:
    void start() {
        if (!listener_.is_open()) {
            listener_ = tcp_listener::bind("127.0.0.1", 0);
        }
        accepting_ = spawn([this] { accept_all(); });
    }
    bool stop(std::chrono::seconds = 1s) {
        listener_.close();
        accepting_.join();
        for (tcp_stream& each : streams_) {
            each.close();
        }
        return true;
    }
    tcp_endpoint local_endpoint() const { return listener_.local_endpoint(); }
    // In the child the tasks are gone, and with them what they have taken.
    void forget_parent() {
        streams_.clear();
        free_.emplace(most_at_once);
    }

private:
    void accept_all() {
        while (true) {
            free_->acquire();
            error_code error;
            tcp_stream accepted = listener_.accept(error);
            if (error.failed()) {
                return;
            }
            auto const at = streams_.insert(streams_.end(), std::move(accepted));
            spawn([this, at] {
                answer_with_mark(*at);
                streams_.erase(at);
                free_->release();
            });
        }
    }

    tcp_listener listener_;
    std::list<tcp_stream> streams_;
    std::optional<counting_semaphore<>> free_{std::in_place, most_at_once};
    task<void> accepting_;
};

TEST_F(fork_of_a_server, in_main_leaves_both_serving) {
    run([] {
        stream_server server{"127.0.0.1:0", answer_with_mark, as_many_as_tested};
        beside_a_fork beside{server};
        if (beside.fork()) {
            beside.live_on_in_child();
        }
        beside.expect_both_serve(1, 0);
    });
}

TEST_F(fork_of_a_server, in_a_greenlet_leaves_both_serving) {
    run([] {
        stream_server server{"127.0.0.1:0", answer_with_mark, as_many_as_tested};
        beside_a_fork beside{server};
        spawn([&] {
            if (beside.fork()) {
                beside.live_on_in_child();
            }
        }).get();
        beside.expect_both_serve(1, 0);
    });
}

TEST_F(fork_of_a_server, in_the_handler_of_a_connection_leaves_both_serving) {
    run([] {
        std::optional<beside_a_fork<stream_server>> beside;
        auto const handler = [&](tcp_stream& stream) {
            if (test::hear_exactly(stream, 1) == "f" && beside->fork()) {
                stream.close();
                beside->live_on_in_child();
            }
            test::say(stream, {&test::process_mark, 1});
            answer_with_mark(stream);
        };
        stream_server server{"127.0.0.1:0", handler, as_many_as_tested};
        beside.emplace(server);
        tcp_stream asks = tcp_stream::connect(server.local_endpoint());
        test::say(asks, "f");
        EXPECT_EQ(test::hear_exactly(asks, 1), "p");
        beside->expect_both_serve(2, 1);
    });
}

TEST_F(fork_of_a_server, in_a_callback_leaves_both_serving) {
    run([] {
        stream_server server{"127.0.0.1:0", answer_with_mark, as_many_as_tested};
        beside_a_fork beside{server};
        event forked;
        this_hub().call_soon([&] {
            if (beside.fork()) {
                server.start();
                spawn([&] { beside.stop_in_child(); });
            } else {
                forked.set();
            }
        });
        forked.wait();
        beside.expect_both_serve(1, 0);
    });
}

TEST_F(fork_of_a_server, leaves_a_loop_of_ones_own_its_listener) {
    for (auto const descriptors : {fork_descriptors::forget, fork_descriptors::keep}) {
        run([&] {
            loop_of_ones_own server;
            beside_a_fork beside{server};
            spawn([&] {
                if (beside.fork(descriptors)) {
                    server.forget_parent();
                    beside.live_on_in_child();
                }
            }).get();
            beside.expect_both_serve(1, 0);
        });
    }
}

TEST_F(fork_of_a_server, stops_in_the_child_and_can_be_started_anew) {
    run([] {
        stream_server server{"127.0.0.1:0", test::echo};
        server.start();
        tcp_endpoint const where = server.local_endpoint();
        tcp_stream client = tcp_stream::connect(where);
        EXPECT_TRUE(test::holds_in_a_child([&] {
            this_hub().reset_after_fork();
            bool const waited_for = !server.running();
            bool const in_time = server.stop(1h) && server.statistics().connections == 0;
            server.start();
            return waited_for && in_time && server.running() && server.local_endpoint() != where;
        }));
        EXPECT_EQ(server.local_endpoint(), where);
        test::say(client, "x");
        EXPECT_EQ(test::hear(client), "x");
    });
}

TEST_F(fork_of_a_server, may_be_destroyed_in_the_child_also_without_a_reset) {
    for (bool const with_reset : {false, true}) {
        run([&] {
            std::optional<stream_server> server{std::in_place, "127.0.0.1:0", test::echo};
            server->start();
            tcp_stream client = tcp_stream::connect(server->local_endpoint());
            test::say(client, "x");
            EXPECT_EQ(test::hear(client), "x");
            EXPECT_TRUE(test::holds_in_a_child([&] {
                if (with_reset) {
                    this_hub().reset_after_fork();
                }
                server.reset();
                return true;
            }));
            test::say(client, "y");
            EXPECT_EQ(test::hear(client), "y");
        });
    }
}

TEST_F(fork_of_a_server, on_every_hub_may_be_destroyed_in_the_child) {
    std::optional<hub_group> hubs{std::in_place, hub_group_options{.size = 2}};
    std::optional<server_group> servers{std::in_place, *hubs, "127.0.0.1:0", test::echo};
    servers->start();
    EXPECT_TRUE(test::holds_in_a_child([&] {
        bool const stands = !servers->running() && servers->stop(1h);
        servers.reset();
        hubs.reset();
        return stands;
    }));
    run([&] {
        tcp_stream client = tcp_stream::connect(servers->local_endpoint());
        test::say(client, "x");
        EXPECT_EQ(test::hear(client), "x");
    });
    EXPECT_TRUE(servers->stop(1h));
}

}  // namespace
