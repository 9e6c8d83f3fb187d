// SPDX-License-Identifier: BSL-1.0
#include <tendril/hub/ready_queue.hpp>
#include <tendril/support/assert.hpp>

namespace tendril {

void ready_queue::push(callback& added) noexcept {
    added.position_ = pushed_;
    callbacks_.push_back(added);
    look_for_stop();
}

callback* ready_queue::pop_callback() noexcept {
    bool const due = !callbacks_.empty() && callbacks_.front().position_ <= popped_;
    callback* const taken = due ? callbacks_.pop_front() : nullptr;
    look_for_stop();
    return taken;
}

callback* ready_queue::pop_any_callback() noexcept {
    callback* const taken = callbacks_.pop_front();
    look_for_stop();
    return taken;
}

// One that was woken is still marked with what it was parked on, and one that was made to switch
// with the hub; so a mark is missing only where a greenlet has yielded by itself.
bool ready_queue::may_be_next(control_block const& block) const noexcept {
    return &block == head_ || block.parked_on != nullptr ||
        block.state == greenlet_state::unstarted;
}

// Returns the link to the greenlet that must be next, or that the order has chosen.
control_block** ready_queue::decide() noexcept {
    std::size_t count = 0;
    for (control_block** link = &head_; *link != nullptr; link = &(*link)->next_ready) {
        if ((*link)->parked_on == this) {
            return link;
        }
        count += may_be_next(**link) ? 1U : 0U;
    }
    std::size_t chosen = order_->choose(count);
    TENDRIL_ASSERT(chosen < count, "a ready_order chooses among those who are ready");
    control_block** link = &head_;
    while (chosen > 0 || !may_be_next(**link)) {
        chosen -= may_be_next(**link) ? 1U : 0U;
        link = &(*link)->next_ready;
    }
    return link;
}

control_block* ready_queue::pop_greenlet() noexcept {
    if (head_ == nullptr) {
        return nullptr;
    }
    control_block** const link = order_ == nullptr ? &head_ : decide();
    control_block* const taken = *link;
    *link = taken->next_ready;
    if (tail_ == &taken->next_ready) {
        tail_ = link;
    }
    ++popped_;
    return taken;
}

void ready_queue::set_order(ready_order* order) noexcept {
    order_ = order;
    look_for_stop();
}

void ready_queue::go_through_hub(bool always) noexcept {
    through_hub_ = always;
    look_for_stop();
}

// A cancelled callback has left the list without telling; until the hub looks next, `stop_at_` may
// therefore be too early, which costs a detour and nothing else.
void ready_queue::look_for_stop() noexcept {
    if (order_ != nullptr || through_hub_) {
        stop_at_ = 0;
    } else {
        stop_at_ = callbacks_.empty() ? UINT64_MAX : callbacks_.front().position_;
    }
}

}  // namespace tendril
