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
// An embedded hub stands on an `io_context` that the program runs itself, on this thread. It has no
// loop of its own: the thread's own stack is its loop, and greenlets run in handlers of the
// context.
//
// Read next: waiter.hpp, run.hpp; docs/hub.md for a picture of one turn.

#include <tendril/greenlet/greenlet.hpp>
#include <tendril/greenlet/scheduler.hpp>
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/alarm.hpp>
#include <tendril/hub/callback.hpp>
#include <tendril/hub/clock.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/hub/errors.hpp>
#include <tendril/hub/hub_options.hpp>
#include <tendril/hub/ready_queue.hpp>
#include <tendril/hub/remote.hpp>
#include <tendril/support/config.hpp>
#include <tendril/support/intrusive_heap.hpp>
#include <tendril/support/random.hpp>
#include <tendril/support/unique_function.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace boost::asio {
class io_context;
}

namespace tendril {

namespace detail {
class deadlock_notice;
class mailbox;
class reactor;
class run_scope;
class upkeep;
}  // namespace detail

class waiter;

class hub final : public dispatcher, private scheduler {
public:
    /// Makes a hub for the calling thread. Most programs let `run` or `this_hub` do it.
    /// Throws: misuse when the thread has one; stack_exhausted, std::system_error. Switches: never.
    explicit hub(hub_options const& options = {});

    /// Makes a hub on `context`, which must outlive it and is run by this thread alone. Until it
    /// is closed, greenlets run while the program runs the context, a bounded number of steps at a
    /// time, and the context has work while a task is alive. The thread's own stack must not park.
    /// Throws: as above, and misuse on a greenlet's stack, or for a clock that is not the usual
    /// one.
    /// Switches: never.
    hub(boost::asio::io_context& context, embedded_t, hub_options const& options = {});
    hub(hub const&) = delete;
    hub& operator=(hub const&) = delete;

    /// Closes it. Where `close` would throw, the program ends. Switches: may.
    ~hub();

    /// Calls `function` in the next turn, in the order of the calls. It must not park. `origin` is
    /// for reports. Throws: std::bad_alloc; misuse when the hub has closed; wrong_thread.
    /// Switches: never. Thread: hub.
    callback_handle call_soon(
        unique_function<void()> function,
        std::source_location origin = std::source_location::current());

