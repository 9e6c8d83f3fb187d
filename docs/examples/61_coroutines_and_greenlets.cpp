// SPDX-License-Identifier: BSL-1.0
// Coroutines of Asio and greenlets in one program.
//
// A greenlet waits for a coroutine; the coroutine waits for a task, and runs a sequential function
// as if it were an operation of Asio. Results, errors and cancellations go both ways.
#include <tendril/channel.hpp>
#include <tendril/hub.hpp>
#include <tendril/io.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <iostream>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using boost::asio::awaitable;
using boost::asio::use_awaitable;

namespace {

// DOC: coroutine
// The old part of the program, in coroutines.
awaitable<int> measure(int times) {
    boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor};
    int sum = 0;
    for (int time = 1; time <= times; ++time) {
        timer.expires_after(1ms);
        co_await timer.async_wait(use_awaitable);
        sum += time;
    }
    co_return sum;
}
// DOC-END: coroutine

// DOC: task
awaitable<std::string> ask_tasks() {
    tendril::task<int> const answer = tendril::spawn([] {
        tendril::sleep_for(1ms);
        return 42;
    });
    int const number = co_await tendril::as_awaitable(answer);

    // A sequential function as an operation: when the coroutine is cancelled, its task is.
    std::string const text = co_await tendril::async_spawn(
        [] {
            tendril::channel<std::string> words{1};
            words.send("said by a greenlet");
            return words.receive();
        },
        use_awaitable);
    co_return std::to_string(number) + ", " + text;
}
// DOC-END: task

awaitable<void> fail() {
    co_await measure(1);
    throw std::runtime_error{"thrown in a coroutine"};
}

// DOC: cancelled
awaitable<void> wait_for_ever() {
    co_await tendril::async_spawn(
        [] {
            try {
                tendril::sleep_for(1h);
            } catch (tendril::cancelled const&) {
                std::cout << "the innermost greenlet hears of it first\n";
                throw;
            }
        },
        use_awaitable);
}
// DOC-END: cancelled

}  // namespace

int main() {
    tendril::run([] {
        // DOC: await
        std::cout << "a coroutine returns " << tendril::await(measure(3)) << '\n';
        std::cout << "and waits for tasks: " << tendril::await(ask_tasks()) << '\n';
        try {
            tendril::await(fail());
        } catch (std::runtime_error const& error) {
            std::cout << error.what() << '\n';
        }
        // DOC-END: await

        auto const waiting = tendril::spawn([] { tendril::await(wait_for_ever()); });
        tendril::sleep_for(1ms);
        waiting.cancel();
        waiting.join();
        std::cout << (waiting.was_cancelled() ? "the outermost one was cancelled\n" : "?\n");
    });
}
