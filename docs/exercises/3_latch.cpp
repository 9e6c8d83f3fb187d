// SPDX-License-Identifier: BSL-1.0
// Exercise 3: a latch. It is made with a number; whoever waits goes on when it has been counted
// down.
//
// One queue of waiters and one word of state are enough. There is nothing to do for timeouts,
// cancel or kill: a waiter that gives up leaves the queue by itself.
#include <tendril/hub.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <iostream>

using namespace std::chrono_literals;

namespace {

// DOC: latch
class latch {
public:
    explicit latch(int count) : waiters_{"latch"}, count_{count} {}

    void count_down() {
        if (--count_ == 0) {
            waiters_.wake_all();
        }
    }

    bool wait_until(tendril::deadline limit) {
        tendril::check_interruption();
        if (count_ <= 0) {
            return true;
        }
        tendril::plain_waiter me{"latch"};
        waiters_.push(me);
        return me.park_until(limit);
    }
    void wait() { wait_until(tendril::deadline::never()); }

private:
    tendril::wait_queue waiters_;
    int count_;
};
// DOC-END: latch

}  // namespace

int main() {
    tendril::run([] {
        latch all_ready{3};
        for (int number : {1, 2, 3}) {
            tendril::spawn([&all_ready, number] {
                tendril::sleep_for(number * 1ms);
                std::cout << "runner " << number << " is ready\n";
                all_ready.count_down();
            });
        }
        bool const early = all_ready.wait_until(tendril::deadline::after(0ms));
        std::cout << "all ready at once: " << std::boolalpha << early << '\n';
        all_ready.wait();
        std::cout << "go\n";
    });
}
