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
// 1. The loop's greenlet runs, or is suspended in `continue_greenlet`, from its first turn on. (An
//    embedded hub has none; the thread's own stack stands in its place. See embedded.cpp.)
// 2. Whoever leaves (`hub::leave`) continues the first of the ready queue, or the loop.
// 3. User code on the loop's stack (callbacks, handlers, posts) is fenced: what it throws is
//    reported, and the loop goes on.
#include "deadlock_notice.hpp"
#include "mailbox.hpp"
#include "pending_list.hpp"
#include "reactor.hpp"
#include "upkeep.hpp"

#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace tendril {

hub::hub(boost::asio::io_context* embedding, hub_options const& options)
    : dispatcher{this_thread(), options.budget},
      budget_{options.budget},
      embedded_{embedding != nullptr},
      deadlock_{std::make_unique<detail::deadlock_notice>()},
      clock_{options.clock == nullptr ? &steady_clock() : options.clock},
      random_{options.random == nullptr ? &own_random_ : options.random},
      own_random_{random_seed()},
      reactor_{std::make_unique<detail::reactor>(embedding)},
      mailbox_{std::make_shared<detail::mailbox>()},
      upkeep_{options.gives_memory_back ? std::make_unique<detail::upkeep>(thread_) : nullptr},
      on_error_{print_error} {
    TENDRIL_REQUIRE(
        thread_.loop == nullptr,
        "this thread has a hub already: one thread, one hub; use this_hub(), or close the other");
    TENDRIL_REQUIRE(options.budget > 0, "a hub's budget is at least one step");
    TENDRIL_REQUIRE(
        !embedded_ || (thread_.current == thread_.main && clock_ == &steady_clock()),
        "an embedded hub is made on the thread's own stack, which will run the io_context, and "
        "keeps the usual time");
    ready_.set_order(options.order == nullptr ? detail::usual_order : options.order);
    main_ = thread_.main;
    reactor_->listen(mailbox_->bell());
}

hub::hub(hub_options const& options) : hub{nullptr, options} {
    loop_greenlet_ = greenlet{
        [this] { loop(); }, {.parent = {}, .stack_size = options.stack_size, .name = "hub"}};
    loop_ = loop_greenlet_.block();
    start_on_new_stack(thread_, *loop_);
    pending_list{*thread_.current}.ask_to_switch(ready_.order() != nullptr);
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

callback_handle hub::call_soon(unique_function<void()> function, std::source_location origin) {
    require_usable();
    auto& added = *new callback{std::move(function), origin};
    ++added.references_;
    ready_.push(added);
    if (wants_turn_) [[unlikely]] {
        request_turn();
    }
    return callback_handle{added};
}

callback_handle hub::call_at(
    deadline when, unique_function<void()> function, std::source_location origin) {
    require_usable();
    auto& added = *new callback{std::move(function), origin};
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

// Asked for by a task that dies, and by a greenlet whose result a task cannot receive.
control_block& hub::successor() noexcept {
    control_block const& caller = *thread_.current;
    bool const has_died = caller.state.load(std::memory_order_relaxed) == greenlet_state::dead;
    spawned_ -= caller.scheduled && has_died ? 1 : 0;
    return next();
}

void hub::watch_long_runs(std::chrono::nanoseconds limit, long_run_handler handler) {
    require_usable();
    ++watches_begun_;
    long_run_limit_ = limit;
    on_long_run_ = std::move(handler);
    ready_.go_through_hub(static_cast<bool>(on_long_run_));
}

void dispatcher::refuse_to_park() const {
    TENDRIL_REQUIRE(
        switches_refused_ == 0 || in_callback(),
        "a greenlet waits in the scope of a no_switch, which promises that nobody else runs there: "
        "wait before or after it, or use a try_ function");
    TENDRIL_REQUIRE(
        thread_.current != thread_.main,
        "the thread's own stack runs the io_context of an embedded hub, so it must not wait: spawn "
        "a task that waits, or check with a try_ function");
    detail::throw_misuse<misuse>(
        "a callback of the hub must not wait: it runs between greenlets, and nobody could run "
        "meanwhile; spawn a task that waits, or check with a try_ function");
}

void dispatcher::refuse_in_child() const {
    detail::throw_misuse<misuse>("this is the child of a fork, whose hub is the parent's: call "
                                 "this_hub().reset_after_fork() before anything that waits");
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
        } else {
            turn();
        }
    }
}

