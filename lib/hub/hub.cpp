// SPDX-License-Identifier: BSL-1.0
//
// One turn of the loop:
//
//     budget refilled → ready greenlets and callbacks, in order → what other threads have posted
//     → reactor (polled when somebody is ready, slept in when nobody is) → alarms that are due
//
// Results come before alarms, so what became ready in a turn beats a limit of the same turn.
//
// Invariants:
// 1. The loop's greenlet runs, or is suspended in `continue_greenlet`, from its first turn on.
// 2. Whoever leaves (`hub::leave`) continues the first of the ready queue, or the loop.
// 3. User code on the loop's stack (callbacks, handlers, posts) is fenced: what it throws is
//    reported, and the loop goes on.
#include "deadlock_notice.hpp"
#include "mailbox.hpp"
#include "pending_list.hpp"
#include "reactor.hpp"

#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>

#include <string>
#include <utility>

namespace tendril {
namespace {

// What `spawn_raw` runs.
class raw_body final : public greenlet_body {
public:
    raw_body(hub& owner, unique_function<void()> function) noexcept
        : owner_{owner},
          function_{std::move(function)} {}

    value run(value) override {
        scope_exit const destroy_captures{[this] {
            seal_interruptions(*owner_.thread().current);
            function_ = nullptr;
        }};
        // Who was ended before the first turn never begins.
        deliver_interruption();
        function_();
        return value{};
    }

