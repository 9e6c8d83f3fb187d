// SPDX-License-Identifier: BSL-1.0
//
// One end of a connection whose other end is a program that somebody else has written: see
// peers_test.py. A server says where it listens and ends with its standard input; a client sends
// what it reads there, and prints what comes back.
#include <examples/resp_client.hpp>
#include <tendril/tendril.hpp>
#include <tendril/tls.hpp>

#include <boost/asio/read.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

using arguments = std::vector<std::string>;

template <typename Stream>
void echo(Stream& stream) {
    std::array<char, 4096> data;
    tendril::error_code error;
    while (true) {
        auto const size = stream.read_some(boost::asio::buffer(data), error);
        if (error == boost::asio::error::eof) {
            break;
        }
        tendril::detail::throw_if(error, "read_some");
        stream.write(boost::asio::buffer(data.data(), size));
    }
    stream.close();
}

void wait_for_the_end_of_input() {
    std::array<char, 64> ignored;
    do {
        tendril::wait_readable(STDIN_FILENO);
    } while (::read(STDIN_FILENO, ignored.data(), ignored.size()) > 0);
}

// Accepts until the input ends. What goes wrong in a connection is said and ends it.
template <typename Listener, typename Serve>
void serve(Listener& listener, Serve const& each) {
    tendril::with_task_group([&](tendril::task_group& group) {
        group.spawn([&] {
            while (true) {
                group.spawn([&, stream = listener.accept()]() mutable {
                    try {
                        each(stream);
                    } catch (std::exception const& error) {
                        std::cout << "failed: " << error.what() << std::endl;
                    }
                });
            }
        });
        wait_for_the_end_of_input();
        group.cancel("the input has ended");
    });
}

template <typename Stream>
void send_input(Stream& stream) {
    std::string const text{std::istreambuf_iterator<char>{std::cin}, {}};
    std::string answer(text.size(), '\0');
    tendril::with_task_group([&](tendril::task_group& group) {
        group.spawn([&] { stream.write(boost::asio::buffer(text)); });
        boost::asio::read(stream, boost::asio::buffer(answer));
    });
    std::cout << answer << std::flush;
    stream.close();
}

std::string file(std::string const& path) {
    std::ifstream stream{path};
    return std::string{std::istreambuf_iterator<char>{stream}, {}};
}

void tls_server(arguments const& given) {
    auto const context = tendril::tls_context::server({
        .identity = tendril::tls_identity::from_files(given.at(0), given.at(1)),
        .protocols = {"echo"},
    });
    auto listener = tendril::tcp_listener::bind("127.0.0.1", 0);
    std::cout << "listening on " << tendril::to_string(listener.local_endpoint()) << std::endl;
    serve(listener, [&](tendril::tcp_stream& plain) {
        auto stream = tendril::tls_stream::server(std::move(plain), context);
        stream.handshake();
        std::cout << "shook hands for " << stream.server_name() << std::endl;
        echo(stream);
    });
}

void tls_client(arguments const& given) {
    auto const context = tendril::tls_context::client({.authorities = file(given.at(1))});
    auto stream = tendril::tls_stream::client(
        tendril::tcp_stream::connect("127.0.0.1", given.at(0)), context, given.at(2));
    stream.handshake();
    send_input(stream);
}

void unix_server(arguments const& given) {
    auto listener = tendril::unix_listener::bind(given.at(0));
    std::cout << "listening" << std::endl;
    serve(listener, [](tendril::unix_stream& stream) { echo(stream); });
}

void unix_client(arguments const& given) {
    auto stream = tendril::unix_stream::connect(given.at(0));
    send_input(stream);
}

void tcp_server(arguments const&) {
    auto listener = tendril::tcp_listener::bind("127.0.0.1", 0);
    std::cout << "listening on " << tendril::to_string(listener.local_endpoint()) << std::endl;
    serve(listener, [](tendril::tcp_stream& stream) { echo(stream); });
}

void tcp_client(arguments const& given) {
    auto stream = tendril::tcp_stream::connect("localhost", given.at(0));
    send_input(stream);
}

void print(resp::value const& answer) {
    std::cout << answer.kind << answer.text.value_or("nothing");
    for (auto const& each : answer.parts) {
        std::cout << ' ';
        print(each);
    }
}

// Each line of the input is a command.
void redis(arguments const& given) {
    resp::client client{tendril::tcp_stream::connect("127.0.0.1", given.at(0))};
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words{line};
        std::vector<std::string> const command{
            std::istream_iterator<std::string>{words}, std::istream_iterator<std::string>{}};
        print(client({command.begin(), command.end()}));
        std::cout << '\n';
    }
}

// Many clients of the same counter at once, each on a connection of its own.
void redis_crowd(arguments const& given) {
    tendril::with_task_group([&](tendril::task_group& group) {
        for (int count = 0; count < 100; ++count) {
            group.spawn([&] {
                resp::client client{tendril::tcp_stream::connect("127.0.0.1", given.at(0))};
                for (int turn = 0; turn < 20; ++turn) {
                    client({"INCR", "crowd"});
                }
            });
        }
    });
    resp::client client{tendril::tcp_stream::connect("127.0.0.1", given.at(0))};
    std::cout << client({"GET", "crowd"}).text.value_or("nothing") << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
    static std::map<std::string, void (*)(arguments const&)> const modes{
        {"tls_server", tls_server},
        {"tls_client", tls_client},
        {"unix_server", unix_server},
        {"unix_client", unix_client},
        {"tcp_server", tcp_server},
        {"tcp_client", tcp_client},
        {"redis", redis},
        {"redis_crowd", redis_crowd},
    };
    arguments const given{argv + 1, argv + argc};
    tendril::run([&] { modes.at(given.at(0))({given.begin() + 1, given.end()}); });
    return 0;
} catch (std::exception const& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
