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
// And whoever has begun another one by itself (`push_first`) goes on before everybody, whatever
// the order says.
//
// Invariants:
// 1. A greenlet in the queue is unstarted or ready, and is in it once.
// 2. `stop_at_` is the number of the first callback, or 0 when a `ready_order` decides or all goes
//    through the hub, or the largest number when neither is the case.
//
// Switches: never, unless a `visit` does; but the `dispatcher`, the half of the hub that does and
// says so at each function, is inline down to the jump: greenlet/switch.hpp says why.

#include <tendril/greenlet/control_block.hpp>
#include <tendril/greenlet/switch.hpp>
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/callback.hpp>
#include <tendril/support/config.hpp>
#include <tendril/support/intrusive_list.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <utility>

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

    /// Is told of every look for what is pending, before it is taken. Switches: never.
    virtual void pass_checkpoint() noexcept {}
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

    /// Adds a greenlet before all others, callbacks included, and marks it: a `ready_order` must
    /// take the first that is marked. Returns what `parked_on` was; whoever goes on puts it back.
    void* push_first(control_block& block) noexcept {
        put_back(block);
        return std::exchange(block.parked_on, this);
    }

    /// Adds a callback, behind all greenlets and callbacks that are in the queue.
    void push(callback& added) noexcept;

    /// Takes out the next greenlet if it is its turn and nobody has to decide; else returns null,
    /// and the hub must look.
    // DOC: pop_direct
    control_block* pop_direct() noexcept {
        control_block* const next = head_;
        if (next == nullptr || popped_ >= stop_at_) {
            return nullptr;
        }
        unlink_first();
        fetch_ahead();
        return next;
    }
    // DOC-END: pop_direct

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
    // Asks for the memory of the next but one, which among many is in no near cache: the registers
    // that its stack gives back, on two lines, and the block behind it.
    TENDRIL_ALWAYS_INLINE void fetch_ahead() const noexcept {
        control_block const* const second = head_ == nullptr ? nullptr : head_->next_ready;
        if (second != nullptr) {
            // One that has not begun has none; asking for what is not there gets nothing.
            auto const saved = reinterpret_cast<std::uintptr_t>(second->machine.resume_point);
            __builtin_prefetch(reinterpret_cast<void const*>(saved));
            __builtin_prefetch(reinterpret_cast<void const*>(saved + 64));
            __builtin_prefetch(second->next_ready);
        }
    }
    void look_for_stop() noexcept;
    bool may_be_next(control_block const& block) const noexcept;
    control_block** decide() noexcept;

    control_block* head_ = nullptr;
    control_block** tail_ = &head_;
    // Not from zero: `popped_` falls below its beginning when one comes first that was not last.
    std::uint64_t pushed_ = std::uint64_t{1} << 32U;
    std::uint64_t popped_ = std::uint64_t{1} << 32U;
    std::uint64_t stop_at_ = UINT64_MAX;
    ready_order* order_ = nullptr;
    bool through_hub_ = false;
    intrusive_list<callback> callbacks_;
};

/// What a hub is doing.
enum class hub_stage : std::uint8_t {
    open,
    closing,
    closed,
    /// This is the child of a fork, and nobody has asked for the hub there.
    forked,
};

/// The half of the hub that everybody who waits goes through: whoever leaves continues the next.
class dispatcher {
public:
    dispatcher(dispatcher const&) = delete;
    dispatcher& operator=(dispatcher const&) = delete;

    /// Lets a parked greenlet run in its turn. Requires: its wait is settled.
    /// Switches: never. Thread: hub.
    void make_ready(control_block& block) noexcept {
        block.state.store(greenlet_state::ready, std::memory_order_relaxed);
        queue(block);
    }

    /// Suspends the running greenlet as parked or ready and continues whoever is next.
    /// Switches: may. Thread: hub.
    TENDRIL_ALWAYS_INLINE void leave(greenlet_state leaves_as, jump_function how) {
        thread_.transfer = nullptr;
        switch_stacks(thread_, next(), leaves_as, how);
        finish_arrival(thread_);
    }

    /// Suspends the running greenlet and continues one that has just got its stack. When that one
    /// leaves for the first time, the caller goes on, before everybody else: nobody runs meanwhile,
    /// but for the loop when the turn's budget is used up. Switches: may. Thread: hub.
    // DOC: step_into
    TENDRIL_ALWAYS_INLINE void step_into(control_block& begun, jump_function how) {
        control_block& self = *thread_.current;
        void* const mark = ready_.push_first(self);
        if (wants_turn_) [[unlikely]] {
            ask_for_turn();
        }
        thread_.transfer = nullptr;
        int const share_left = std::exchange(share_left_, share_);
        switch_stacks(thread_, begun, greenlet_state::ready, how);
        share_left_ = share_left;
        self.parked_on = mark;
        finish_arrival(thread_);
    }
    // DOC-END: step_into

