// SPDX-License-Identifier: BSL-1.0
// At most two requests at a time (a semaphore), at most one start in ten milliseconds (an
// auto_reset_event that a clockwork sets).
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/support.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

namespace {

// DOC: limiter
class limiter {
public:
    template <typename F>
    void call(F const& request) {
        at_a_time_.acquire();
        tendril::scope_exit const done{[this] { at_a_time_.release(); }};
        tick_.wait();  // one tick lets one request through
        request();
    }

    void tick_for_ever() {
        while (true) {
            tick_.set();  // a tick that nobody uses is kept, and two are one
            tendril::sleep_for(10ms);
        }
    }

private:
    tendril::bounded_semaphore at_a_time_{2};
    tendril::auto_reset_event tick_;
};
// DOC-END: limiter

}  // namespace

int main() {
    tendril::run([] {
        limiter limit;
        tendril::with_task_group([&](tendril::task_group& all) {
            all.spawn([&] { limit.tick_for_ever(); });
            auto const start = std::chrono::steady_clock::now();
            tendril::with_task_group([&](tendril::task_group& requests) {
                for (int number = 1; number <= 5; ++number) {
                    requests.spawn([&limit, number] {
                        limit.call([number] {
                            std::cout << "request " << number << " begins\n";
                            tendril::sleep_for(15ms);
                        });
                    });
                }
            });
            bool const slow_enough = std::chrono::steady_clock::now() - start >= 50ms;
            std::cout << (slow_enough ? "within the limit\n" : "too fast\n");
            all.cancel();  // the clockwork would go on for ever
        });
    });
}
