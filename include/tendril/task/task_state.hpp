// SPDX-License-Identifier: BSL-1.0
#pragma once

// What a task is, behind its handles: a function, a greenlet that runs it, and how it ended.
//
// One allocation holds all of it but the control block and the stack. It is shared by the greenlet
// and by the handles (`task<T>`), and freed with the last of them. The function and its arguments
// are destroyed on the task's own stack before anybody learns that it is done.
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
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/sync/wait_queue.hpp>

#include <cxxabi.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
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

class task_core : public greenlet_body {
public:
    enum class stage : std::uint8_t { unfinished, returned, failed, cancelled, exited };

    task_core(task_core const&) = delete;
    task_core& operator=(task_core const&) = delete;

    void add_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void drop_reference() noexcept {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            delete this;
        }
    }

    /// Makes the greenlet and queues it. The reference that it holds is counted here.
    void start(spawn_options options);

    /// As above, but lets it begin at once. Requires: `check_first_step` was called.
    /// Switches: may.
    void start_eagerly(spawn_options options);

    /// What every function that may wait asks for at its beginning, and a step of the budget.
    /// Throws: what was requested for the caller; misuse where nobody may wait. Switches: may.
    static void check_first_step();

    bool done() const noexcept { return stage_ != stage::unfinished; }
    stage how() const noexcept { return stage_; }
    std::string const& name() const noexcept { return name_; }
    std::source_location const& where() const noexcept { return made_at; }
    std::uint32_t id() const noexcept { return id_; }

    bool wait_until(deadline limit);
    /// Throws what a failed or cancelled task has for those who ask for its result.
    void rethrow_failure();
    std::exception_ptr collect_error() noexcept;
    bool cancel();
    void kill(std::exception_ptr error);
    void on_done(unique_function<void()> link);

    void dispose() noexcept final { drop_reference(); }

protected:
    task_core() noexcept : hub_{this_hub()}, joiners_{"task"}, edge_{*this} {}
    ~task_core() override;

    /// The function is over: a cancel or a kill comes too late from now on.
    void refuse_edges() noexcept { seal_interruptions(*block_); }
    /// Records how the function ended: by the exception that is being handled.
    void fail() noexcept { record(std::current_exception()); }
    void record(std::exception_ptr error) noexcept;
    void finish(stage how) noexcept;

private:
    // A cancel or a kill on its way to the task.
    class edge final : public interruption {
    public:
        explicit edge(task_core& owner) noexcept : interruption{rank::edge}, owner_{owner} {}
        ~edge() = default;

    private:
        void raise() override;
        task_core& owner_;
    };

    control_block& make_greenlet(spawn_options&& options);
    void send_edge(std::exception_ptr error);
    void schedule_links() noexcept;
    void call_links() noexcept;
    std::string describe_self() const;

    hub& hub_;
    control_block* block_ = nullptr;
    std::atomic<std::uint32_t> references_{0};
    stage stage_ = stage::unfinished;
    bool error_collected_ = false;
    std::uint32_t id_ = 0;
    wait_queue joiners_;
    std::exception_ptr error_;
    edge edge_;
    // It was sent and has not been thrown.
    bool edge_sent_ = false;
    // What `edge_` throws; null means `cancelled`.
    std::exception_ptr edge_error_;
    std::vector<unique_function<void()>> links_;
    std::string name_;
};

// A result, with a place for those who have none.
template <typename T>
class task_result : public task_core {
public:
    using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
    stored& result() noexcept { return *result_; }

protected:
    std::optional<stored> result_;
};

template <typename T, typename F, typename... Args>
class task_function final : public task_result<T> {
public:
    template <typename G, typename... Given>
    explicit task_function(G&& function, Given&&... arguments)
        : call_{std::in_place, std::forward<G>(function), std::forward<Given>(arguments)...} {}

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
        call_.reset();
        this->record(std::move(reason));
    }

private:
    static constexpr auto invoke = [](F&& function, Args&&... arguments) -> T {
        return std::invoke(std::forward<F>(function), std::forward<Args>(arguments)...);
    };

    void call() {
        scope_exit const destroy_captures{[this] {
            this->refuse_edges();
            call_.reset();
        }};
        // Who was cancelled before the first turn never begins.
        deliver_interruption();
        if constexpr (std::is_void_v<T>) {
            std::apply(invoke, std::move(*call_));
            this->result_.emplace();
        } else {
            this->result_.emplace(std::apply(invoke, std::move(*call_)));
        }
    }

    std::optional<std::tuple<F, Args...>> call_;
};

}  // namespace detail
}  // namespace tendril
