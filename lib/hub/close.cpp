// SPDX-License-Identifier: BSL-1.0
//
// The end of a hub, and the moment when nobody can be woken any more.
//
// Closing: every greenlet of the thread is asked to exit, and the one who closes parks until they
// are gone. The loop turns meanwhile, so a destructor that flushes a stream can finish. A greenlet
// that swallows its exits again and again, or whose cleanup waits for what can never happen, is
// reported and stranded: it stays parked for ever, its stack is never freed, and nothing that it
// waits for can wake it.
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
                 << static_cast<waiter*>(block.parked_on)->what();
        }
    });
    return text.str();
}

// Whether a greenlet has had its chance to end and has not taken it.
bool refuses_to_end(control_block const& block) noexcept {
    return block.exits_delivered >= pending_list::exit_attempts && !exit_requested(block);
}

}  // namespace

void hub::close() {
    if (stage_ != stage::open) {
        return;
    }
    TENDRIL_REQUIRE(
        !in_callback(),
        "close() waits for greenlets to end, so it cannot be called in a callback of the hub: call "
        "it from a greenlet");
    stage_ = stage::closing;
    while (true) {
        request_exits();
        end_suspended(thread_, loop_);
        closing_waiter me;
        closer_ = &me;
        if (let_closer_go()) {
            break;
        }
        me.park_shielded();
    }
    closer_ = nullptr;
    strand_survivors();
    end_loop();
    stage_ = stage::closed;
}

void hub::request_exits() noexcept {
    thread_.blocks.for_each([&](control_block& block) {
        greenlet_state const state = block.state;
        bool const waits = state == greenlet_state::parked || state == greenlet_state::ready;
        bool const queued = state == greenlet_state::unstarted && block.scheduled;
        if ((waits || queued) && &block != thread_.current) {
            request_exit(block);
        }
    });
}

// Wakes the one who closes when everybody else is gone or refuses to go.
bool hub::let_closer_go() noexcept {
    bool quiet = ready_.size() == 0;
    thread_.blocks.for_each([&](control_block& block) {
        bool const parked = block.state == greenlet_state::parked;
        if (parked && &block != &closer_->block() && !refuses_to_end(block)) {
            quiet = false;
        }
    });
    return quiet && closer_->wake();
}

void hub::strand_survivors() noexcept {
    thread_.blocks.for_each([&](control_block& block) {
        if (block.state == greenlet_state::parked) {
            static_cast<waiter*>(block.parked_on)->strand();
        }
    });
}

void hub::end_loop() noexcept {
    stopping_ = true;
    loop_greenlet_.set_parent(greenlet::current());
    loop_greenlet_.switch_to();
    set_loop(thread_, nullptr);
    drop_calls();
    // The captures of what was posted are destroyed here, outside the mailbox's lock.
    static_cast<void>(mailbox_->close());
    reactor_->stop_listening();
}

void hub::drop_calls() noexcept {
    while (callback* const dropped = ready_.pop_any_callback()) {
        delayed_.push_back(*dropped);
    }
    while (!delayed_.empty()) {
        callback_handle{delayed_.front()}.cancel();
    }
}

void hub::give_up_waiting() {
    std::string const parked = list_parked(thread_);
    if (stage_ == stage::closing) {
        report_error(
            std::make_exception_ptr(would_block_forever{
                "the hub closes, and cleanup waits for what can never happen:" + parked}),
            "the hub");
        closer_->wake();
        return;
    }
    tell_main(
        "would block forever: nobody is ready, no alarm is armed, no I/O is under way and no "
        "other thread holds a remote. Waiting:" +
        parked);
}

void hub::tell_main(std::string text) {
    deadlock_ = std::make_unique<detail::deadlock_notice>(std::move(text));
    if (main_->state == greenlet_state::suspended) {
        thread_.raising = std::make_exception_ptr(would_block_forever{deadlock_->text()});
        thread_.on_arrival |= raise_error;
        continue_greenlet(*main_);
        return;
    }
    request(*main_, *deadlock_);
    if (ready_.empty()) {
        // Main is in cleanup that nothing may interrupt. All that is left is to say so, once, and
        // not to spin.
        withdraw(*main_, *deadlock_);
        report_error(std::make_exception_ptr(would_block_forever{deadlock_->text()}), "the hub");
        reactor_->sleep(deadline::at(now() + std::chrono::hours{1}));
    }
}

void hub::adopt(control_block& waiting) noexcept {
    waiting.handles.store(1, std::memory_order_relaxed);
    waiting.held_by_loop = true;
    request_exit(waiting);
}

void hub::report(std::exception_ptr error, control_block const& from) noexcept {
    std::string whose = "greenlet " + std::to_string(from.id);
    if (from.name != nullptr) {
        whose += std::string{" '"} + from.name + "'";
    }
    report_error(std::move(error), whose);
}

void hub::notice_visitor() noexcept { mailbox_->ring(); }

}  // namespace tendril
