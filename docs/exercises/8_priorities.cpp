// SPDX-License-Identifier: BSL-1.0
// Exercise 8: a scheduler with priorities, whose greenlets may fail.
//
// The loop of the toy hub takes the oldest of those who are ready; this one takes the most urgent,
// and among equals the oldest. As the loop is their parent, what they throw arrives in it, at its
// own switch_to(), and costs it no more than a handler there.
#include <tendril/greenlet.hpp>

#include <cstdint>
#include <functional>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>

using tendril::greenlet;

namespace {

// DOC: priorities
class scheduler {
public:
    scheduler() : loop_{[this] { return loop(); }} {}

    void spawn(int urgency, std::function<void()> function) {
        make_ready({-urgency, ++count_}, greenlet{std::move(function), {.parent = loop_}});
    }

    // Lets those who are more urgent, and older ones as urgent, go first.
    void yield() {
        make_ready({running_.first, ++count_}, greenlet::current());
        loop_.switch_to();
    }

    // Comes back when nobody is left, and says how many have failed.
    int run() { return loop_.switch_to().as<int>(); }

private:
    // The most urgent comes first in a map of these.
    using place = std::pair<int, std::uint64_t>;

    void make_ready(place where, greenlet who) { ready_.emplace(where, std::move(who)); }

    int loop() {
        int failed = 0;
        while (!ready_.empty()) {
            auto const first = ready_.begin();
            running_ = first->first;
            greenlet const next = std::move(first->second);
            ready_.erase(first);
            try {
                next.switch_to();  // comes back when it yields, ends or fails
            } catch (std::exception const& error) {
                std::cout << next << ": " << error.what() << '\n';
                ++failed;
            }
        }
        return failed;
    }

    greenlet loop_;
    std::map<place, greenlet> ready_;
    place running_;
    std::uint64_t count_ = 0;
};
// DOC-END: priorities

}  // namespace

int main() {
    scheduler all;
    auto const work = [&all](std::string const& name, int steps) {
        for (int step = 1; step <= steps; ++step) {
            std::cout << name << ", step " << step << '\n';
            all.yield();
        }
    };
    all.spawn(1, [&] { work("tidy up", 2); });
    all.spawn(2, [&] { work("answer", 2); });
    all.spawn(2, [&] {
        work("report", 1);
        throw std::runtime_error{"the printer is out of paper"};
    });
    all.spawn(1, [&] {
        std::cout << "an alarm comes in\n";
        all.spawn(9, [&] { work("alarm", 2); });
        all.yield();
        std::cout << "the alarm is over\n";
    });
    int const failed = all.run();
    std::cout << "failed: " << failed << '\n';
}
