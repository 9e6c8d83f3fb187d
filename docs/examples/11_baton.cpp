// SPDX-License-Identifier: BSL-1.0
// A primitive of one's own, to see the life of a park: a greenlet waits, and somebody passes it a
// value.
//
// docs/internals/40-waiter.md goes through it line by line.
#include <tendril/hub.hpp>
#include <tendril/support/intrusive_list.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <iostream>
#include <optional>
#include <string>
#include <utility>

using namespace std::chrono_literals;

namespace {

// DOC: baton
class baton {
public:
    // Gives the value to the one who has waited longest, or keeps it for the next who comes.
    void pass(int value) {
        if (takers_.empty()) {
            stored_ = value;
        } else {
            auto& taker = static_cast<taking&>(*takers_.pop_front());
            taker.value = value;
            taker.wake();
        }
    }
    // Waits for a value. Empty when the limit has run out.
    std::optional<int> take_until(tendril::deadline limit) {
        tendril::check_interruption();
        if (stored_) {
            return std::exchange(stored_, std::nullopt);
        }
        taking me;
        takers_.push_back(me);
        me.park_until(limit);
        return me.value;
    }

private:
    struct taking final : tendril::waiter {
        taking() : waiter{"a baton"} {}
        std::optional<int> value;
    };
    tendril::intrusive_list<tendril::waiter> takers_;
    std::optional<int> stored_;
};
// DOC-END: baton

}  // namespace

int main() {
    tendril::run([] {
        baton ours;
        auto const take = [&](tendril::deadline limit) {
            auto const value = ours.take_until(limit);
            std::cout << (value ? "it was passed " : "nobody came");
            std::cout << (value ? std::to_string(*value) : "") << '\n';
        };
        auto woken = tendril::spawn(take, tendril::deadline::never());
        tendril::yield();
        ours.pass(1);
        woken.join();

        auto late = tendril::spawn(take, tendril::deadline::after(1ms));
        late.join();

        auto interrupted = tendril::spawn(take, tendril::deadline::never());
        tendril::yield();
        interrupted.cancel();
        interrupted.join();
        std::cout << "cancelled: " << std::boolalpha << interrupted.was_cancelled() << '\n';

        ours.pass(2);  // nobody waits: the others have left
        take(tendril::deadline::never());
    });
}