    /// Calls `function` after a while, or at a moment. Throws: std::bad_alloc; misuse when the
    /// duration is not a number, or the hub has closed; wrong_thread. Switches: never. Thread: hub.
    template <typename Rep, typename Period>
    callback_handle call_later(
        std::chrono::duration<Rep, Period> const& delay, unique_function<void()> function,
        std::source_location origin = std::source_location::current()) {
        return call_at(deadline::after(delay), std::move(function), origin);
    }
    callback_handle call_at(
        deadline when, unique_function<void()> function,
        std::source_location origin = std::source_location::current());
    callback_handle call_at(
        time_point when, unique_function<void()> function,
        std::source_location origin = std::source_location::current()) {
        return call_at(deadline::at(when), std::move(function), origin);
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

    /// Lets the others run until somebody calls `stop`. When that has been called already, they run
    /// for one turn. Throws: misuse in a callback, by another greenlet than main, and inside
    /// another one; would_block_forever; what was requested for main. Switches: may. Thread: hub.
    void run_forever();

    /// Makes `run_forever` return, after what is ready now. Switches: never. Thread: hub.
    void stop();

    /// Lets the others run until `awaited`, a task or what has its `on_done`, `done` and `get`, has
    /// its result, and returns that. Throws: what `get` throws; stopped_early when `stop` was
    /// called before; as `run_forever`. Switches: may. Thread: hub.
    template <typename Waitable>
    decltype(auto) run_until_complete(Waitable&& awaited) {
        require_main("run_until_complete() is for the main greenlet: let a task wait with get()");
        // The link may outlive this wait.
        auto const waits = std::make_shared<bool>(true);
        awaited.on_done([this, still = std::weak_ptr<bool>{waits}] {
            if (!still.expired()) {
                stop();
            }
        });
        run_forever();
        if (!awaited.done()) {
            throw stopped_early{};
        }
        return std::forward<Waitable>(awaited).get();
    }

    /// Waits until nothing is left that could make anybody run: nobody is ready, and there is no
    /// referenced alarm, no I/O under way and no remote. Who is left then waits in vain.
    /// Throws: as `run_forever`, but not would_block_forever. Switches: may. Thread: hub.
    void join() { join_until(deadline::never()); }

    /// As above, but for a while, or until a moment, at most. Returns whether nothing is left. The
    /// limit itself does not count as something that is left. Switches: may.
    template <typename Rep, typename Period>
    bool join_for(std::chrono::duration<Rep, Period> const& duration) {
        return join_until(deadline::after(duration));
    }
    bool join_until(deadline limit);

    /// Ends every greenlet of the thread but the caller, with the loop turning, so that cleanup
    /// which parks can finish. What was posted, and what `call_soon` has queued before, is called
    /// meanwhile; the calls that are still to come then are dropped. The hub refuses new work from
    /// then on. A second call does nothing. A greenlet that does not end, because it swallows its
    /// exits or its cleanup waits for what can never happen, is reported and left behind.
    /// Throws: misuse when called in a callback, or by another greenlet than main (or one that main
    /// has switched to by hand and waits for), and for an embedded hub while its context is being
    /// run; wrong_thread. Switches: may. Thread: hub.
    void close();

    /// Makes the hub usable in the child of a fork, with a new reactor. Of the greenlets there are
    /// left: the one that has called `fork`, main, and those that wait for its result. What others
    /// have asked the hub for is forgotten: calls, posts, limits. A remote that was made before the
    /// fork posts nothing there any more. Descriptors stay open: what the child does not use it
    /// should close, as long as that is open no peer sees an end.
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

    /// From now on, tells `handler` of every callback, posted function and turn of a greenlet that
    /// takes as long as `limit` or longer. While that is so, greenlets hand over through the loop,
    /// which looks at the clock twice each time. An empty handler ends it.
    /// Switches: never. Thread: hub.
    void watch_long_runs(std::chrono::nanoseconds limit, long_run_handler handler);

    /// Returns the numbers of this moment. Switches: never. Thread: hub.
    hub_statistics statistics() const noexcept;

    // For primitives and schedulers.

    /// Makes an unstarted greenlet whose parent is the hub. It takes over `body`, and disposes of
    /// it at death. Throws: std::bad_alloc; misuse for a stack above 1 GiB, or when the hub has
    /// closed. Switches: never. Thread: hub.
    control_block& create(greenlet_body& body, std::size_t stack_size);

    /// Queues an unstarted greenlet whose result nobody receives by switching. The hub takes over
    /// one handle of it and drops it at death. Switches: never. Thread: hub.
    void schedule(control_block& block) noexcept;

    /// As `schedule`, but lets it begin at once, on the caller's turn, until it waits for the first
    /// time or ends; then the caller goes on, before everybody else. What is requested for the
    /// caller meanwhile stays pending. Requires: the caller may park. Switches: may. Thread: hub.
    void run_first_step(control_block& block);

    /// Wakes `waiting` when nobody else can run: when the loop would sleep, or let a clock jump.
    /// One that parks here goes behind those who do so already. Switches: never. Thread: hub.
    void wake_when_idle(waiter& waiting) noexcept;

    /// Lets others run if the `ready_order` says so. Switches: may. Thread: hub.
    void offer_switch();

    /// Tells the `ready_order` that a call looks for interruption. Switches: never. Thread: hub.
    void pass_checkpoint() noexcept;

    /// Counts what runs elsewhere and comes back to this hub (waiter.hpp, `job_under_way`).
    /// Switches: never. Thread: hub.
    void begin_job() noexcept { ++jobs_; }
    void end_job() noexcept { jobs_ -= jobs_ > 0 ? 1 : 0; }

    /// Where letters for it go, for what counts as under way. Switches: never. Thread: hub.
    std::shared_ptr<detail::mailbox> const& mailbox() const noexcept { return mailbox_; }

    /// The reactor, for what waits for descriptors. Switches: never. Thread: hub.
    detail::reactor& reactor() noexcept { return *reactor_; }

    /// The hub of a thread, or null. Switches: never.
    static hub* of(thread_record& thread) noexcept { return static_cast<hub*>(thread.loop); }

private:
    hub(boost::asio::io_context* embedding, hub_options const& options);

    friend class alarm;
    friend class dispatcher;
    friend class callback;
    friend class no_switch;
    friend class detail::run_scope;
    using stage = hub_stage;

    control_block& successor() noexcept override;
    void adopt(control_block& waiting) noexcept override;
    void report(std::exception_ptr error, control_block const& from) noexcept override;
    void notice_visitor() noexcept override;
    void thread_ends() noexcept override;
    control_block& loop_greenlet() noexcept override { return *loop_; }
    void forget(control_block& waiting) noexcept override;
    void forked() noexcept override;

    void take_over(control_block& block) noexcept;
    void require_own_thread() const;
    void require_usable() const;
    void require_main(char const* what) const;

    // The loop.
    void loop();
    void turn();
    void run_ready();
    void end_without_stack(control_block& block, std::exception_ptr const& reason) noexcept;
    void continue_greenlet(control_block& block) noexcept;
    void call(callback& due) noexcept;
    void call_posted() noexcept;
    void look_at_reactor() noexcept;
    deadline keep_house(deadline next) noexcept;
    bool is_quiet();
    void let_idler_go();
    void sleep_announced(deadline until);
    deadline next_alarm() const noexcept;
    bool alarm_is_due() const;
    void wait_on_other_clock(deadline next);
    void sleep(deadline until);
    bool is_drained();
    void fire_alarms() noexcept;
    template <typename F>
    void watch(long_run about, F&& run);
    void tell_of_long_run(long_run const& about) noexcept;

    // Embedded.
    void request_turn() noexcept;
    void embedded_turn();
    void await_next_turn();
    void require_not_in_handler() const;
    void turn_until_closed();

    // The end, and waiting in vain.
    void give_up_waiting();
    void tell_main(std::exception_ptr error);
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

    int budget_;
    bool stopping_ = false;
    bool const embedded_ = false;
    // Embedded, and nothing has happened in the last turn.
    bool was_idle_ = false;
    // Tasks, and greenlets of `spawn_raw`, that have not ended.
    std::size_t spawned_ = 0;
    // Armed alarms that are reason enough to wait.
    std::size_t referenced_alarms_ = 0;
    // The greenlet of the loop.
    greenlet loop_greenlet_;
    // Who is told when nobody can be woken any more, and what it is told.
    control_block* main_ = nullptr;
    std::unique_ptr<detail::deadlock_notice> deadlock_;
    // Who closes, and its wait for everybody else to end while it waits.
    control_block* closing_ = nullptr;
    waiter* closer_ = nullptr;
    // Main, in `run_forever` or `join`.
    waiter* runner_ = nullptr;
    waiter* joiner_ = nullptr;
    bool stop_wanted_ = false;
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
    // Null when the hub gives no memory back.
    std::unique_ptr<detail::upkeep> upkeep_;
    error_handler on_error_;
    std::chrono::nanoseconds long_run_limit_{};
    long_run_handler on_long_run_;
    std::uint64_t watches_begun_ = 0;
    std::uint64_t turns_ = 0;
    // Who waits until nobody else can run.
    intrusive_list<list_hook<>> idlers_;
    // How many jobs elsewhere somebody here waits for.
    std::size_t jobs_ = 0;
};

namespace detail {
TENDRIL_COLD hub& make_this_hub();
}

/// The hub of the calling thread, made at first use and closed when the thread ends.
/// Throws: as the constructor. Switches: never.
inline hub& this_hub() {
    hub* const present = hub::of(this_thread_afresh());
    return present != nullptr ? *present : detail::make_this_hub();
}

}  // namespace tendril
