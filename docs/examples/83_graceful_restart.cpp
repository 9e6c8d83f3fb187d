// SPDX-License-Identifier: BSL-1.0
//
// A server that is replaced by a new program while clients come without a pause, and none of them
// is refused. The new one is started with the listening descriptor as its descriptor 3, and says
// when it accepts; then the old one accepts no more, serves what it has begun, and ends.
//
// Here both are this program, and the first one is also the clients.
#include <tendril/hub.hpp>
#include <tendril/io.hpp>
#include <tendril/net.hpp>
#include <tendril/process.hpp>
#include <tendril/scope.hpp>
#include <tendril/server.hpp>
#include <tendril/sync.hpp>
#include <tendril/time.hpp>

#include <boost/asio/buffer.hpp>

#include <chrono>
#include <csignal>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace std::chrono_literals;

namespace {

// How many connections each of the two shall have served.
constexpr int enough = 100;

auto answer_as(std::string name) {
    return [name](tendril::tcp_stream& stream) {
        char question;
        stream.read_some(boost::asio::buffer(&question, 1));
        tendril::yield();
        stream.write(boost::asio::buffer(name));
    };
}

// DOC: successor
// The new program: its listener is descriptor 3, and has clients in its queue already.
void serve_as_successor() {
    tendril::stream_server server{"127.0.0.1:0", answer_as("the new one")};
    server.start(tendril::tcp_listener::adopt(3));
    std::cout << "ready" << std::endl;
    tendril::serve_until_signal(server, {.grace = 10s});
}
// DOC-END: successor

// DOC: restart
// Returns when the new program accepts and the old server has ended.
tendril::process replace(tendril::stream_server& server, std::string const& program) {
    tendril::process successor{{
        .program = program,
        .arguments = {"successor"},
        .output = tendril::redirection::pipe(),
        .passed = {server.native_handle()},
    }};
    char said[16];
    auto const size = successor.output().read_some(boost::asio::buffer(said));
    if (std::string_view{said, size} != "ready\n") {
        throw std::runtime_error{"the new program does not serve: the old one goes on"};
    }
    server.stop(10s);
    return successor;
}
// DOC-END: restart

// Who has served how many.
struct tally {
    std::map<std::string, int> served;
    int failed = 0;
    tendril::auto_reset_event changed;

    void wait_for(std::string const& name) {
        while (served[name] < enough) {
            changed.wait();
        }
    }
};

// One client after the other, without a pause.
void ask_for_ever(tendril::tcp_endpoint const& where, tally& results) {
    while (true) {
        tendril::error_code error;
        char answer[32];
        std::size_t size = 0;
        auto stream = tendril::tcp_stream::connect(where, error);
        if (!error.failed()) {
            stream.write(boost::asio::buffer("?", 1), error);
            size = stream.read_some(boost::asio::buffer(answer), error);
        }
        ++(error.failed() ? results.failed : results.served[std::string(answer, size)]);
        results.changed.set();
    }
}

void serve_and_be_replaced(std::string const& program) {
    tendril::stream_server server{"127.0.0.1:0", answer_as("the old one")};
    server.start();
    tally results;
    std::optional<tendril::process> successor;
    tendril::with_task_group([&](tendril::task_group& clients) {
        for (int number = 0; number < 4; ++number) {
            clients.spawn(ask_for_ever, server.local_endpoint(), std::ref(results));
        }
        results.wait_for("the old one");
        std::cout << "the old one has served enough\n";
        successor = replace(server, program);
        std::cout << "the old one has ended\n";
        results.wait_for("the new one");
        std::cout << "the new one has served enough\n";
        clients.cancel();
    });
    successor->send_signal(SIGTERM);
    std::cout << "and ends with status " << successor->wait().code() << '\n';
    std::cout << results.failed << " clients were refused or cut off\n";
}

}  // namespace

int main(int count, char** arguments) {
    bool const is_successor = count > 1 && std::string_view{arguments[1]} == "successor";
    tendril::run([&] {
        if (is_successor) {
            serve_as_successor();
        } else {
            serve_and_be_replaced("/proc/self/exe");
        }
    });
}