// DOC: turn
void hub::turn() {
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
// DOC-END: turn

// Runs something, and tells of it when it takes long.
template <typename F>
void hub::watch(long_run about, F&& run) {
    if (!on_long_run_) [[likely]] {
        run();
        return;
    }
    // It may be dead, and its body gone, when it comes back.
    greenlet const kept{about.who};
    time_point const begin = clock_->now();
    run();
    about.took = clock_->now() - begin;
    if (about.took >= long_run_limit_ && on_long_run_) {
        tell_of_long_run(about);
    }
}

// The handler is out while it runs, because it may end the watch or set another one.
void hub::tell_of_long_run(long_run const& about) noexcept {
    std::uint64_t const before = watches_begun_;
    long_run_handler running = std::exchange(on_long_run_, long_run_handler{});
    try {
        running(about);
    } catch (...) {
        report_error(std::current_exception(), "the handler of long runs");
    }
    if (watches_begun_ == before) {
        on_long_run_ = std::move(running);
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

void hub::continue_greenlet(control_block& block) noexcept {
    auto const run = [&] {
        thread_.transfer = nullptr;
        share_left_ = share_;
        try {
            switch_stacks(thread_, block, greenlet_state::suspended);
            static_cast<void>(receive(thread_));
        } catch (...) {
            // A greenlet that was made with the hub as parent has failed.
            report_error(std::current_exception(), "a greenlet whose parent is the hub");
        }
    };
    bool const has_body = block.body != nullptr;
    watch(
        {.what = "a greenlet",
         .who = greenlet_ref{block},
         .origin = has_body ? block.body->made_at : std::source_location{}},
        run);
}

void hub::call(callback& due) noexcept {
    callback_handle const alive{due};
    --due.references_;
    unique_function<void()> function = std::exchange(due.function_, nullptr);
    auto const run = [&] {
        try {
            function();
        } catch (...) {
            report_error(std::current_exception(), "a callback of the hub");
        }
    };
    watch({.what = "a callback", .origin = due.origin_}, run);
}

void hub::call_posted() noexcept {
    receive_visitors(thread_);
    mailbox_->collect();
    // Not more than that at a time, whatever is posted: greenlets have their turn in between.
    for (int left = budget_; left > 0; --left) {
        letter* const next = mailbox_->take();
        if (next == nullptr) {
            return;
        }
        auto const run = [&] {
            try {
                next->open();
            } catch (...) {
                report_error(std::current_exception(), "a function that another thread has posted");
            }
        };
        watch({.what = "a posted function"}, run);
        if (stage_ == stage::forked) {
            // This is the child, and the other functions were meant for the parent.
            return;
        }
    }
}

void hub::look_at_reactor() noexcept {
    if (stage_ == stage::closing) {
        let_closer_go();
        if (embedded_ && only_survivors_left()) {
            return;
        }
    }
    deadline const next = next_alarm();
    try {
        if (!ready_.empty() || mailbox_->has_mail()) {
            // What was begun since a sleep may wait a turn, unless an alarm would beat it.
            if (alarm_is_due() || !reactor_->has_left_nothing()) {
                reactor_->poll();
            }
        } else if (!idlers_.empty()) {
            let_idler_go();
        } else if (clock_ == &steady_clock()) {
            sleep(keep_house(next));
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

void hub::let_idler_go() {
    // Alarms that are due come first: they are fired next, in this turn.
    bool const alarm_comes_first = alarm_is_due();
    if (is_quiet() && !alarm_comes_first) {
        static_cast<waiter*>(idlers_.pop_front())->wake();
    }
}

// A job elsewhere takes real time, so while there is one such a clock stands still, and whoever
// waits for it is woken by the job's end or by what the reactor has.
void hub::wait_on_other_clock(deadline next) {
    // Housekeeping is not worth a jump.
    static_cast<void>(keep_house(next));
    bool const alarm_comes_first = alarm_is_due();
    if (!is_quiet() || alarm_comes_first) {
        return;
    }
    if (jobs_ > 0) {
        sleep(deadline::never());
    } else if (referenced_alarms_ == 0 && is_drained()) {
        give_up_waiting();
    } else if (!ready_.empty() || mailbox_->has_mail()) {
        return;
    } else if (next.is_never() || !clock_->jump_to(next.moment())) {
        sleep(next);
    }
}

// Gives some memory back. Returns how long the hub may sleep.
deadline hub::keep_house(deadline next) noexcept {
    if (!upkeep_ || !upkeep_->is_wanted()) [[likely]] {
        return next;
    }
    return std::min(next, deadline::at(upkeep_->make_step(clock_->now())));
}

// Says whether nothing is left that is reason enough to wait. Called when nobody is ready.
bool hub::is_drained() {
    return referenced_alarms_ == 0 && jobs_ == 0 && !mailbox_->has_remotes() &&
        !mailbox_->has_mail() && !reactor_->has_work() && ready_.empty();
}

void hub::sleep(deadline until) {
    if (!mailbox_->fall_asleep()) {
        return;
    }
    bool rung = false;
    {
        scope_exit const awake{[&] { rung = mailbox_->wake_up(); }};
        sleep_announced(until);
    }
    // A ring seldom comes together with something else, which the next turn would find. But alarms
    // that are due come after all that is ready.
    if (reactor_->may_have_more() && (!rung || alarm_is_due())) {
        reactor_->poll();
    }
}

void hub::sleep_announced(deadline until) {
    // Asking costs a system call, so it is done only when the reactor would not notice by itself.
    if (!until.is_never() && referenced_alarms_ == 0) {
        bool const drained = is_drained();
        // The question has called handlers that were due.
        if (!ready_.empty() || mailbox_->has_mail()) {
            return;
        }
        if (drained) {
            give_up_waiting();
            return;
        }
        until = keep_house(next_alarm());
    }
    bool const may_be_rung = mailbox_->has_remotes() || jobs_ > 0;
    if (!reactor_->sleep(until, may_be_rung) && !mailbox_->has_mail()) {
        give_up_waiting();
    }
}

deadline hub::next_alarm() const noexcept {
    return alarms_.empty() ? deadline::never() : deadline::at(alarms_.top_key());
}

bool hub::alarm_is_due() const { return !alarms_.empty() && alarms_.top_key() <= clock_->now(); }

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
        alarm& due = alarms_.pop();
        referenced_alarms_ -= due.referenced() ? 1 : 0;
        due.expire();
    }
}

}  // namespace tendril
