// SPDX-License-Identifier: BSL-1.0
#pragma once

// Tasks that cannot outlive a block.
//
//     tendril::with_task_group([&](tendril::task_group& group) {
//         group.spawn(serve, first);
//         group.spawn(serve, second);
//     });                                  // both have ended here, whatever happens
//
// What children refer to stands outside the block: its own variables are gone when it returns, and
// the group waits behind it.
//
// The block and its children stand in one cancel scope. When the block is left by an error, or a
// child fails, the scope is cancelled: the others end too. When all have ended, the errors leave
// together, as an `exception_group`, also when it is one. What came from outside, a cancelled scope
// further out, a `cancel` of the task, somebody's timeout, ends the children and then goes its way;
// if a child fails meanwhile, the error wins. An error that `kill` throws into the block is one of
// the block, and so is a `timed_out` that the `get` of another task throws there. Children that
// were cancelled are no errors.
//
//     stage      means                                       spawn then
//     open       children run, or may                        adds one
//     ending     it was cancelled, or one has failed         throws task_group_closed
//     ended      all have ended, and somebody was told       throws task_group_closed
//
// A child may be handed the group and spawn others. `start` waits until a child says that it is
// ready. A group can also be a member of an object: then `join` waits and throws the errors, and
// the destructor cancels, waits and reports what nobody has been told of. When it outlives the
// scope that it was made in, it stands in the one further out, and stays cancelled if it is.
//
// Source of the rules: the nurseries of Trio, and asyncio's TaskGroup.

#include <tendril/scope/cancel_node.hpp>
#include <tendril/scope/exception_group.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/sync/wait_queue.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/task/task.hpp>
#include <tendril/task/task_state.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace tendril {

/// A child was to be added to a group that ends or has ended.
class task_group_closed : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A child that was started by `task_group::start` has ended without saying that it was ready.
class never_started : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

namespace detail {

// Whether a child has said that it is ready, and who waits for that.
class start_report {
public:
    start_report() noexcept : waiting_{"the start of a task"} {}

    enum class stage : std::uint8_t { awaited, reported, given_up };

    bool settled() const noexcept { return stage_ != stage::awaited; }
    bool reported() const noexcept { return stage_ == stage::reported; }
    std::exception_ptr const& error() const noexcept { return error_; }

    void report() {
        stage_ = stage::reported;
        waiting_.wake_all();
    }
    void give_up(std::exception_ptr error) noexcept {
        stage_ = stage::given_up;
        error_ = std::move(error);
        waiting_.wake_all();
    }
    void wait() {
        plain_waiter me{"the start of a task"};
        waiting_.push(me);
        me.park();
    }

private:
    wait_queue waiting_;
    std::exception_ptr error_;
    stage stage_ = stage::awaited;
};

class group_core {
public:
    enum class stage : std::uint8_t { open, ending, ended };

    group_core();
    group_core(group_core const&) = delete;
    group_core& operator=(group_core const&) = delete;
    ~group_core();

    cancel_node& node() noexcept { return node_; }
    cancel_node const& node() const noexcept { return node_; }
    std::size_t size() const noexcept { return running_; }

    /// Puts the block that makes the group into its scope.
    void enter() {
        // Its end must wait, in whichever way the block is left.
        hub_.require_not_forked();
        hub_.require_may_park();
        node_.enter();
        is_block_ = true;
    }
    void cancel(char const* reason);
    /// Throws unless a child may be added now; makes room for its error.
    void require_open();
    void added() noexcept { ++running_; }
    void ended(task_core& child, start_report* start) noexcept;
    void wait_for_start(start_report& start, task_core& child);
    /// Waits for all, and throws what there is to throw. `left_by` is what has left the block.
    void conclude(std::exception_ptr left_by);
    /// The same for a group that no block has.
    void join();

private:
    void require_own_thread() const;
    void fail(std::exception_ptr error) noexcept;
    void begin_to_end(char const* reason) noexcept;
    std::exception_ptr sort(std::exception_ptr error);
    std::exception_ptr wait_for_children();
    [[noreturn]] void throw_errors();
    bool caller_is_child() const noexcept {
        task_core* const caller = task_core::running();
        return caller != nullptr && caller->observer_for(this) != nullptr;
    }
    void wait_for_children_shielded() noexcept;
    bool leave_scope() noexcept;

