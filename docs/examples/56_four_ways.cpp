// SPDX-License-Identifier: BSL-1.0
//
// One job, written with callbacks, as a generator, as a coroutine of C++, and for a
// greenlet: three times, wait for a second and double a number. And what becomes of an error.
#include <tendril/coroutine.hpp>
#include <tendril/hub.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <chrono>
#include <coroutine>
#include <exception>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

using namespace std::chrono_literals;

namespace {

using tendril::this_hub;

void show(char const* way, int number) { std::cout << way << ": " << number << '\n'; }

// DOC: callbacks
// Each step is a function that is given the next one. The loop has become a recursion, and what it
// counts is handed on.
void double_then(int number, int times, tendril::promise<int> result) {
    if (times == 0) {
        result.set_value(number);
        return;
    }
    this_hub().call_later(1s, [number, times, result = std::move(result)]() mutable {
        double_then(2 * number, times - 1, std::move(result));
    });
}
// DOC-END: callbacks

// DOC: generator
// The loop is a loop again; what it yields is how long it wants to wait. Somebody has to drive it.
using steps = tendril::generator<std::chrono::seconds>;

steps double_in_steps(int number, tendril::promise<int> result) {
    return steps{[number, result = std::move(result)](auto& yield) mutable {
        for (int times = 0; times < 3; ++times) {
            yield(1s);
            number *= 2;
        }
        result.set_value(number);
    }};
}

void drive(steps job) {
    if (std::chrono::seconds const* pause = job.next()) {
        this_hub().call_later(*pause, [job = std::move(job)]() mutable { drive(std::move(job)); });
    }
}
// DOC-END: generator

// DOC: type
// A coroutine of C++ needs a type that says what becomes of it: this one begins at once, and ends
// with its owner at the latest.
class coroutine {
public:
    struct promise_type {
        coroutine get_return_object() {
            return coroutine{std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        void unhandled_exception() noexcept {
            this_hub().report_error(std::current_exception(), "a coroutine");
        }
    };

    explicit coroutine(std::coroutine_handle<> frame) noexcept : frame_{frame} {}
    coroutine(coroutine const&) = delete;
    coroutine& operator=(coroutine const&) = delete;
    ~coroutine() { frame_.destroy(); }

private:
    std::coroutine_handle<> frame_;
};
// DOC-END: type

// DOC: coroutine
void pause() { tendril::sleep_for(1s); }

// The hub drives it. It waits where `co_await` stands, and in no function that it calls.
coroutine double_and_await(int number, tendril::promise<int> result) {
    for (int times = 0; times < 3; ++times) {
        co_await tendril::spawn(pause);
        number *= 2;
    }
    result.set_value(number);
}
// DOC-END: coroutine

// DOC: greenlet
// A function like any other. It waits in `pause`, and in whatever else it calls.
int double_and_wait(int number) {
    for (int times = 0; times < 3; ++times) {
        pause();
        number *= 2;
    }
    return number;
}
// DOC-END: greenlet

void four_ways() {
    // DOC: ways
    tendril::promise<int> by_callbacks;
    tendril::promise<int> by_steps;
    tendril::promise<int> by_coroutine;
    auto first = by_callbacks.get_future();
    auto second = by_steps.get_future();
    auto third = by_coroutine.get_future();

    double_then(1, 3, std::move(by_callbacks));
    drive(double_in_steps(1, std::move(by_steps)));
    coroutine const running = double_and_await(1, std::move(by_coroutine));
    tendril::task<int> fourth = tendril::spawn(double_and_wait, 1);
    // DOC-END: ways
    show("callbacks", first.get());
    show("generator", second.get());
    show("coroutine", third.get());
    show("greenlet", fourth.get());
}

// DOC: work
void fetch() { std::cout << "  fetched\n"; }
void parse() { throw std::runtime_error{"this cannot be parsed"}; }
void store() { std::cout << "  stored\n"; }
// DOC-END: work

void chain_of_callbacks() {
    // DOC: chain
    try {
        this_hub().call_soon([] {
            fetch();
            this_hub().call_soon([] {
                parse();  // throws into the hub
                this_hub().call_soon([] { store(); });
            });
        });
    } catch (std::runtime_error const&) {
        std::cout << "  never printed: this block was left long ago\n";
    }
    // DOC-END: chain
}

void sequence() {
    // DOC: sequence
    try {
        fetch();
        tendril::yield();
        parse();
        tendril::yield();
        store();
    } catch (std::runtime_error const& error) {
        std::cout << "  caught: " << error.what() << '\n';
    }
    // DOC-END: sequence
}

void report(std::exception_ptr error, std::string_view) {
    try {
        std::rethrow_exception(error);
    } catch (std::exception const& failure) {
        std::cout << "  the hub reports: " << failure.what() << '\n';
    }
}

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [] {
        four_ways();
        this_hub().set_error_handler(report);
        std::cout << "three callbacks\n";
        chain_of_callbacks();
        tendril::sleep_for(1s);
        std::cout << "three calls\n";
        sequence();
    });
}
