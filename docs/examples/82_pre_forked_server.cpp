// SPDX-License-Identifier: BSL-1.0
// A server of several processes: one listener, and workers that are forked before they serve.
//
// The parent accepts nothing. Here it is also the client, and ends its workers when it has enough.
#include <tendril/hub.hpp>
#include <tendril/net.hpp>
#include <tendril/process.hpp>
#include <tendril/server.hpp>
#include <tendril/support/scope_exit.hpp>

#include <boost/asio/buffer.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

constexpr int workers = 2;
constexpr std::size_t most_of_a_worker = 3;

// DOC: worker
// Never returns: what stands above in the stack is the parent's to go on with.
[[noreturn]] void serve_as_worker(int number, tendril::tcp_listener& inherited) {
    tendril::scope_exit const end_on_error{[] { ::_exit(1); }};
    tendril::this_hub().reset_after_fork();
    tendril::signal_set quit{SIGTERM};
    auto const answer = [number](tendril::tcp_stream& stream) {
        std::string const name = "worker " + std::to_string(number);
        stream.write(boost::asio::buffer(name));
        char byte;
        stream.read_some(boost::asio::buffer(&byte, 1));
    };
    tendril::stream_server server{"127.0.0.1:0", answer, {.max_connections = most_of_a_worker}};
    server.start(std::move(inherited));
    quit.wait();
    server.stop(5s);
    ::_exit(0);
}

std::vector<pid_t> start_workers(tendril::tcp_listener& listener) {
    std::vector<pid_t> started;
    for (int number = 0; number < workers; ++number) {
        pid_t const child = ::fork();
        if (child == 0) {
            serve_as_worker(number, listener);
        }
        started.push_back(child);
    }
    return started;
}
// DOC-END: worker

// Opens as many connections as all workers together take, and asks who serves each.
std::vector<std::string> ask_all(tendril::tcp_endpoint const& where) {
    std::vector<tendril::tcp_stream> streams;
    std::vector<std::string> names;
    for (std::size_t number = 0; number < workers * most_of_a_worker; ++number) {
        streams.push_back(tendril::tcp_stream::connect(where));
        char name[32];
        names.emplace_back(name, streams.back().read_some(boost::asio::buffer(name)));
    }
    return names;
}

}  // namespace

int main() {
    tendril::run([] {
        tendril::tcp_listener listener = tendril::tcp_listener::bind("127.0.0.1", 0);
        auto const where = listener.local_endpoint();
        auto const children = start_workers(listener);
        tendril::scope_exit const end_them{[&] {
            for (pid_t const child : children) {
                ::kill(child, SIGTERM);
                ::waitpid(child, nullptr, 0);
            }
        }};
        listener.close();
        auto const names = ask_all(where);
        for (int number = 0; number < workers; ++number) {
            std::string const name = "worker " + std::to_string(number);
            std::cout << name << " has served " << std::count(names.begin(), names.end(), name)
                      << " connections\n";
        }
    });
}