    hub& hub_;
    cancel_node node_;
    wait_queue waiting_;
    std::size_t running_ = 0;
    std::vector<std::exception_ptr> errors_;
    stage stage_ = stage::open;
    bool is_block_ = false;
};

// A task that is a child of a group.
template <typename T, typename F, typename... Args>
class member_function final : public task_function<T, F, Args...>, private completion {
public:
    template <typename... Given>
    member_function(group_core& group, std::shared_ptr<start_report> start, Given&&... given)
        : task_function<T, F, Args...>{std::forward<Given>(given)...},
          completion{&group},
          group_{group},
          start_{std::move(start)} {
        this->observe(*this);
    }

    // DOC: member_run
    value run(value first) override {
        cancel_node scope;
        scope.enter(&group_.node());
        scope_exit const leave{[&scope] { scope.leave(); }};
        return task_function<T, F, Args...>::run(std::move(first));
    }
    // DOC-END: member_run

private:
    void completed(task_core& child) noexcept override { group_.ended(child, start_.get()); }

    group_core& group_;
    std::shared_ptr<start_report> start_;
};

}  // namespace detail

/// What a child that was started by `task_group::start` is handed, to say that it is ready.
template <typename T = void>
class task_status {
public:
    task_status() = default;
    task_status(task_status const&) = delete;
    task_status& operator=(task_status const&) = delete;

    /// Lets `start` return, with this value. Throws: misuse for a second time. Switches: never.
    template <typename... Value>
    void started(Value&&... value) {
        TENDRIL_REQUIRE(!report_.settled(), "a child says once that it has started");
        value_.emplace(std::forward<Value>(value)...);
        report_.report();
    }

private:
    friend class task_group;

    detail::start_report report_;
    std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> value_;
};

class task_group {
public:
    /// Makes a group whose children stand in the scopes of the caller. Switches: never.
    task_group() = default;

    /// Cancels the children that are left, waits for them, and reports errors that nobody has been
    /// told of. Stops the program when it would have to wait in a callback of the hub, or in a
    /// child.
    /// Switches: may.
    ~task_group() = default;

    /// Makes a task that calls `function(arguments...)`, as a child.
    /// Throws: task_group_closed; wrong_thread; as `tendril::spawn`. Switches: never. Thread: hub.
    template <typename F, typename... Args>
    requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
    auto spawn(spawn_options options, F&& function, Args&&... arguments) {
        return make_child(
            nullptr, std::move(options), std::forward<F>(function),
            std::forward<Args>(arguments)...);
    }
    template <typename F, typename... Args>
    requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
    auto spawn(F&& function, Args&&... arguments) {
        return spawn(
            spawn_options{.where = {}}, std::forward<F>(function),
            std::forward<Args>(arguments)...);
    }

    /// As above, but the child begins in the call, as with `tendril::spawn_eager`.
    /// Throws: also what was requested for the caller before; misuse where nobody may wait.
    /// Switches: may. Thread: hub.
    template <typename F, typename... Args>
    requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
    auto spawn_eager(spawn_options options, F&& function, Args&&... arguments) {
        detail::task_core::check_first_step();
        auto child = new_child(
            nullptr, std::forward<F>(function), std::forward<Args>(arguments)...);
        child.state().prepare(std::move(options));
        core_.added();
        child.state().begin_now();
        return child;
    }
    template <typename F, typename... Args>
    requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>
    auto spawn_eager(F&& function, Args&&... arguments) {
        return spawn_eager(
            spawn_options{.where = {}}, std::forward<F>(function),
            std::forward<Args>(arguments)...);
    }

