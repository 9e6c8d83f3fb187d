// SPDX-License-Identifier: BSL-1.0
#pragma once

// The hub: the greenlet that runs a thread's event loop.
//
//     tendril::this_hub().call_soon([] { … });
//
// A thread gets its hub at the first call that needs one. Whoever parks hands over to the next
// ready greenlet directly; when there is none, or when the turn's budget is used up, to the hub.
// The hub then calls callbacks, takes what other threads have posted, looks at the reactor
// (Boost.Asio), fires alarms, and goes on with whoever is ready. When nobody is, it sleeps in the
// reactor and uses no processor time.
//
// The budget counts switches and immediate successes of I/O, not time. Greenlets that wake each
// other for ever can therefore delay the reactor by a bounded number of steps only.
//
// Read next: waiter.hpp, run.hpp; docs/hub.md for a picture of one turn.

#include <tendril/greenlet/greenlet.hpp>
#include <tendril/greenlet/scheduler.hpp>
#include <tendril/greenlet/switch.hpp>
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/alarm.hpp>
#include <tendril/hub/callback.hpp>
#include <tendril/hub/clock.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/hub/ready_queue.hpp>
#include <tendril/hub/remote.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/config.hpp>
#include <tendril/support/intrusive_heap.hpp>
#include <tendril/support/random.hpp>
#include <tendril/support/unique_function.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

namespace boost::asio {
class io_context;
}

namespace tendril {

namespace detail {
class deadlock_notice;
class mailbox;
class reactor;
class run_scope;
}  // namespace detail

class waiter;

/// Who hears of an error that nobody collects: the error, and a name for where it comes from.
using error_handler = unique_function<void(std::exception_ptr, std::string_view)>;

/// The usual handler: prints one line to the standard error stream. Switches: never. Thread: any.
void print_error(std::exception_ptr error, std::string_view whose) noexcept;

/// How a hub is made. Every null means the usual one.
struct hub_options {
    /// Where time comes from. Must outlive the hub.
    tendril::clock* clock = nullptr;
    /// Who decides which ready greenlet runs next. Must outlive the hub.
    ready_order* order = nullptr;
    /// Where random numbers come from. Must outlive the hub.
    random_source* random = nullptr;
    /// How many steps greenlets may make between two looks at the reactor.
    int budget = 1024;
    /// The stack on which callbacks and handlers run, in bytes.
    std::size_t stack_size = 960 * 1024;
};

/// What the child of a fork does with the descriptors that its hub waited for.
enum class fork_descriptors : std::uint8_t {
    /// Streams and listeners that were made before the fork are not waited for any more: they can
    /// only be closed. That is safe for the parent, whose data nobody takes away.
    forget,
    /// They go on in the child. For a listener that parent and child share; a stream on which the
    /// parent reads as well gives each byte to one of them.
    keep,
};

/// Numbers of one hub at one moment.
struct hub_statistics {
    /// Greenlets of the thread that have started and not ended.
    std::size_t greenlets = 0;
    /// Greenlets that wait for their turn.
    std::size_t ready = 0;
    /// Armed alarms: sleeps, limits, delayed calls.
    std::size_t alarms = 0;
    /// Switches that the thread has made since it began.
    std::uint64_t switches = 0;
    /// Turns of the loop since the hub was made.
    std::uint64_t turns = 0;
    /// The stacks of the thread.
    stack_pool_statistics stacks;
};

class hub final : private scheduler {
public:
    /// Makes a hub for the calling thread. Most programs let `run` or `this_hub` do it.
    /// Throws: misuse when the thread has one; stack_exhausted, std::system_error. Switches: never.
    explicit hub(hub_options const& options = {});
    hub(hub const&) = delete;
    hub& operator=(hub const&) = delete;

    /// Closes it. Where `close` would throw, the program ends. Switches: may.
    ~hub();

    /// Calls `function` in the next turn, in the order of the calls. It must not park.
    /// Throws: std::bad_alloc; misuse when the hub has closed; wrong_thread. Switches: never.
    /// Thread: hub.
    callback_handle call_soon(unique_function<void()> function);

    /// Calls `function` after a while, or at a moment. Throws: std::bad_alloc; misuse when the
    /// duration is not a number, or the hub has closed; wrong_thread. Switches: never. Thread: hub.
    template <typename Rep, typename Period>
    callback_handle call_later(
        std::chrono::duration<Rep, Period> const& delay, unique_function<void()> function) {
        return call_at(deadline::after(delay), std::move(function));
    }
    callback_handle call_at(deadline when, unique_function<void()> function);
    callback_handle call_at(time_point when, unique_function<void()> function) {
        return call_at(deadline::at(when), std::move(function));
    }

    /// A door for other threads. Throws: std::bad_alloc, std::system_error; misuse when the hub has
    /// closed; wrong_thread. Switches: never. Thread: hub.
    tendril::remote remote();