    void abandon(std::exception_ptr reason) noexcept override {
        owner_.report_error(std::move(reason), "a greenlet that could not begin");
    }

private:
    hub& owner_;
    unique_function<void()> function_;
};

}  // namespace

hub::hub(hub_options const& options)
    : thread_{this_thread()},
      budget_left_{options.budget},
      budget_{options.budget},
      clock_{options.clock == nullptr ? &steady_clock() : options.clock},
      random_{options.random == nullptr ? &own_random_ : options.random},
      own_random_{random_seed()},
      reactor_{std::make_unique<detail::reactor>()},
      mailbox_{std::make_shared<detail::mailbox>()},
      on_error_{print_error} {
    TENDRIL_REQUIRE(
        thread_.loop == nullptr,
        "this thread has a hub already: one thread, one hub; use this_hub(), or close the other");
    TENDRIL_REQUIRE(options.budget > 0, "a hub's budget is at least one step");
    ready_.set_order(options.order);
    loop_greenlet_ = greenlet{
        [this] { loop(); }, {.parent = {}, .stack_size = options.stack_size, .name = "hub"}};
    loop_ = loop_greenlet_.block();
    start_on_new_stack(thread_, *loop_);
    main_ = thread_.main;
    pending_list{*thread_.current}.ask_to_switch(options.order != nullptr);
    reactor_->listen(mailbox_->bell());
    set_loop(thread_, this);
}

hub::~hub() { close(); }

boost::asio::io_context& hub::context() noexcept { return reactor_->context(); }

void hub::require_own_thread() const {
    TENDRIL_REQUIRE_AS(
        wrong_thread, &thread_ == &this_thread(),
        "this hub belongs to another thread: reach it through a `remote`, which that thread gets "
        "from remote()");
}

void hub::require_usable() const {
    require_own_thread();
    require_not_forked();
    TENDRIL_REQUIRE(
        stage_ != stage::closed,
        "this hub has closed: it calls and spawns nothing any more, and nobody can post to it");
}

callback_handle hub::call_soon(unique_function<void()> function) {
    require_usable();
    auto& added = *new callback{std::move(function)};
    ++added.references_;
    ready_.push(added);
    return callback_handle{added};
}

callback_handle hub::call_at(deadline when, unique_function<void()> function) {
    require_usable();
    auto& added = *new callback{std::move(function)};
    ++added.references_;
    callback_handle handle{added};
    if (!when.is_never()) {
        try {
            added.arm(*this, when.moment());
        } catch (...) {
            --added.references_;
            throw;
        }
    }
    delayed_.push_back(added);
    return handle;
}

tendril::remote hub::remote() {
    require_usable();
    return tendril::remote{mailbox_};
}

greenlet hub::spawn_raw(unique_function<void()> function) {
    auto body = std::make_unique<raw_body>(*this, std::move(function));
    control_block& block = create(*body, stack_pool::default_size);
    body.release();
    greenlet spawned{greenlet_ref{block}};
    schedule(block);
    return spawned;
}

control_block& hub::create(greenlet_body& body, std::size_t stack_size) {
    require_usable();
    std::uint8_t const stack_class = stack_pool::size_class_of(stack_size);
    control_block& block = thread_.blocks.create(
        thread_, loop_, &body, thread_.next_id++, stack_class);
    retain(*loop_);
    return block;
}

void hub::schedule(control_block& block) noexcept {
    block.scheduled = true;
    block.held_by_loop = true;
    pending_list{block}.ask_to_switch(ready_.order() != nullptr);
    if (stage_ != stage::open) {
        request_exit(block);
    }
    ready_.push(block);
}

hub_statistics hub::statistics() const noexcept {
    return {
        .greenlets = thread_.started,
        .ready = ready_.size(),
        .alarms = alarms_.size(),
        .switches = thread_.switches,
        .turns = turns_,
        .stacks = thread_.stacks.statistics(),
    };
}

void hub::wake_when_idle(waiter& waiting) noexcept { idlers_.push_back(waiting); }

// The loop.

void hub::loop() {
    while (!stopping_) {
        if (stage_ == stage::forked) [[unlikely]] {
            refuse_to_go_on();
            continue;
        }
        ++turns_;
        budget_left_ = budget_;
        run_ready();
        // What is called in a turn may fork, and what follows is not the child's to do.
        auto const goes_on = [this] { return !stopping_ && stage_ != stage::forked; };
        if (goes_on()) {
            call_posted();
        }
        if (goes_on()) {
            look_at_reactor();
        }
        if (goes_on()) {
            fire_alarms();
        }
    }
}

void hub::run_ready() {
    while (budget_left_ > 0 && !stopping_) {
        if (callback* const due = ready_.pop_callback()) {
            --budget_left_;
            call(*due);
        } else if (control_block* const next = ready_.pop_greenlet()) {
            --budget_left_;
            bool const is_new = next->state == greenlet_state::unstarted;
            if (std::exception_ptr const no_stack = is_new ? begin(*next) : nullptr) {
                end_without_stack(*next, no_stack);
            } else {
                continue_greenlet(*next);
            }
        } else {
            return;
        }
    }
}

// Readies an unstarted greenlet for its first turn. Returns why there is no stack for it, or null.
std::exception_ptr hub::begin(control_block& block) noexcept {
    try {
        start_on_new_stack(thread_, block);
        return nullptr;
    } catch (...) {
        return std::current_exception();
    }
}

void hub::end_without_stack(control_block& block, std::exception_ptr const& reason) noexcept {
    abandon(block, reason);
    block.held_by_loop = false;
    release(block);
}

void hub::continue_greenlet(control_block& block) noexcept {
    thread_.transfer = nullptr;
    try {
        switch_stacks(thread_, block, greenlet_state::suspended);
        static_cast<void>(receive(thread_));
    } catch (...) {
        // A greenlet that was made with the hub as parent has failed.
        report_error(std::current_exception(), "a greenlet whose parent is the hub");
    }
}

void hub::call(callback& due) noexcept {
    callback_handle const alive{due};
    --due.references_;
    unique_function<void()> function = std::exchange(due.function_, nullptr);
    try {
        function();
    } catch (...) {
        report_error(std::current_exception(), "a callback of the hub");
    }
}

void hub::call_posted() noexcept {
    receive_visitors(thread_);
    if (!mailbox_->has_mail()) {
        return;
    }
    for (unique_function<void()>& function : mailbox_->take_mail()) {
        try {
            function();
        } catch (...) {
            report_error(std::current_exception(), "a function that another thread has posted");
        }
        if (stage_ == stage::forked) {
            // This is the child, and the other functions were meant for the parent.
            return;
        }
    }
}

void hub::look_at_reactor() noexcept {
    if (stage_ == stage::closing) {
        let_closer_go();
    }
    deadline const next = alarms_.empty() ? deadline::never() : deadline::at(alarms_.top_key());
    try {
        if (!ready_.empty() || mailbox_->has_mail()) {
            reactor_->poll();
        } else if (!idlers_.empty()) {
            let_idler_go(next);
        } else if (clock_ == &steady_clock()) {
            sleep(next);
        } else {
            wait_on_other_clock(next);
        }
    } catch (...) {
        report_error(std::current_exception(), "a handler that the reactor has called");
    }
}

// The reactor must be found empty twice: the first look may have set something off in the kernel
// that the second one sees.
bool hub::is_quiet() {
    for (int look = 0; look < 2; ++look) {
        reactor_->poll();
        if (!ready_.empty() || mailbox_->has_mail()) {
            return false;
        }
    }
    return true;
}

void hub::let_idler_go(deadline next) {
    // Alarms that are due come first: they are fired next, in this turn.
    bool const alarm_is_due = !next.is_never() && next.moment() <= clock_->now();
    if (is_quiet() && !alarm_is_due) {
        static_cast<waiter*>(idlers_.pop_front())->wake();
    }
}

// A job elsewhere takes real time, so while there is one such a clock stands still, and whoever
// waits for it is woken by the job's end or by what the reactor has.
void hub::wait_on_other_clock(deadline next) {
    if (!is_quiet()) {
        return;
    }
    if (jobs_ > 0) {
        sleep(deadline::never());
    } else if (next.is_never() || !clock_->jump_to(next.moment())) {
        sleep(next);
    }
}

void hub::sleep(deadline until) {
    if (!mailbox_->fall_asleep()) {
        return;
    }
    scope_exit const awake{[&] { mailbox_->wake_up(); }};
    bool const may_be_rung = mailbox_->has_remotes() || jobs_ > 0;
    if (!reactor_->sleep(until, may_be_rung) && !mailbox_->has_mail()) {
        give_up_waiting();
    }
}

void hub::fire_alarms() noexcept {
    if (alarms_.empty()) {
        return;
    }
    time_point const present = clock_->now();
    // Only those that are armed now: one that arms itself again for the present waits a turn.
    for (std::size_t left = alarms_.size(); left > 0 && !alarms_.empty(); --left) {
        if (alarms_.top_key() > present) {
            return;
        }
        alarms_.pop().expire();
    }
}

}  // namespace tendril
