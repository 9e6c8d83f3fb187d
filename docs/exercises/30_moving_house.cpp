// SPDX-License-Identifier: BSL-1.0
// Exercise 30: a server that moves its idle connections to another program, instead of waiting for
// them to end.
//
// A handler is idle where it waits for the next question and has begun nothing. There, and only
// there, it may be interrupted, by a scope of its own. A read that is interrupted has taken
// nothing, so what the client sends meanwhile is in the socket, and goes along with it.
//
// Here the other program is another server in this one. Between two programs the pair of streams is
// a connection to a Unix socket, and nothing else changes.
#include <tendril/hub.hpp>
#include <tendril/net.hpp>
#include <tendril/scope.hpp>
#include <tendril/server.hpp>
#include <tendril/support.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <boost/asio/buffer.hpp>

#include <chrono>
#include <iostream>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

// DOC: moving
class movable {
public:
    movable(std::string name, tendril::unix_stream& there)
        : name_{std::move(name)},
          there_{there} {}

    // From now on, whoever is idle moves.
    void begin_to_move() {
        moving_ = true;
        for (tendril::cancel_scope* const each : idle_) {
            each->cancel();
        }
    }

    void serve(tendril::tcp_stream& stream) {
        char question[64];
        while (true) {
            std::size_t size = 0;
            tendril::cancel_scope idle;
            bool const is_asked = !moving_ &&
                wait_idly(idle, [&] { size = stream.read_some(boost::asio::buffer(question)); });
            if (!is_asked) {
                move(stream);
                return;
            }
            tendril::yield();  // the work
            stream.write(boost::asio::buffer(name_ + ": " + std::string(question, size)));
        }
    }

private:
    template <typename F>
    bool wait_idly(tendril::cancel_scope& scope, F&& wait) {
        idle_.insert(&scope);
        tendril::scope_exit const busy{[&] { idle_.erase(&scope); }};
        return scope.run(wait);
    }

    // The kernel copies the descriptor into the message; this one is closed.
    void move(tendril::tcp_stream& stream) {
        std::unique_lock const one_at_a_time{sending_};
        std::vector<int> const moved{stream.native_handle()};
        there_.send_descriptors(boost::asio::buffer("m", 1), moved);
    }

    std::string name_;
    tendril::unix_stream& there_;
    std::set<tendril::cancel_scope*> idle_;
    tendril::mutex sending_;
    bool moving_ = false;
};

// The other end: serves whoever arrives, until the sender has no more. It owns the stream, so those
// who are on their way do not wait for ever if it ends before.
void take_in(tendril::unix_stream from, tendril::stream_server& server) {
    char mark;
    tendril::error_code error;
    while (!error.failed()) {
        auto arrived = from.receive_descriptors(boost::asio::buffer(&mark, 1), error);
        while (arrived.descriptors.size() > 0) {
            server.serve(tendril::tcp_stream::adopt(arrived.descriptors.take()));
        }
    }
}
// DOC-END: moving

std::string ask(tendril::tcp_stream& stream, std::string const& question) {
    stream.write(boost::asio::buffer(question));
    char answer[64];
    auto const size = stream.read_some(boost::asio::buffer(answer));
    return {answer, size};
}

}  // namespace

int main() {
    tendril::run([] {
        auto [near, far] = tendril::unix_stream::pair();
        movable old_house{"the old one", near};
        tendril::unix_stream nowhere;
        movable new_house{"the new one", nowhere};
        tendril::stream_server old_server{
            "127.0.0.1:0", [&](tendril::tcp_stream& stream) { old_house.serve(stream); }};
        tendril::stream_server new_server{
            "127.0.0.1:0", [&](tendril::tcp_stream& stream) { new_house.serve(stream); }};
        old_server.start();
        tendril::with_task_group([&, &near = near, &far = far](tendril::task_group& group) {
            group.spawn(
                [&, from = std::move(far)]() mutable { take_in(std::move(from), new_server); });
            auto client = tendril::tcp_stream::connect(old_server.local_endpoint());
            std::cout << ask(client, "who is there?") << '\n';
            old_house.begin_to_move();
            std::cout << (old_server.stop(1h) ? "it has moved" : "it was cut off") << '\n';
            std::cout << ask(client, "and now?") << '\n';
            near.close();
        });
    });
}
