// SPDX-License-Identifier: BSL-1.0
// Exercise 13: a wake and a cancel of the same greenlet, in one step, in both orders.
//
// Whoever settles the park first wins. The loser is told so (`wake` returns false and keeps the
// item) or waits for the next park (a cancellation stays pending). Nothing is lost either way.
#include <tendril/hub.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <iostream>

namespace {

// DOC: who_comes_first
struct getter final : tendril::waiter {
    getter() : waiter{"an item"} {}
    int item = 0;
};

enum class first : bool { wake, cancel };

void settle_twice(first comes_first) {
    getter* place = nullptr;
    auto waits = tendril::spawn([&] {
        getter me;
        place = &me;
        try {
            me.park();
            std::cout << "  woken with item " << me.item << '\n';
            tendril::yield();
            std::cout << "  nothing was pending\n";
        } catch (tendril::cancelled const&) {
            bool const has_it = me.settled() == tendril::waiter::outcome::woken;
            std::cout << "  cancelled, " << (has_it ? "with" : "without") << " the item\n";
        }
    });
    tendril::yield();  // it has parked now

    if (comes_first == first::cancel) {
        waits.cancel();
    }
    if (place->wake()) {
        place->item = 7;  // it cannot have run yet, and nobody can take this away any more
        std::cout << "  the wake has won\n";
    } else {
        std::cout << "  the wake came too late: the item is still mine\n";
    }
    if (comes_first == first::wake) {
        waits.cancel();
    }
    waits.join();
}
// DOC-END: who_comes_first

}  // namespace

int main() {
    tendril::run([] {
        std::cout << "wake, then cancel:\n";
        settle_twice(first::wake);
        std::cout << "cancel, then wake:\n";
        settle_twice(first::cancel);
    });
}