    /// Lets everybody run who is ready now. Switches: may. Thread: hub.
    TENDRIL_ALWAYS_INLINE void leave_ready(jump_function how = jump_and_return) {
        if (ready_.empty() && --budget_left_ >= 0) {
            share_left_ = share_;
            return;
        }
        queue(*thread_.current);
        leave(greenlet_state::ready, how);
    }

    /// Says whether anybody could run now if the caller left. Switches: never. Thread: hub.
    bool others_are_ready() const noexcept { return !ready_.empty(); }

    /// Takes `steps` from the turn's budget for something that succeeded at once. Returns whether
    /// the caller has made its share of them in a row: then it yields before it goes on. When only
    /// the budget is used up it goes on, and the next switch leads to the loop. For who was sent
    /// behind all others in the middle of an answer would keep its client waiting for twice as long
    /// as anybody else's. Switches: never. Thread: hub.
    bool spend(int steps) noexcept {
        budget_left_ -= steps;
        return (share_left_ -= steps) < 0;
    }

    /// Says whether the caller runs in a callback of this hub, where nobody may park.
    /// Switches: never. Thread: hub.
    bool in_callback() const noexcept { return thread_.current == loop_; }

    /// Checks that the caller may park: misuse in a callback, and in the scope of a `no_switch`.
    /// Switches: never. Thread: hub.
    void require_may_park() const {
        if (!may_park()) [[unlikely]] {
            refuse_to_park();
        }
    }
    bool may_park() const noexcept { return !in_callback() && switches_refused_ == 0; }

    /// Checks that the hub may be waited in: misuse in the child of a fork. Switches: never.
    void require_not_forked() const {
        if (must_be_reset()) [[unlikely]] {
            refuse_in_child();
        }
    }

    /// Says whether that is so: this is the child of a fork, and nobody has reset the hub.
    /// Switches: never.
    bool must_be_reset() const noexcept { return stage_ == hub_stage::forked; }

    /// The thread of this hub. Switches: never.
    thread_record& thread() const noexcept { return thread_; }

protected:
    explicit dispatcher(thread_record& thread, int budget) noexcept
        : thread_{thread},
          budget_left_{budget},
          share_{std::min(budget, most_in_a_row)},
          share_left_{share_} {}
    ~dispatcher() = default;

    control_block& next() noexcept {
        share_left_ = share_;
        if (--budget_left_ >= 0) [[likely]] {
            if (control_block* const ready = ready_.pop_direct()) {
                if (ready->state.load(std::memory_order_relaxed) != greenlet_state::unstarted)
                    [[likely]] {
                    return *ready;
                }
                return begin_or_leave_to_loop(*ready);
            }
        }
        return *loop_;
    }

    // Adds a greenlet to the ready queue. An embedded hub may have to ask for a turn.
    void queue(control_block& block) noexcept {
        ready_.push(block);
        if (wants_turn_) [[unlikely]] {
            ask_for_turn();
        }
    }

    /// Gives an unstarted greenlet its stack. Returns why there is none, or null.
    std::exception_ptr begin(control_block& block) noexcept;

    static constexpr int most_in_a_row = 64;

    thread_record& thread_;
    ready_queue ready_;
    int budget_left_;
    /// How many steps a greenlet makes in a row at most, and how many are left to the running one.
    /// Who goes on in its old place, after an `offer_switch` or a `step_into`, goes on with what
    /// was left to it.
    int const share_;
    int share_left_;
    /// How many scopes of the running greenlet refuse switches.
    int switches_refused_ = 0;
    /// The greenlet of the loop; for an embedded hub, the thread's own stack.
    control_block* loop_ = nullptr;
    hub_stage stage_ = hub_stage::open;
    /// Embedded, and no turn is under way or has been asked for.
    bool wants_turn_ = false;

private:
    [[gnu::noinline]] control_block& begin_or_leave_to_loop(control_block& first) noexcept;
    TENDRIL_COLD void ask_for_turn() noexcept;
    [[noreturn]] TENDRIL_COLD void refuse_to_park() const;
    [[noreturn]] TENDRIL_COLD void refuse_in_child() const;
};

}  // namespace tendril
