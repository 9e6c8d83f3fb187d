// SPDX-License-Identifier: BSL-1.0
// Exercise 18: a semaphore of which one may take several permits at once.
//
// First come, first served: a large request at the head is not overtaken by small ones, or it would
// starve. So permits may be free while others wait; but never enough for the first of them, which
// is the invariant. It has to hold as well when the first one gives up. That is why a waiter that
// leaves looks who may go on now: no wake will come for them.
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/support.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <iostream>

using namespace std::chrono_literals;

namespace {

// DOC: weighted_semaphore
class weighted_semaphore {
public:
    explicit weighted_semaphore(int permits) : free_{permits}, waiting_{"weighted_semaphore"} {}

    // Takes so many permits, all or none. Returns whether it has them.
    bool acquire_until(tendril::deadline limit, int wanted) {
        tendril::check_interruption();
        if (waiting_.empty() && wanted <= free_) {
            free_ -= wanted;
            return true;
        }
        place me{*this, wanted};
        waiting_.push(me);
        return me.park_until(limit);
    }

    void release(int permits) {
        free_ += permits;
        let_in();
    }

private:
    struct place final : tendril::waiter {
        place(weighted_semaphore& semaphore, int permits)
            : waiter{"permits"},
              of{semaphore},
              wanted{permits} {}
        bool withdraw() noexcept override {
            unlink();
            of.let_in();
            return true;
        }

        weighted_semaphore& of;
        int wanted;
    };

    // Gives what is free to the first who wait, as far as it is enough.
    void let_in() {
        while (!waiting_.empty()) {
            auto& first = static_cast<place&>(waiting_.front());
            if (first.wanted > free_) {
                return;
            }
            free_ -= first.wanted;
            tendril::wait_queue::wake(first);
        }
    }

    int free_;
    tendril::wait_queue waiting_;
};
// DOC-END: weighted_semaphore

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [] {
        weighted_semaphore memory{10};
        auto const use = [&](char const* name, int wanted, std::chrono::milliseconds patience) {
            if (memory.acquire_until(tendril::deadline::after(patience), wanted)) {
                tendril::scope_exit const done{[&] { memory.release(wanted); }};
                std::cout << name << " has " << wanted << '\n';
                tendril::sleep_for(20ms);
                std::cout << name << " gives " << wanted << " back\n";
            } else {
                std::cout << name << " has no patience left\n";
            }
        };
        tendril::with_task_group([&](tendril::task_group& group) {
            group.spawn(use, "first", 6, 1s);
            group.spawn(use, "large", 8, 5ms);  // waits, and gives up
            group.spawn(use, "small", 3, 1s);   // would fit, and waits its turn
            group.spawn(use, "second", 9, 1s);  // waits for everything
        });
    });
}
