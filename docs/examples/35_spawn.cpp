// SPDX-License-Identifier: BSL-1.0
// Four ways to start a task, and one to end it: in its turn, at once, later, and killed.
#include <tendril/hub.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <iostream>
#include <string>

using namespace std::chrono_literals;

namespace {

void say(std::string const& what) { std::cout << what << '\n'; }

// DOC: turn
void in_its_turn() {
    auto const t = tendril::spawn([] { say("  the task"); });
    say("  the spawner");
    t.join();
}
// DOC-END: turn

// DOC: eager
void at_once() {
    auto const t = tendril::spawn_eager([] {
        say("  the task, until it waits");
        tendril::sleep_for(1ms);
        say("  the task, to its end");
    });
    say("  the spawner");
    t.join();
}
// DOC-END: eager

// DOC: tree
long sum_of_tree(long first, long leaves) {
    if (leaves == 1) {
        return first;
    }
    long const half = leaves / 2;
    auto left = tendril::spawn_eager(sum_of_tree, first, half);
    auto right = tendril::spawn_eager(sum_of_tree, first + half, leaves - half);
    return left.get() + right.get();
}
// DOC-END: tree

// DOC: later
void later() {
    auto const reminder = tendril::spawn_after(1ms, [] { say("  a reminder"); });
    auto const never = tendril::spawn_after(1h, [] { say("  never"); });
    never.cancel();
    std::cout << "  cancelled before it began: " << never.done() << '\n';
    reminder.join();
}
// DOC-END: later

// DOC: kill
void kill_and_wait() {
    auto const worker = tendril::spawn({.name = "worker"}, [] {
        try {
            tendril::sleep_for(1h);
        } catch (tendril::greenlet_exit const&) {
            tendril::sleep_for(2ms);  // puts its things in order
            throw;
        }
    });
    tendril::yield();
    bool const soon = worker.kill_and_join(1ms);
    std::cout << "  dead within 1 ms: " << soon << '\n';
    worker.join();
    std::cout << "  dead: " << worker.done() << '\n';
}
// DOC-END: kill

}  // namespace

int main() {
    std::cout << std::boolalpha;
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [] {
        say("in its turn");
        in_its_turn();
        say("at once");
        at_once();
        std::cout << "a tree of ten thousand leaves: " << sum_of_tree(0, 10'000) << '\n';
        say("later");
        later();
        say("killed");
        kill_and_wait();
    });
}
