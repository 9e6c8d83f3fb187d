// SPDX-License-Identifier: BSL-1.0
#pragma once

// Who runs next: one queue, first in, first out, for greenlets and for the hub's callbacks.
//
// Greenlets are linked through their control blocks. Callbacks stand in a list of their own, each
// with the number of greenlets that were queued before it; it is the callback's turn when that many
// have left. So a greenlet that parks can hand over to the next one by looking at two numbers, and
// goes to the hub only when a callback stands between them: callbacks run on the hub's stack.
//
// A `ready_order` decides instead when a test has one. What is promised binds it: whoever yields
// lets all run who are ready then, so one that has yielded is in the choice only when it is first.
//
// Invariants:
// 1. A greenlet in the queue is unstarted or ready, and is in it once.
// 2. `stop_at_` is the number of the first callback, or 0 when a `ready_order` decides or all goes
//    through the hub, or the largest number when neither is the case.
//
// Switches: never, unless a `visit` does.

#include <tendril/greenlet/control_block.hpp>
#include <tendril/hub/callback.hpp>
#include <tendril/support/intrusive_list.hpp>

#include <cstddef>
#include <cstdint>

namespace tendril {

/// Decisions that are free: which of several ready greenlets runs next, and whether a call that may
/// park lets others run although it has no need to. Tests replace it.
class ready_order {
public:
    virtual ~ready_order() = default;

    /// Returns which of `count` greenlets runs next, the longest waiting being 0. Those are the
    /// ready ones, but for one that has yielded to others which have not run yet.
    /// Requires of it: a number below `count`. Switches: never.
    virtual std::size_t choose(std::size_t count) noexcept = 0;

    /// Says whether the function that is being entered, one that may switch, lets others run first.
    /// Switches: never.
    virtual bool switches_now() noexcept { return false; }
};

class ready_queue {
public:
    ready_queue() noexcept = default;
    ready_queue(ready_queue const&) = delete;
    ready_queue& operator=(ready_queue const&) = delete;

    /// Says whether nobody waits for a turn.
    bool empty() const noexcept { return head_ == nullptr && callbacks_.empty(); }

    /// Adds a greenlet. Requires: it is not in the queue.
    void push(control_block& block) noexcept {
        block.next_ready = nullptr;
        *tail_ = &block;
        tail_ = &block.next_ready;
        ++pushed_;
    }

    /// Puts the greenlet back that `pop_direct` has just taken out.
    void put_back(control_block& block) noexcept {
        block.next_ready = head_;
        if (head_ == nullptr) {
            tail_ = &block.next_ready;
        }
        head_ = &block;
        --popped_;
    }

    /// Adds a callback, behind all greenlets and callbacks that are in the queue.
    void push(callback& added) noexcept;

    /// Takes out the next greenlet if it is its turn and nobody has to decide; else returns null,
    /// and the hub must look.
    control_block* pop_direct() noexcept {
        control_block* const next = head_;
        if (next == nullptr || popped_ >= stop_at_) {
            return nullptr;
        }
        unlink_first();
        return next;
    }

    /// For the hub: takes out the next callback if it is its turn; else returns null.
    callback* pop_callback() noexcept;

    /// For the hub: takes out the next callback, whose turn it may not be; null when there is none.
    callback* pop_any_callback() noexcept;

    /// For the hub: takes out the next greenlet, as the order says; null when there is none.
    control_block* pop_greenlet() noexcept;

    /// Lets `order` decide from now on; null means first in, first out.
    void set_order(ready_order* order) noexcept;

    /// Whether every greenlet is taken out by the hub, and none by the one that leaves.
    void go_through_hub(bool always) noexcept;

    /// Who decides; null when nobody does.
    ready_order* order() const noexcept { return order_; }

    /// Calls `visit(control_block&)` for each greenlet in the queue.
    template <typename F>
    void for_each(F&& visit) {
        for (control_block* at = head_; at != nullptr; at = at->next_ready) {
            visit(*at);
        }
    }

    /// How many greenlets are in the queue.
    std::size_t size() const noexcept { return static_cast<std::size_t>(pushed_ - popped_); }

private:
    void unlink_first() noexcept {
        head_ = head_->next_ready;
        if (head_ == nullptr) {
            tail_ = &head_;
        }
        ++popped_;
    }
    void look_for_stop() noexcept;
    bool may_be_next(control_block const& block) const noexcept;
    control_block** decide() noexcept;

    control_block* head_ = nullptr;
    control_block** tail_ = &head_;
    std::uint64_t pushed_ = 0;
    std::uint64_t popped_ = 0;
    std::uint64_t stop_at_ = UINT64_MAX;
    ready_order* order_ = nullptr;
    bool through_hub_ = false;
    intrusive_list<callback> callbacks_;
};

}  // namespace tendril
