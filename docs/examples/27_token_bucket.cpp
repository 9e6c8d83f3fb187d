// SPDX-License-Identifier: BSL-1.0
//
// A rate limiter: three calls at once at most, and from then on one every 100 milliseconds. The
// permits are values in a channel, and its capacity is the longest burst.
#include <tendril/channel.hpp>
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

namespace {

// DOC: limiter
class rate_limiter {
public:
    rate_limiter(std::size_t burst, std::chrono::milliseconds interval) : permits_{burst} {
        while (permits_.try_send(permit{})) {}
        clockwork_.spawn([this, interval] { refill(interval); });
    }

    void wait() { permits_.receive(); }
    bool try_pass() { return permits_.try_receive().has_value(); }

private:
    struct permit {};

    void refill(std::chrono::milliseconds interval) {
        while (true) {
            tendril::sleep_for(interval);
            permits_.try_send(permit{});  // a permit that nobody needs is lost
        }
    }

    tendril::channel<permit> permits_;
    tendril::task_group clockwork_;  // goes first: ends its task, and waits until it has ended
};
// DOC-END: limiter

void call_often() {
    rate_limiter limiter{3, 100ms};
    auto const start = tendril::now();
    auto const elapsed = [&] {
        return std::chrono::duration_cast<std::chrono::milliseconds>(tendril::now() - start)
            .count();
    };
    for (int call = 1; call <= 5; ++call) {
        limiter.wait();
        std::cout << "call " << call << " after " << elapsed() << " ms\n";
    }
    std::cout << "one more now: " << (limiter.try_pass() ? "yes" : "no") << '\n';
    tendril::sleep_for(10s);
    int calls = 0;
    while (limiter.try_pass()) {
        ++calls;
    }
    std::cout << "after a pause: " << calls << " at once\n";
}

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, call_often);
}
