// SPDX-License-Identifier: BSL-1.0
#pragma once

// What a task is, behind its handles: a function, a greenlet that runs it, and how it ended.
//
// One allocation holds all of it but the control block, the stack, and what few tasks have (a name,
// links). It is shared by the greenlet and by the handles (`task<T>`), and freed with the last of
// them. The function and its arguments are destroyed on the task's own stack before anybody learns
// that it is done. For a small function it is 128 bytes with what the allocator adds.
//
//     stage         means                                          a get() then
//     unfinished    it runs, waits, or has not begun               waits
//     returned      its function has returned                      returns the result
//     failed        its function has thrown                        throws the same
//     cancelled     `cancelled` has left its function, or it was   throws task_cancelled
//                   cancelled before it began
//     exited        `greenlet_exit` has left its function, or its  throws task_cancelled
//                   hub closed before it began
//
// Read next: task.hpp.

#include <tendril/context/stack_pool.hpp>
#include <tendril/greenlet/control_block.hpp>
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/config.hpp>
#include <tendril/support/intrusive_list.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/unique_function.hpp>

#include <cxxabi.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <source_location>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace tendril {

/// A result was asked of a task that was cancelled or ended. It derives from `std::exception`,
/// unlike `cancelled` itself: the one who asks has not been cancelled.
class task_cancelled : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// How a task is made.
struct spawn_options {
    /// A name for messages. It is copied.
    std::string name{};
    /// How many bytes of stack it needs.
    std::size_t stack_size = stack_pool::default_size;
    /// Where it was spawned, for messages.
    std::source_location where = std::source_location::current();
};

namespace detail {

class task_core;

// Hears of the end of one task in the step in which it ends, before anybody who joins runs: a link
// that needs no memory. One that is destroyed has left its task.
class completion {
public:
    // Who it is for: a task is observed once by each.
    explicit completion(void const* owner) noexcept : owner_{owner} {}
    completion(completion const&) = delete;
    completion& operator=(completion const&) = delete;

    // May not switch, and may destroy this object.
    virtual void completed(task_core& ended) noexcept = 0;
    void const* owner() const noexcept { return owner_; }

    // Says whether it still waits for the end.
    bool linked() const noexcept { return link_ != nullptr; }
    void unlink() noexcept {
        if (link_ != nullptr) {
            *link_ = next_;
            if (next_ != nullptr) {
                next_->link_ = link_;
            }
            link_ = nullptr;
        }
    }

protected:
    ~completion() { unlink(); }

private:
    friend class task_core;
    void link_to(completion*& end) noexcept {
        next_ = nullptr;
        link_ = &end;
        end = this;
    }

    void const* owner_;
    completion* next_ = nullptr;
    // Where the pointer to it stands.
    completion** link_ = nullptr;
};

// Says that a reference has been counted.
struct counted_t {};

// What few tasks have.
struct task_extras {
    std::string name;
    std::vector<unique_function<void()>> links;
    // The call that lets it begin, for one that begins later.
    callback_handle start;
};

// A cancel or a kill on its way to the task is the task itself: the `interruption` that it is.
class task_core : public greenlet_body, public lives_in_small_memory, private interruption {
public:
    enum class stage : std::uint8_t { unfinished, returned, failed, cancelled, exited };

    task_core(task_core const&) = delete;
    task_core& operator=(task_core const&) = delete;

    void add_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void drop_reference() noexcept {
        // Who has the only one shares the count with nobody, and needs no locked instruction.
        if (references_.load(std::memory_order_acquire) == 1 ||
            references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            delete this;
        }
    }

    /// Makes the greenlet and queues it. The reference that it holds is counted here.
    void start(spawn_options&& options);
    /// As above, with the usual options and without a place.
    void start();

    /// As above, but lets it begin at once. Requires: `check_first_step` was called.
    /// Switches: may.
    void start_eagerly(spawn_options&& options);
    void start_eagerly();

    /// The same in two steps, for who has to know of the task before it runs: makes the greenlet,
    /// then lets it begin.
    void prepare(spawn_options&& options) { make_greenlet(std::move(options)); }
    void begin_now() { hub_.run_first_step(*block_); }

    /// As `start`, but waits until a moment before the greenlet is queued.
    void start_at(spawn_options&& options, time_point when);

    /// What every function that may wait asks for at its beginning, and a step of the budget.
    /// Throws: what was requested for the caller; misuse where nobody may wait. Switches: may.
    static void check_first_step();

    bool done() const noexcept { return stage_ != stage::unfinished; }
    stage how() const noexcept { return stage_; }
    std::string const& name() const noexcept;
    std::source_location const& where() const noexcept { return made_at; }
    std::uint32_t id() const noexcept { return id_; }
    /// The number of the greenlet that has spawned it.
    std::optional<std::uint32_t> spawner() const noexcept final { return kept_number(); }

