// SPDX-License-Identifier: BSL-1.0
//
// First every arm is asked whether it is ready. When none is, each stands in its queue with a part
// of one waiter, and the greenlet parks on that one.
//
// Invariants:
// 1. Nothing runs between asking the arms and standing in their queues, so no wake is missed.
// 2. An arm stands in its queue only while the greenlet waits: a wake, a limit or an interruption
//    takes all of them out in the same step (`withdraw`).
// 3. At most one part has been woken; its arm is the one that completes.
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/random.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/sync/select.hpp>

#include <algorithm>

namespace tendril {
namespace {

using arm_list = std::span<select_arm* const>;

class select_waiter final : public waiter {
public:
    explicit select_waiter(arm_list arms) : waiter{"select"}, arms_{arms} {}

    void leave_all() noexcept {
        for (select_arm* const arm : arms_) {
            arm->leave();
        }
    }

private:
    bool withdraw() noexcept override {
        leave_all();
        return true;
    }
    void leave_in_child() noexcept override { leave_all(); }

    arm_list arms_;
};

// The index of the first arm that answers yes, or the number of arms.
template <typename Question>
std::size_t first_that(arm_list arms, Question question) {
    auto const found = std::find_if(
        arms.begin(), arms.end(), [&](select_arm* const arm) { return question(*arm); });
    return static_cast<std::size_t>(found - arms.begin());
}

// The index of an arm that is ready, or the number of arms. The n-th that is found takes the place
// of the one that was chosen before with a probability of 1/n, which is fair to all.
std::size_t choose_ready(arm_list arms, select_order order) {
    std::size_t chosen = arms.size();
    std::uint64_t found = 0;
    for (std::size_t index = 0; index < arms.size(); ++index) {
        if (!arms[index]->ready()) {
            continue;
        }
        ++found;
        if (found == 1 || random_below(this_hub().random(), found) == 0) {
            chosen = index;
        }
        if (order == select_order::as_written) {
            break;
        }
    }
    return chosen;
}

std::size_t wait_for_one(arm_list arms) {
    select_waiter me{arms};
    // For when one of them cannot enlist; else they have left already.
    scope_exit const leave{[&] { me.leave_all(); }};
    for (select_arm* const arm : arms) {
        arm->enlist(me);
    }
    auto const by_limit = [](select_arm const* a, select_arm const* b) {
        return a->limit() < b->limit();
    };
    auto const earliest = std::min_element(arms.begin(), arms.end(), by_limit);
    if (!me.park_until((*earliest)->limit())) {
        return static_cast<std::size_t>(earliest - arms.begin());
    }
    std::size_t const winner = first_that(arms, [](select_arm& arm) { return arm.woken(); });
    TENDRIL_ASSERT(winner < arms.size(), "select invariant 3");
    return winner;
}

}  // namespace

std::size_t select(arm_list arms, select_order order) {
    TENDRIL_REQUIRE(!arms.empty(), "select() of nothing would wait for ever: give it an arm");
    check_interruption();
    std::size_t chosen = choose_ready(arms, order);
    if (chosen < arms.size()) {
        arms[chosen]->complete();
    } else {
        chosen = first_that(arms, [](select_arm& arm) { return arm.is_otherwise(); });
        if (chosen == arms.size()) {
            chosen = wait_for_one(arms);
        }
    }
    arms[chosen]->finish();
    return chosen;
}

}  // namespace tendril
