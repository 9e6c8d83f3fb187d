// SPDX-License-Identifier: BSL-1.0
// Exercise 2: teach the toy hub of 10_toy_hub.cpp to wait for the end of a greenlet.
//
// A task remembers who waits for it. The one who waits leaves without standing in the ready queue;
// the task puts it back when it ends. Nothing else in the loop changes: that is what parking is.
#include <tendril/greenlet.hpp>

#include <deque>
#include <functional>
#include <iostream>
#include <memory>
#include <vector>

using tendril::greenlet;

namespace {

// DOC: toy_join
struct toy_task {
    bool done = false;
    std::vector<greenlet> joiners;
};

class toy_hub {
public:
    toy_hub() : loop_{[this] { loop(); }} {}

    std::shared_ptr<toy_task> spawn(std::function<void()> function) {
        auto task = std::make_shared<toy_task>();
        ready_.push_back(greenlet{
            [this, task, function] {
                function();
                task->done = true;
                for (greenlet& each : task->joiners) {
                    ready_.push_back(std::move(each));
                }
            },
            {.parent = loop_}});
        return task;
    }

    void join(toy_task& task) {
        if (!task.done) {
            task.joiners.push_back(greenlet::current());
            loop_.switch_to();
        }
    }

    void yield() {
        ready_.push_back(greenlet::current());
        loop_.switch_to();
    }

    void run() { loop_.switch_to(); }

private:
    void loop() {
        while (!ready_.empty()) {
            greenlet next = std::move(ready_.front());
            ready_.pop_front();
            next.switch_to();
        }
    }

    greenlet loop_;
    std::deque<greenlet> ready_;
};
// DOC-END: toy_join

}  // namespace

int main() {
    toy_hub hub;
    auto slow = hub.spawn([&] {
        for (int step = 1; step <= 3; ++step) {
            std::cout << "slow: step " << step << '\n';
            hub.yield();
        }
    });
    for (int number : {1, 2}) {
        hub.spawn([&hub, slow, number] {
            std::cout << "waiter " << number << " waits\n";
            hub.join(*slow);
            std::cout << "waiter " << number << " goes on\n";
        });
    }
    hub.run();
}