    bool wait_until(deadline limit);
    /// Puts a waiter into the queue of those who are woken at the end. Requires: unfinished.
    void enlist(waiter& joiner);
    /// Throws what a failed or cancelled task has for those who ask for its result.
    void rethrow_failure();
    std::exception_ptr collect_error() noexcept;
    bool cancel();
    std::uint32_t cancel_requests() const noexcept { return cancel_requests_; }
    std::uint32_t uncancel();
    void kill(std::exception_ptr error);
    void on_done(unique_function<void()> link);

    /// Tells `added` of the end; never, when the task has ended. Throws: wrong_thread.
    void observe(completion& added);
    /// What observes it for `owner`; null when nothing does.
    completion* observer_for(void const* owner) noexcept;
    /// What a `get` throws; null when the task has returned, or not ended. Collects the error.
    std::exception_ptr failure();
    /// An error counts as collected, even one that is still to come.
    void waive_error() noexcept { error_collected_ = true; }
    bool is_running() const noexcept { return !done() && block_ == this_thread().current; }
    /// The task that runs; null when that greenlet is no task's.
    static task_core* running() noexcept;

    void dispose() noexcept final { drop_reference(); }

protected:
    task_core() : interruption{rank::edge}, hub_{this_hub()} {}
    ~task_core() override {
        if (error_ != nullptr) [[unlikely]] {
            report_uncollected();
        }
    }

    /// The function is over: a cancel or a kill comes too late from now on.
    void refuse_edges() noexcept { seal_interruptions(*block_); }
    /// Records how the function ended: by the exception that is being handled.
    void fail() noexcept { record(std::current_exception()); }
    void record(std::exception_ptr error) noexcept;
    void finish(stage how) noexcept;

    bool has_captures_ = false;

private:
    void raise() override;
    TENDRIL_COLD void report_uncollected() noexcept;
    task_extras& extras();
    control_block& make_greenlet(std::size_t stack_size);
    control_block& make_greenlet(spawn_options&& options);
    class delayed_start;
    void end_before_start(std::exception_ptr reason) noexcept;
    void require_own_thread() const;
    void send_edge(std::exception_ptr error);
    void schedule_links() noexcept;
    void call_links() noexcept;
    std::string describe_self() const;

    // The words are in an order that leaves no gaps.
    stage stage_ = stage::unfinished;
    bool error_collected_ : 1 = false;
    // A cancel or a kill was sent and has not been thrown.
    bool edge_sent_ : 1 = false;
    // Its moment to begin has not come: its greenlet is not in the hub yet.
    bool awaits_start_ : 1 = false;
    // How many cancels nobody has taken back.
    std::uint16_t cancel_requests_ = 0;
    // The first is that of the handle which makes it.
    std::atomic<std::uint32_t> references_{1};
    std::uint32_t id_ = 0;
    hub& hub_;
    control_block* block_ = nullptr;
    intrusive_list<waiter> joiners_;
    completion* observers_ = nullptr;
    // What it has thrown; before its end, what a kill that is on its way throws. A null on its way
    // means `cancelled`.
    std::exception_ptr error_;
    std::unique_ptr<task_extras> extras_;
};

// A result, with a place for those who have one.
template <typename T>
class task_result : public task_core {
public:
    T& result() noexcept { return *result_; }

protected:
    template <typename F>
    void keep_result_of(F&& call) {
        result_.emplace(std::forward<F>(call)());
    }

private:
    std::optional<T> result_;
};

template <>
class task_result<void> : public task_core {
public:
    // What stands for the result where there must be one.
    std::monostate& result() noexcept {
        static std::monostate none;
        return none;
    }

protected:
    template <typename F>
    void keep_result_of(F&& call) {
        std::forward<F>(call)();
    }
};

template <typename T, typename F, typename... Args>
class task_function : public task_result<T> {
public:
    template <typename G, typename... Given>
    explicit task_function(G&& function, Given&&... arguments) {
        ::new (static_cast<void*>(&call_))
            std::tuple<F, Args...>(std::forward<G>(function), std::forward<Given>(arguments)...);
        this->has_captures_ = true;
    }
    ~task_function() override { destroy_captures(); }

    value run(value) override {
        try {
            call();
            this->finish(task_core::stage::returned);
        } catch (abi::__forced_unwind const&) {
            throw;
        } catch (...) {
            this->fail();
        }
        return value{};
    }

    /// The captures are destroyed at once: they may hold a handle to this very task.
    void abandon(std::exception_ptr reason) noexcept override {
        destroy_captures();
        this->record(std::move(reason));
    }

private:
    static constexpr auto invoke = [](F&& function, Args&&... arguments) -> T {
        return std::invoke(std::forward<F>(function), std::forward<Args>(arguments)...);
    };

    void call() {
        scope_exit const at_end{[this] {
            this->refuse_edges();
            destroy_captures();
        }};
        // Who was cancelled before the first turn never begins.
        deliver_interruption();
        this->keep_result_of([this]() -> T { return std::apply(invoke, std::move(call_)); });
    }

    void destroy_captures() noexcept {
        if (std::exchange(this->has_captures_, false)) {
            std::destroy_at(&call_);
        }
    }

    // The function and its arguments, while there are any.
    union {
        std::tuple<F, Args...> call_;
    };
};

}  // namespace detail
}  // namespace tendril
