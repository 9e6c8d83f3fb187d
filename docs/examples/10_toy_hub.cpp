// SPDX-License-Identifier: BSL-1.0
// Sitting 5: a hub of eighty lines, on greenlets alone.
//
// A hub is a greenlet that decides who runs next. Whoever has to wait tells the hub what for, and
// switches to it; the hub keeps a queue of those who are ready and a list of those who sleep. The
// real hub (lib/hub/hub.cpp) has the same shape; it adds a reactor, other threads, and ways to be
// interrupted.
#include <tendril/greenlet.hpp>

#include <algorithm>
#include <deque>
#include <functional>
#include <iostream>
#include <vector>

using tendril::greenlet;

namespace {

// DOC: toy_hub
class toy_hub {
public:
    toy_hub() : loop_{[this] { loop(); }} {}

    // Makes a greenlet that will run in its turn. Its parent is the hub: when it ends, control
    // comes back to the loop.
    void spawn(std::function<void()> function) {
        ready_.push_back(greenlet{[function] { function(); }, {.parent = loop_}});
    }

    // Suspends the caller; it stands at the end of the queue.
    void yield() {
        ready_.push_back(greenlet::current());
        loop_.switch_to();
    }

    // Suspends the caller until `ticks` of the toy's time have passed.
    void sleep(int ticks) {
        asleep_.push_back({now_ + ticks, greenlet::current()});
        loop_.switch_to();
    }

    // Runs everybody until nobody is left.
    void run() { loop_.switch_to(); }

    int now() const { return now_; }

private:
    struct sleeper {
        int wakes_at;
        greenlet who;
    };

    void loop() {
        while (!ready_.empty() || !asleep_.empty()) {
            if (ready_.empty()) {
                let_time_pass();
            }
            greenlet next = ready_.front();
            ready_.pop_front();
            next.switch_to();  // comes back when it waits, yields, or ends
        }
    }

    // Nobody can run before the first sleeper wakes, so that is what time it is.
    void let_time_pass() {
        auto const first = std::min_element(
            asleep_.begin(), asleep_.end(),
            [](sleeper const& a, sleeper const& b) { return a.wakes_at < b.wakes_at; });
        now_ = first->wakes_at;
        ready_.push_back(first->who);
        asleep_.erase(first);
    }

    greenlet loop_;
    std::deque<greenlet> ready_;
    std::vector<sleeper> asleep_;
    int now_ = 0;
};
// DOC-END: toy_hub

}  // namespace

int main() {
    toy_hub hub;
    for (int number : {3, 1, 2}) {
        hub.spawn([&hub, number] {
            std::cout << hub.now() << ": " << number << " begins\n";
            hub.sleep(number * 10);
            std::cout << hub.now() << ": " << number << " is awake\n";
            hub.yield();
            std::cout << hub.now() << ": " << number << " ends\n";
        });
    }
    hub.run();
    std::cout << hub.now() << ": nobody is left\n";
}
