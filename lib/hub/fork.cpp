// SPDX-License-Identifier: BSL-1.0
//
// The hub in the child of a fork.
//
// The reactor's epoll instance is shared with the parent: taking a descriptor out of it here would
// take it out there. So it is replaced at once (Asio calls that `notify_fork`), even when the child
// never uses its hub. Whoever wants the hub back says so, with `reset_after_fork`; until then every
// wait and every call is misuse, because the greenlets that it was meant for are gone.
#include "mailbox.hpp"
#include "reactor.hpp"

#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/assert.hpp>

#include <utility>
#include <vector>

namespace tendril {
namespace {

// Gives a thing up without destroying it: its destructor would touch what belongs to the parent.
// It stays within reach, so that tools which look for leaks see an intention.
template <typename T>
void leak(T&& given_up) {
    struct kept {
        std::remove_cvref_t<T> value;
        kept* next;
    };
    static kept* all = nullptr;
    all = new kept{std::forward<T>(given_up), all};
}

}  // namespace

void hub::forget(control_block& waiting) noexcept {
    if (waiting.parked_on != nullptr) {
        static_cast<waiter*>(waiting.parked_on)->forget();
    }
}

void hub::forked() noexcept {
    stage_ = stage::forked;
    reactor_->forked();
    mailbox_->forked();
    while (control_block* const ready = ready_.pop_greenlet()) {
        if (ready == main_) {
            main_was_ready_ = true;
        }
    }
    closer_ = nullptr;
    if (main_->state == greenlet_state::dead) {
        runner_ = nullptr;
        joiner_ = nullptr;
    }
    // What does them is the parent's.
    jobs_ = 0;
    budget_left_ = 0;
}

void hub::reset_after_fork(fork_descriptors descriptors) {
    require_own_thread();
    TENDRIL_REQUIRE(
        stage_ == stage::forked,
        "reset_after_fork() is for the child of a fork, once: this hub is in order");
    reactor_->stop_listening();
    if (descriptors == fork_descriptors::forget && !embedded_) {
        auto fresh = std::make_unique<detail::reactor>();
        leak(std::exchange(reactor_, std::move(fresh)));
    }
    auto box = std::make_shared<detail::mailbox>();
    mailbox_->close_bell();
    leak(std::exchange(mailbox_, std::move(box)));
    reactor_->listen(mailbox_->bell());
    keep_own_alarms();
    stage_ = stage::open;
    spawned_ = thread_.current->scheduled ? 1 : 0;
    drop_calls();
    budget_left_ = budget_;
    if (std::exchange(main_was_ready_, false)) {
        make_ready(*main_);
    }
    if (embedded_) {
        request_turn();
    }
}

// Limits in the frames of those who live on stay; what others waited for is not theirs to hear of.
void hub::keep_own_alarms() {
    std::vector<std::pair<time_point, alarm*>> kept;
    kept.reserve(alarms_.size());
    while (!alarms_.empty()) {
        time_point const moment = alarms_.top_key();
        alarm& next = alarms_.pop();
        stack const* const on = thread_.stacks.holding(&next);
        bool forgotten = on != nullptr;
        thread_.blocks.for_each([&](control_block const& block) {
            for (stack const* each = block.memory; each != nullptr; each = each->below) {
                forgotten = forgotten && each != on;
            }
        });
        if (!forgotten) {
            kept.emplace_back(moment, &next);
        }
    }
    referenced_alarms_ = 0;
    for (auto const& [moment, each] : kept) {
        alarms_.push(moment, *each);
        referenced_alarms_ += each->referenced() ? 1 : 0;
    }
}

// Nobody is left but main and whoever called `fork`; the loop runs because that one has ended or
// left by hand.
void hub::refuse_to_go_on() noexcept {
    // A main greenlet that was not the thread's own is forgotten too.
    control_block& told = main_->state == greenlet_state::dead ? *thread_.main : *main_;
    told.parked_on = nullptr;
    raise_in(
        told,
        std::make_exception_ptr(misuse{
            "this is the child of a fork, and the greenlet that called fork() has ended or waits: "
            "let it end the process with _exit(), or call this_hub().reset_after_fork() first"}));
}

void hub::close_after_fork() noexcept {
    drop_calls();
    end_loop_greenlet();
    leak(std::move(reactor_));
    leak(std::exchange(mailbox_, nullptr));
    stage_ = stage::closed;
}

}  // namespace tendril
