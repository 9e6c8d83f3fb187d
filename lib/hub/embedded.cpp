// SPDX-License-Identifier: BSL-1.0
//
// A hub on an `io_context` that the program runs.
//
//     program        io_context          hub
//     run() ───────▶ handler ──────────▶ a turn: greenlets, calls, posts, alarms
//                    (returns) ◀──────── asks for the next: posted, at a moment, or by the bell
//
// The thread's own stack stands in the place of the loop: whoever parks and finds nobody ready
// continues it, inside the handler, which then returns to the context. The context is never run
// from within a handler, because Asio keeps what is posted there for the outer one.
//
// Invariants:
// 1. `wants_turn_` says that no turn is under way or asked for. Whoever makes work then asks.
// 2. Between two turns the mailbox takes the hub for asleep, so a post rings the bell, whose
//    handler is a turn.
// 3. The context has work of ours while a task is alive, or a referenced alarm is armed.
#include "mailbox.hpp"
#include "reactor.hpp"

#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <cstdint>
#include <utility>

namespace tendril {

hub::hub(boost::asio::io_context& context, embedded_t, hub_options const& options)
    : hub{&context, options} {
    loop_ = thread_.main;
    reactor_->when_woken([this] { embedded_turn(); });
    set_loop(thread_, this);
    wants_turn_ = true;
    if (!mailbox_->fall_asleep()) {
        request_turn();
    }
}

void dispatcher::ask_for_turn() noexcept { static_cast<hub&>(*this).request_turn(); }

void hub::request_turn() noexcept {
    wants_turn_ = false;
    try {
        reactor_->call_soon();
    } catch (...) {
        // There is no memory for a handler. The bell needs none, and rings whoever is awake.
        std::uint64_t const one = 1;
        static_cast<void>(kernel().write(mailbox_->bell(), &one, sizeof one));
    }
}

void hub::embedded_turn() {
    if (stage_ != stage::open) {
        return;
    }
    scope_exit ask_again{[this] { request_turn(); }};
    require_own_thread();
    TENDRIL_REQUIRE(
        in_callback(),
        "the io_context of an embedded hub is run on the stack of a greenlet: run it on the "
        "thread's own, where the hub was made");
    ask_again.dismiss();
    wants_turn_ = false;
    mailbox_->wake_up();
    ++turns_;
    budget_left_ = budget_;
    run_ready();
    if (stage_ == stage::open) {
        call_posted();
    }
    if (stage_ == stage::open) {
        fire_alarms();
    }
    if (stage_ == stage::open) {
        await_next_turn();
    }
}

void hub::await_next_turn() {
    reactor_->hold(spawned_ > 0);
    // Whoever idles goes on after a turn in which nothing has happened, behind the handlers.
    bool const has_idled = ready_.empty() && !mailbox_->has_mail() && !idlers_.empty();
    if (has_idled && std::exchange(was_idle_, !was_idle_)) {
        static_cast<waiter*>(idlers_.pop_front())->wake();
    } else if (has_idled) {
        request_turn();
        return;
    }
    was_idle_ = was_idle_ && has_idled;
    if (!ready_.empty() || !mailbox_->fall_asleep()) {
        request_turn();
        return;
    }
    wants_turn_ = true;
    reactor_->call_at(keep_house(next_alarm()), referenced_alarms_ > 0);
}

void hub::require_not_in_handler() const {
    TENDRIL_REQUIRE(
        in_callback(),
        "close() ends all greenlets of the hub, so none of them can call it: call it on the "
        "thread's own stack, when the context's run() has returned");
    TENDRIL_REQUIRE(
        !reactor_->is_being_run(),
        "close() of an embedded hub in a handler of its io_context, which must turn meanwhile: let "
        "the context's run() return first, for example by io_context::stop()");
}

// Nobody else runs the context now, so the hub may.
void hub::turn_until_closed() {
    mailbox_->wake_up();
    wants_turn_ = false;
    reactor_->hold(false);
    do {
        turn();
    } while (!only_survivors_left() && !stuck_);
}

}  // namespace tendril
