// SPDX-License-Identifier: BSL-1.0
// Sitting 7: nobody says any more who comes next.
//
// In 01_switch every greenlet names the one that continues. Here they only say what they wait for,
// and the hub finds out who can go on.
#include <tendril/channel.hpp>
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <iostream>

using namespace std::chrono_literals;

namespace {

// DOC: player
void play(char const* name, tendril::queue<int>& in, tendril::queue<int>& out) {
    while (true) {
        int const ball = in.get();  // parks until there is one
        if (ball == 0) {
            out.put(0);
            return;
        }
        std::cout << name << ' ' << ball << '\n';
        tendril::sleep_for(1ms);  // parks until time has passed
        out.put(ball - 1);
    }
}
// DOC-END: player

}  // namespace

int main() {
    tendril::run([] {
        tendril::queue<int> left;
        tendril::queue<int> right;
        // A group of tasks ends when all of them have ended: none outlives the queues.
        tendril::with_task_group([&](tendril::task_group& players) {
            players.spawn([&] { play("ping", left, right); });
            players.spawn([&] { play("pong", right, left); });
            std::cout << "main serves\n";
            left.put(6);
        });
        std::cout << "main leaves\n";
    });
}
