// SPDX-License-Identifier: BSL-1.0
//
// The end of a hub, and the moment when nobody can be woken any more.
//
// Closing: every greenlet of the hub is asked to exit, and the one who closes parks until they are
// gone. The loop turns meanwhile, so a destructor that flushes a stream can finish, and what was
// queued or posted before is called. Then those are ended that were suspended by hand; not before,
// because they may be waiting for one that is in the hub, and outlive its cleanup. That goes on
// until nothing is left to do: no greenlet that may still end, no mail, no call. From the moment
// when the mailbox refuses mail, that comes for sure.
//
// A greenlet that swallows its exits again and again, or whose cleanup waits for what can never
// happen, is reported and stranded: it stays as it is for ever, its stack is never freed, nothing
// that it waits for can wake it, and no later hub of the thread waits for it.
#include "deadlock_notice.hpp"
#include "mailbox.hpp"
#include "pending_list.hpp"
#include "reactor.hpp"

#include <tendril/hub/errors.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/assert.hpp>

#include <sstream>
#include <utility>

namespace tendril {

namespace {

class closing_waiter final : public waiter {
public:
    closing_waiter() : waiter{"the end of all other greenlets"} {}
};

std::string list_parked(thread_record& thread) {
    std::ostringstream text;
    thread.blocks.for_each([&](control_block& block) {
        if (block.state == greenlet_state::parked && block.parked_on != nullptr) {
            text << "\n  " << greenlet_ref{block} << ", waits for "
                 << static_cast<waiter*>(block.parked_on)->what() << detail::place_of(block);
        }
    });
    return text.str();
}

// The error for who waits in vain; without memory for it, that is the error.
std::exception_ptr wait_in_vain(char const* why, thread_record& thread) noexcept {
    try {
        return std::make_exception_ptr(would_block_forever{why + list_parked(thread)});
    } catch (...) {
        return std::current_exception();
    }
}

constexpr char const* cleanup_waits =
    "the hub closes, and cleanup waits for what can never happen:";

// Whether the hub will run it, now or some time.
bool is_in_the_hub(control_block const& block) noexcept {
    greenlet_state const state = block.state;
    return state == greenlet_state::parked || state == greenlet_state::ready ||
        (state == greenlet_state::unstarted && block.scheduled);
}

// Whether a greenlet has had its chances to end and has not taken them.
bool refuses_to_end(control_block const& block) noexcept {
    return block.exits_delivered >= pending_list::exit_attempts && !exit_requested(block);
}

}  // namespace

void hub::close() {
    require_own_thread();
    if (stage_ == stage::forked) {
        close_after_fork();
        return;
    }
    if (stage_ != stage::open || of(thread_) != this) {
        // Closed before, or never made to the end.
        return;
    }
    if (embedded_) {
        require_not_in_handler();
    }
    TENDRIL_REQUIRE(
        embedded_ || !in_callback(),
        "close() waits for greenlets to end, so it cannot be called in a callback of the hub: call "
        "it from a greenlet");
    TENDRIL_REQUIRE(
        caller_may_close(),
        "close() ends all greenlets of the hub, so none of them can call it: let the main greenlet "
        "do it, and tell it when, for example through an event");
    if (!embedded_) {
        require_may_park();
    }
    stage_ = stage::closing;
    closing_ = thread_.current;
    do {
        request_exits();
        stuck_ = false;
        if (embedded_) {
            turn_until_closed();
        } else {
            closing_waiter me;
            closer_ = &me;
            me.park_shielded();
            closer_ = nullptr;
        }
    } while (closing_goes_on());
    strand_survivors();
    end_loop();
    stage_ = stage::closed;
}

// Main may, and who stands for it because main has switched there by hand.
bool hub::caller_may_close() const noexcept {
    control_block const& caller = *thread_.current;
    bool const main_waits_for_it = main_ == thread_.main &&
        main_->state == greenlet_state::suspended;
    return &caller == main_ || (main_waits_for_it && !caller.scheduled);
}

bool hub::closing_goes_on() {
    if (end_those_suspended()) {
        return true;
    }
    if (stuck_) {
        report_error(wait_in_vain(cleanup_waits, thread_), "the hub");
        strand_survivors();
        // Whoever was told that a post is accepted may rely on it.
        return mailbox_->close();
    }
    return !only_survivors_left() || mailbox_->close() || drop_calls();
}

// One that the hub has spawned and that has left by hand is asked as well: it may come back.
void hub::request_exits() noexcept {
    thread_.blocks.for_each([&](control_block& block) {
        bool const may_come_back = block.scheduled && block.state == greenlet_state::suspended;
        if ((is_in_the_hub(block) || may_come_back) && &block != closing_) {
            request_exit(block);
        }
    });
}

// Ends those who have left by hand and whom nobody has continued. Returns whether there were any.
bool hub::end_those_suspended() {
    bool any = false;
    bool any_task = false;
    thread_.blocks.for_each([&](control_block& block) {
        // Main may stand on a stack of the pool as well (on_big_stack).
        bool const suspended = block.state == greenlet_state::suspended && &block != thread_.main;
        if (suspended && &block != loop_ && !refuses_to_end(block)) {
            any = true;
            if (block.scheduled) {
                any_task = true;
                call_soon([this, kept = greenlet{greenlet_ref{block}}] {
                    end_suspended_task(*kept.block());
                });
            }
        }
    });
    if (any && !any_task) {
        end_suspended(thread_, loop_at_end::spared);
        thread_.blocks.for_each([&](control_block& block) {
            if (block.state == greenlet_state::suspended && &block != thread_.main) {
                block.exits_delivered = pending_list::exit_attempts;
            }
        });
    }
    return any;
}

// Runs in the loop: when a task dies, control goes to the next in the hub and not to who ended it.
void hub::end_suspended_task(control_block& task) noexcept {
    while (task.state == greenlet_state::suspended &&
           task.exits_delivered < pending_list::exit_attempts) {
        ++task.exits_delivered;
        // A destructor that runs because of an exception must not be thrown into.
        if (task.machine.exceptions.uncaught == 0) {
            raise_in(task, std::make_exception_ptr(greenlet_exit{}));
        } else {
            continue_greenlet(task);
        }
    }
    if (task.state == greenlet_state::suspended) {
        report(
            std::make_exception_ptr(misuse{
                "a task that was suspended by hand swallowed greenlet_exit again and again, so it "
                "is left alive: let a catch (...) rethrow what it caught"}),
            task);
        task.state = greenlet_state::parked;
        task.parked_on = nullptr;
        pending_list{task}.want_exit(false);
    }
}

// Says whether all who are not gone refuse to go.
bool hub::only_survivors_left() noexcept {
    bool only_survivors = true;
    thread_.blocks.for_each([&](control_block& block) {
        if (is_in_the_hub(block) && &block != closing_ && !refuses_to_end(block)) {
            only_survivors = false;
        }
    });
    return only_survivors;
}

void hub::let_closer_go() noexcept {
    if (closer_ != nullptr && only_survivors_left()) {
        closer_->wake();
    }
}

void hub::strand_survivors() noexcept {
    thread_.blocks.for_each([&](control_block& block) {
        if (!is_in_the_hub(block) || &block == closing_) {
            return;
        }
        if (block.state == greenlet_state::parked && block.parked_on != nullptr) {
            static_cast<waiter*>(std::exchange(block.parked_on, nullptr))->strand();
        }
        // One handle for ever: nobody may try to end it once more when the others are gone.
        retain(block);
        block.exits_delivered = pending_list::exit_attempts;
        pending_list{block}.want_exit(false);
    });
}

void hub::end_loop() noexcept {
    drop_calls();
    mailbox_->close_for_good();
    end_loop_greenlet();
    reactor_->stop_listening();
    reactor_->call_at(deadline::never(), false);
}

void hub::end_loop_greenlet() noexcept {
    stopping_ = true;
    if (!embedded_) {
        loop_greenlet_.set_parent(greenlet::current());
        loop_greenlet_.switch_to();
    }
    set_loop(thread_, nullptr);
    thread_.blocks.for_each([](control_block& block) { pending_list{block}.ask_to_switch(false); });
    // Limits that are still in force, and sleeps of the stranded, may outlive the hub.
    while (!alarms_.empty()) {
        alarms_.pop();
    }
    referenced_alarms_ = 0;
}

// Returns whether there were any.
bool hub::drop_calls() noexcept {
    while (callback* const dropped = ready_.pop_any_callback()) {
        delayed_.push_back(*dropped);
    }
    bool const any = !delayed_.empty();
    while (!delayed_.empty()) {
        callback_handle{delayed_.front()}.cancel();
    }
    return any;
}

void hub::give_up_waiting() {
    if (stage_ == stage::open && joiner_ != nullptr) {
        joiner_->wake();
    } else if (stage_ == stage::open) {
        tell_main(wait_in_vain(
            "would block forever: nobody is ready, no alarm is armed, no I/O is under way and "
            "there is no remote. Waiting:",
            thread_));
    } else if (closer_ != nullptr) {
        stuck_ = true;
        closer_->wake();
    } else if (embedded_) {
        stuck_ = true;
    } else {
        // The one who closes is ending a greenlet by hand, and that one's cleanup is what waits.
        raise_in(*closing_, wait_in_vain(cleanup_waits, thread_));
    }
}

void hub::tell_main(std::exception_ptr error) {
    bool const left_by_hand = main_->state == greenlet_state::suspended;
    if (left_by_hand && main_->machine.exceptions.uncaught == 0) {
        raise_in(*main_, std::move(error));
        return;
    }
    withdraw(*main_, *deadlock_);
    deadlock_->error = std::move(error);
    if (!left_by_hand) {
        request(*main_, *deadlock_);
    }
    if (ready_.empty()) {
        // Main is in cleanup that nothing may interrupt. All that is left is to say so, once, and
        // not to spin.
        withdraw(*main_, *deadlock_);
        report_error(std::exchange(deadlock_->error, nullptr), "the hub");
        auto const an_hour = std::chrono::steady_clock::now() + std::chrono::hours{1};
        reactor_->sleep(deadline::at(an_hour), true);
    }
}

void hub::raise_in(control_block& suspended, std::exception_ptr error) noexcept {
    thread_.raising = std::move(error);
    thread_.on_arrival |= raise_error;
    continue_greenlet(suspended);
}

void hub::adopt(control_block& waiting) noexcept {
    waiting.handles.store(1, std::memory_order_relaxed);
    waiting.held_by_loop = true;
    request_exit(waiting);
}

void hub::report(std::exception_ptr error, control_block const& from) noexcept {
    std::string whose;
    try {
        whose = "greenlet " + std::to_string(from.id);
        if (char const* const name = name_of(from)) {
            whose += std::string{" '"} + name + "'";
        }
    } catch (std::bad_alloc const&) {
        whose = "a greenlet";
    }
    report_error(std::move(error), whose);
}

void hub::notice_visitor() noexcept { mailbox_->ring(); }

}  // namespace tendril