    /// Makes a child that calls `function(status, arguments...)`, waits until it calls
    /// `status.started(value)`, and returns the value. A child that fails before does not fail the
    /// group: its error is thrown here. When the caller is interrupted meanwhile, the child is
    /// cancelled and waited for.
    /// Throws: as `spawn`; what the child throws; never_started; task_cancelled; what was requested
    /// for the caller. Switches: may. Thread: hub.
    template <typename T = void, typename F, typename... Args>
    T start(F&& function, Args&&... arguments) {
        auto const status = std::make_shared<task_status<T>>();
        auto child = make_child(
            std::shared_ptr<detail::start_report>{status, &status->report_},
            spawn_options{.where = {}},
            [status, call = std::decay_t<F>(std::forward<F>(function))](auto&&... given) mutable {
                std::invoke(call, *status, std::forward<decltype(given)>(given)...);
            },
            std::forward<Args>(arguments)...);
        core_.wait_for_start(status->report_, child.state());
        if constexpr (!std::is_void_v<T>) {
            return std::move(*status->value_);
        }
    }

    /// Ends the group early: cancels the block and the children. That is no error. `reason` is a
    /// literal, for messages. Throws: wrong_thread. Switches: never.
    void cancel(char const* reason = "its group was cancelled") { core_.cancel(reason); }

    /// Says whether it was cancelled, by a call or by a failure. Switches: never.
    bool cancel_called() const noexcept { return core_.node().was_cancelled(); }

    /// How many children have not ended. Switches: never.
    std::size_t size() const noexcept { return core_.size(); }

    /// Waits until all children have ended, those too that they add. The group has ended then.
    /// Throws: exception_group; what was requested for the caller, and then the children have been
    /// cancelled and have ended all the same; misuse for the group of a `with_task_group`, in a
    /// child, and where nobody may wait; wrong_thread. Switches: may.
    void join() { core_.join(); }

private:
    template <typename F>
    friend std::invoke_result_t<F, task_group&> with_task_group(F&& block);

    // A child that has no greenlet yet.
    template <typename F, typename... Args>
    auto new_child(std::shared_ptr<detail::start_report> start, F&& function, Args&&... arguments) {
        using result = std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>;
        static_assert(
            !std::is_reference_v<result>,
            "a task keeps its result, so its function must return a value and not a reference");
        using state = detail::member_function<result, std::decay_t<F>, std::decay_t<Args>...>;
        core_.require_open();
        return task<result>{
            *new state{
                core_, std::move(start), std::forward<F>(function),
                std::forward<Args>(arguments)...},
            detail::counted_t{}};
    }
    template <typename... Given>
    auto make_child(
        std::shared_ptr<detail::start_report> start, spawn_options options, Given&&... given) {
        auto child = new_child(std::move(start), std::forward<Given>(given)...);
        child.state().start(std::move(options));
        core_.added();
        return child;
    }

    detail::group_core core_;
};

/// Calls `block(group)`, waits until all children of the group have ended, and returns what the
/// block returns.
/// Throws: exception_group, of what the block and the children have thrown; what came from outside;
/// task_cancelled when the group was cancelled before the block had a result that it should return;
/// misuse in a callback of the hub and in the scope of a `no_switch`.
/// Switches: may.
template <typename F>
std::invoke_result_t<F, task_group&> with_task_group(F&& block) {
    using result = std::invoke_result_t<F, task_group&>;
    using stored = std::conditional_t<std::is_void_v<result>, std::monostate, result>;
    task_group group;
    group.core_.enter();
    std::optional<stored> returned;
    std::exception_ptr left_by;
    try {
        if constexpr (std::is_void_v<result>) {
            std::invoke(std::forward<F>(block), group);
        } else {
            returned.emplace(std::invoke(std::forward<F>(block), group));
        }
    } catch (abi::__forced_unwind const&) {
        throw;
    } catch (...) {
        left_by = std::current_exception();
    }
    group.core_.conclude(std::move(left_by));
    if constexpr (!std::is_void_v<result>) {
        if (!returned) {
            throw task_cancelled{"the task group was cancelled before its block had a result"};
        }
        return *std::move(returned);
    }
}

}  // namespace tendril
