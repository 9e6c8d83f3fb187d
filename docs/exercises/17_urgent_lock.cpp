// SPDX-License-Identifier: BSL-1.0
// Exercise 17: a lock that goes to the most urgent of those who wait.
//
// One queue for each urgency, and the same invariant as that of `mutex`: while anybody waits, the
// lock has an owner. `unlock` changes the owner before it wakes, so nobody barges in between.
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/support.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <array>
#include <iostream>
#include <memory>

namespace {

// DOC: urgent_lock
enum class urgency : std::size_t { high, usual, low };

class urgent_lock {
public:
    void lock(urgency how = urgency::usual) {
        tendril::check_interruption();
        if (owner_ == nullptr) {
            owner_ = tendril::this_thread().current;
            return;
        }
        tendril::plain_waiter me{"an urgent_lock"};
        waiting_[static_cast<std::size_t>(how)].push(me);
        me.park();  // the owner when it returns; not in the queue when it throws
    }

    void unlock() {
        for (tendril::wait_queue& queue : waiting_) {
            if (!queue.empty()) {
                tendril::waiter& next = queue.front();
                owner_ = &next.block();
                tendril::wait_queue::wake(next);
                return;
            }
        }
        owner_ = nullptr;
    }

private:
    tendril::control_block* owner_ = nullptr;
    std::array<tendril::wait_queue, 3> waiting_{
        tendril::wait_queue{"an urgent_lock"}, tendril::wait_queue{"an urgent_lock"},
        tendril::wait_queue{"an urgent_lock"}};
};
// DOC-END: urgent_lock

}  // namespace

int main() {
    tendril::run([] {
        urgent_lock door;
        auto const pass = [&](char const* name, urgency how) {
            door.lock(how);
            tendril::scope_exit const leave{[&] { door.unlock(); }};
            std::cout << name << '\n';
            tendril::yield();
        };
        tendril::with_task_group([&](tendril::task_group& group) {
            door.lock();
            tendril::scope_exit const leave{[&] { door.unlock(); }};
            group.spawn(pass, "a cleaner", urgency::low);
            group.spawn(pass, "a clerk", urgency::usual);
            auto const gives_up = group.spawn(pass, "a doctor who is called away", urgency::high);
            group.spawn(pass, "a doctor", urgency::high);
            group.spawn(pass, "another clerk", urgency::usual);
            tendril::yield();  // they all stand at the door now
            gives_up.cancel();
        });
    });
}
