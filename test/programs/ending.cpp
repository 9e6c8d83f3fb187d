// SPDX-License-Identifier: BSL-1.0
//
// A program that ends in one way, at one place, with much of everything alive: see ending_test.py.
//
//     ending WAY PLACE
//
// A hub with greenlets in different states, a group of hubs, a pool of threads with a job under
// way, a child, and a server with a connection. Where the way is no end of the process, `main`
// returns 4.
#include <tendril/hubs.hpp>
#include <tendril/process.hpp>
#include <tendril/server.hpp>
#include <tendril/tendril.hpp>

#include <pthread.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

using namespace std::chrono_literals;

namespace {

using way = std::function<void()>;

constexpr int as_asked = 3;
constexpr int went_on = 4;

[[noreturn]] void end_by_uncaught_error() { throw std::runtime_error{"nobody catches this"}; }
// What throws an exit where nobody expects one is not called `noreturn`.
void leave_thread() { ::pthread_exit(nullptr); }

std::map<std::string, way> const ways{
    {"exit", [] { std::exit(as_asked); }},
    {"quick_exit", [] { std::quick_exit(as_asked); }},
    {"_exit", [] { ::_exit(as_asked); }},
    {"terminate", [] { std::terminate(); }},
    {"error", &end_by_uncaught_error},
    {"pthread_exit", &leave_thread},
    // From `main`, and from wherever it is called elsewhere.
    {"return", [] {}},
};

// Never destroyed, since greenlets that wait for it outlive `main`.
tendril::event& never = *new tendril::event;

// A job that is waited for, also by an exit that unwinds its caller: so it looks up now and then.
void block_until_told() {
    while (!tendril::job_cancelled()) {
        std::this_thread::sleep_for(1ms);
    }
}

// What is alive when it ends. Members are destroyed where the stack of `main` is unwound.
class much_of_everything {
public:
    much_of_everything() {
        for (int number = 0; number < 100; ++number) {
            add_greenlet(number);
        }
        for (int number = 0; number < 20; ++number) {
            hubs.spawn([] { tendril::sleep_for(1h); });
        }
        waits_for_job = tendril::spawn([this] { threads.run(&block_until_told); });
        server.start();
        client = tendril::tcp_stream::connect(server.local_endpoint());
        tendril::sleep_for(1ms);
    }
    much_of_everything(much_of_everything const&) = delete;
    much_of_everything& operator=(much_of_everything const&) = delete;
    // The pool waits for its jobs.
    ~much_of_everything() { waits_for_job.cancel(); }

    tendril::hub_group hubs{{.size = 2, .time_to_unwind = 20ms}};
    tendril::thread_pool threads{{.maximum_size = 2}};
    // It ends with its input.
    tendril::process child{{.program = "cat", .input = tendril::redirection::pipe()}};
    tendril::stream_server server{"127.0.0.1:0", [](tendril::tcp_stream& stream) {
                                      char byte;
                                      stream.read_some(boost::asio::buffer(&byte, 1));
                                  }};
    tendril::tcp_stream client;
    tendril::task<void> waits_for_job;

private:
    void add_greenlet(int number) {
        switch (number % 4) {
        case 0:
            tendril::spawn([] { tendril::sleep_for(1h); });
            break;
        case 1:
            tendril::spawn([] { never.wait(); });
            break;
        case 2:
            tendril::spawn([] {
                tendril::timeout const limit{1h};
                never.wait();
            });
            break;
        default:
            tendril::spawn([] {
                tendril::scope_exit const last{[] { tendril::yield(); }};
                tendril::sleep_for(1h);
            });
        }
    }
};

// Where it ends.
void in_main(much_of_everything&, way const& end) { end(); }
void in_a_greenlet(much_of_everything&, way const& end) {
    auto const ends = tendril::spawn(end);
    ends.join();
}
void in_a_callback(much_of_everything&, way const& end) {
    tendril::this_hub().call_soon([&] { end(); });
    tendril::yield();
}
void on_another_hub(much_of_everything& all, way const& end) { all.hubs.spawn_on(1, end).wait(); }
void on_a_thread(much_of_everything&, way const& end) { std::thread{end}.join(); }
void on_a_thread_of_a_pool(much_of_everything& all, way const& end) {
    all.threads.spawn(end).join();
}

std::map<std::string, void (*)(much_of_everything&, way const&)> const places{
    {"main", &in_main},       {"greenlet", &in_a_greenlet}, {"callback", &in_a_callback},
    {"hub", &on_another_hub}, {"thread", &on_a_thread},     {"pool", &on_a_thread_of_a_pool},
};

int run_and_end(std::string const& how, std::string const& where) {
    much_of_everything all;
    places.at(where)(all, ways.at(how));
    return how == "return" ? as_asked : went_on;
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 3) {
        std::cerr << "usage: ending WAY PLACE\n";
        return 2;
    }
    return run_and_end(arguments[1], arguments[2]);
}