    /// Makes a greenlet whose parent is the hub and lets it run in its turn. An error that leaves
    /// it is reported. Throws: std::bad_alloc; misuse when the hub has closed; wrong_thread.
    /// Switches: never. Thread: hub.
    greenlet spawn_raw(unique_function<void()> function);

    /// The reactor. Handlers that it calls run in the hub and must not park.
    /// Switches: never. Thread: hub.
    boost::asio::io_context& context() noexcept;

    /// The present on the hub's clock. Switches: never. Thread: hub.
    time_point now() noexcept { return clock_->now(); }

    /// Where its random numbers come from. Switches: never. Thread: hub.
    random_source& random() noexcept { return *random_; }

    /// Ends every greenlet of the thread but the caller, with the loop turning, so that cleanup
    /// which parks can finish. What was posted, and what `call_soon` has queued before, is called
    /// meanwhile; the calls that are still to come then are dropped. The hub refuses new work from
    /// then on. A second call does nothing. A greenlet that does not end, because it swallows its
    /// exits or its cleanup waits for what can never happen, is reported and left behind.
    /// Throws: misuse when called in a callback, or by another greenlet than main (or one that main
    /// has switched to by hand and waits for); wrong_thread. Switches: may. Thread: hub.
    void close();

    /// Makes the hub usable in the child of a fork, with a new reactor. Of the greenlets there are
    /// left: the one that has called `fork`, main, and those that wait for its result. What others
    /// have asked the hub for is forgotten: calls, posts, limits. A remote that was made before the
    /// fork posts nothing there any more.
    /// Throws: misuse when there was no fork, or a second time; std::system_error, std::bad_alloc,
    /// and then it can be called again; wrong_thread. Switches: never. Thread: hub.
    void reset_after_fork(fork_descriptors descriptors = fork_descriptors::forget);

    /// Sets who hears of errors that nobody collects, and returns the previous one. The default
    /// prints them. What the handler throws is printed with the error, and so is what is reported
    /// while it runs. In the handler itself the previous one is out, and an empty one is returned.
    /// Switches: never. Thread: hub.
    error_handler set_error_handler(error_handler handler);

    /// Reports an error that nobody collects; `whose` names where it comes from.
    /// Switches: never. Thread: hub.
    void report_error(std::exception_ptr error, std::string_view whose) noexcept;

    /// Returns the numbers of this moment. Switches: never. Thread: hub.
    hub_statistics statistics() const noexcept;

    // For primitives and schedulers.

    /// Lets a parked greenlet run in its turn. Requires: its wait is settled.
    /// Switches: never. Thread: hub.
    void make_ready(control_block& block) noexcept {
        block.state.store(greenlet_state::ready, std::memory_order_relaxed);
        ready_.push(block);
    }

    /// Makes an unstarted greenlet whose parent is the hub. It takes over `body`, and disposes of
    /// it at death. Throws: std::bad_alloc; misuse for a stack above 1 GiB, or when the hub has
    /// closed. Switches: never. Thread: hub.
    control_block& create(greenlet_body& body, std::size_t stack_size);

    /// Queues an unstarted greenlet whose result nobody receives by switching. The hub takes over
    /// one handle of it and drops it at death. Switches: never. Thread: hub.
    void schedule(control_block& block) noexcept;

    /// Suspends the running greenlet as parked or ready and continues whoever is next.
    /// Switches: may. Thread: hub.
    TENDRIL_ALWAYS_INLINE void leave(greenlet_state leaves_as) {
        thread_.transfer = nullptr;
        switch_stacks(thread_, next(), leaves_as);
        finish_arrival(thread_);
    }

    /// Lets everybody run who is ready now. Switches: may. Thread: hub.
    TENDRIL_ALWAYS_INLINE void leave_ready() {
        if (ready_.empty() && --budget_left_ >= 0) {
            return;
        }
        ready_.push(*thread_.current);
        leave(greenlet_state::ready);
    }

    /// Wakes `waiting` when nobody else can run: when the loop would sleep, or let a clock jump.
    /// One that parks here goes behind those who do so already. Switches: never. Thread: hub.
    void wake_when_idle(waiter& waiting) noexcept;

    /// Lets others run if the `ready_order` says so. Switches: may. Thread: hub.
    void offer_switch();

    /// Counts what runs elsewhere and comes back to this hub (waiter.hpp, `job_under_way`).
    /// Switches: never. Thread: hub.
    void begin_job() noexcept { ++jobs_; }
    void end_job() noexcept { jobs_ -= jobs_ > 0 ? 1 : 0; }

    /// Says whether anybody could run now if the caller left. Switches: never. Thread: hub.
    bool others_are_ready() const noexcept { return !ready_.empty(); }

