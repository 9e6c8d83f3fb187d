// SPDX-License-Identifier: BSL-1.0
// Exercise 16: an exchanger. Two greenlets meet, and each leaves with what the other has brought.
//
// Whoever comes first waits with a reference to its value. Whoever comes second swaps the two
// values and wakes the first in the same step, so a limit or a cancel finds either nothing done or
// all of it.
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <iostream>
#include <optional>
#include <string>
#include <utility>

using namespace std::chrono_literals;

namespace {

// DOC: exchanger
template <typename T>
class exchanger {
public:
    exchanger() : waiting_{"exchanger"} {}

    // Returns what the other has brought; empty when nobody has come.
    std::optional<T> exchange_until(tendril::deadline limit, T mine) {
        tendril::check_interruption();
        if (!waiting_.empty()) {
            auto& other = static_cast<place&>(waiting_.front());
            std::swap(other.brought, mine);
            tendril::wait_queue::wake(other);
            return mine;
        }
        place me{mine};
        waiting_.push(me);
        if (!me.park_until(limit)) {
            return std::nullopt;
        }
        return mine;
    }

private:
    struct place final : tendril::waiter {
        explicit place(T& value) : waiter{"somebody to exchange with"}, brought{value} {}
        T& brought;
    };

    tendril::wait_queue waiting_;
};
// DOC-END: exchanger

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [] {
        exchanger<std::string> market;
        auto const trade = [&](char const* who, char const* what) {
            auto const got = market.exchange_until(tendril::deadline::after(5ms), what);
            std::cout << who << " gives " << what << " and gets " << got.value_or("nothing")
                      << '\n';
        };
        tendril::with_task_group([&](tendril::task_group& group) {
            group.spawn(trade, "ada", "apples");
            auto const ben = group.spawn(trade, "ben", "bread");
            ben.join();

            auto const cem = group.spawn(trade, "cem", "cheese");
            cem.join();  // nobody comes

            auto const dan = group.spawn(trade, "dan", "dates");
            tendril::yield();
            dan.cancel();  // leaves the market
            group.spawn(trade, "eva", "eggs");
            group.spawn(trade, "fay", "figs");
        });
    });
}
