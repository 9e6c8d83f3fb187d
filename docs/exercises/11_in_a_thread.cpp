// SPDX-License-Identifier: BSL-1.0
// Exercise 11: call a function that blocks, in a thread of its own, and park meanwhile.
//
// The thread has one way back: it posts. What the two share must outlive both, because the greenlet
// may be told to leave while the thread is still at work, and nobody can stop a thread.
#include <tendril/hub.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <exception>
#include <future>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>

namespace {

// DOC: in_a_thread
template <typename F>
std::invoke_result_t<F> in_a_thread(F function) {
    struct answer {
        std::optional<std::invoke_result_t<F>> value;
        std::exception_ptr error;
        tendril::event arrived;
    };
    auto const shared = std::make_shared<answer>();
    std::thread{[shared, function = std::move(function), door = tendril::this_hub().remote()] {
        try {
            shared->value.emplace(function());
        } catch (...) {
            shared->error = std::current_exception();
        }
        // Only the hub may touch the event. A hub that has closed drops the function.
        door.post([shared] { shared->arrived.set(); });
    }}.detach();
    shared->arrived.wait();
    if (shared->error) {
        std::rethrow_exception(shared->error);
    }
    return std::move(*shared->value);
}
// DOC-END: in_a_thread

}  // namespace

int main() {
    tendril::run([] {
        std::promise<int> from_the_hub;
        auto asks = tendril::spawn([&] {
            // Blocks its thread until another greenlet has had its turn.
            return in_a_thread([&] { return 2 * from_the_hub.get_future().get(); });
        });
        auto gives = tendril::spawn([&] { from_the_hub.set_value(21); });
        std::cout << "the thread says " << asks.get() << '\n';

        auto fails = tendril::spawn(
            [] { return in_a_thread([]() -> int { throw std::runtime_error{"no such file"}; }); });
        try {
            fails.get();
        } catch (std::runtime_error const& error) {
            std::cout << "the thread failed: " << error.what() << '\n';
        }

        std::promise<void> at_last;
        auto leaves = tendril::spawn([&] {
            return in_a_thread([&] {
                at_last.get_future().wait();
                return 0;
            });
        });
        tendril::yield();
        leaves.cancel();
        leaves.join();
        std::cout << "cancelled: " << std::boolalpha << leaves.was_cancelled() << '\n';
        at_last.set_value();
        tendril::this_hub().join();  // until no thread has a remote any more
        std::cout << "nobody is left\n";
    });
}