    /// Takes `steps` from the turn's budget for something that succeeded at once. Returns whether
    /// the budget is used up: then the caller yields before it goes on.
    /// Switches: never. Thread: hub.
    bool spend(int steps) noexcept { return (budget_left_ -= steps) < 0; }

    /// Says whether the caller runs in a callback of this hub, where nobody may park.
    /// Switches: never. Thread: hub.
    bool in_callback() const noexcept { return thread_.current == loop_; }

    /// The hub of a thread, or null. Switches: never.
    static hub* of(thread_record& thread) noexcept { return static_cast<hub*>(thread.loop); }

    /// Checks that the hub may be waited in: misuse in the child of a fork. Switches: never.
    void require_not_forked() const {
        TENDRIL_REQUIRE(
            stage_ != stage::forked,
            "this is the child of a fork, whose hub is the parent's: call "
            "this_hub().reset_after_fork() before anything that waits");
    }

    /// The thread of this hub. Switches: never.
    thread_record& thread() const noexcept { return thread_; }

private:
    friend class alarm;
    friend class callback;
    friend class detail::run_scope;
    enum class stage : std::uint8_t {
        open,
        closing,
        closed,
        /// This is the child of a fork, and nobody has asked for the hub there.
        forked,
    };

    control_block& successor() noexcept override { return next(); }
    void adopt(control_block& waiting) noexcept override;
    void report(std::exception_ptr error, control_block const& from) noexcept override;
    void notice_visitor() noexcept override;
    control_block& loop_greenlet() noexcept override { return *loop_; }
    void forked() noexcept override;

    control_block& next() noexcept {
        if (--budget_left_ >= 0) [[likely]] {
            if (control_block* const ready = ready_.pop_direct()) {
                if (ready->state.load(std::memory_order_relaxed) != greenlet_state::unstarted)
                    [[likely]] {
                    return *ready;
                }
                if (begin(*ready) == nullptr) {
                    return *ready;
                }
                // There is no stack for it. The loop ends it, which is nothing to do on this one.
                ready_.put_back(*ready);
            }
        }
        return *loop_;
    }

    void require_own_thread() const;
    void require_usable() const;

    // The loop.
    void loop();
    void run_ready();
    std::exception_ptr begin(control_block& block) noexcept;
    void end_without_stack(control_block& block, std::exception_ptr const& reason) noexcept;
    void continue_greenlet(control_block& block) noexcept;
    void call(callback& due) noexcept;
    void call_posted() noexcept;
    void look_at_reactor() noexcept;
    bool is_quiet();
    void let_idler_go(deadline next);
    void wait_on_other_clock(deadline next);
    void sleep(deadline until);
    void fire_alarms() noexcept;

    // The end, and waiting in vain.
    void give_up_waiting();
    void tell_main(std::string text);
    void raise_in(control_block& suspended, std::exception_ptr error) noexcept;
    bool caller_may_close() const noexcept;
    bool closing_goes_on();
    void request_exits() noexcept;
    bool end_those_suspended();
    void end_suspended_task(control_block& task) noexcept;
    bool only_survivors_left() noexcept;
    void let_closer_go() noexcept;
    void strand_survivors() noexcept;
    void end_loop() noexcept;
    void end_loop_greenlet() noexcept;
    bool drop_calls() noexcept;

    // The child of a fork.
    void keep_own_alarms();
    void refuse_to_go_on() noexcept;
    void close_after_fork() noexcept;

    thread_record& thread_;
    ready_queue ready_;
    int budget_left_;
    int budget_;
    stage stage_ = stage::open;
    bool stopping_ = false;
    // The greenlet of the loop.
    greenlet loop_greenlet_;
    control_block* loop_ = nullptr;
    // Who is told when nobody can be woken any more, and what it is told.
    control_block* main_ = nullptr;
    std::unique_ptr<detail::deadlock_notice> deadlock_;
    // Who closes, and its wait for everybody else to end while it waits.
    control_block* closing_ = nullptr;
    waiter* closer_ = nullptr;
    // It was ready when the process forked.
    bool main_was_ready_ = false;
    // Nothing can wake anybody who is left, so the one who closes need not wait for them.
    bool stuck_ = false;
    tendril::clock* clock_;
    random_source* random_;
    seeded_random own_random_;
    intrusive_heap<time_point, alarm> alarms_;
    intrusive_list<callback> delayed_;
    std::unique_ptr<detail::reactor> reactor_;
    std::shared_ptr<detail::mailbox> mailbox_;
    error_handler on_error_;
    std::uint64_t turns_ = 0;
    // Who waits until nobody else can run.
    intrusive_list<list_hook<>> idlers_;
    // How many jobs elsewhere somebody here waits for.
    std::size_t jobs_ = 0;
};

/// The hub of the calling thread, made at first use and closed when the thread ends.
/// Throws: as the constructor. Switches: never.
hub& this_hub();

}  // namespace tendril
