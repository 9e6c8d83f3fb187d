// SPDX-License-Identifier: BSL-1.0
#pragma once

// What stands behind promises and futures: how a value arrives once.
//
// One allocation is shared by the promises, which give, and the futures, which ask; it is freed
// with the last of them. The value lies in it, so readers get references to one and the same.
//
//     stage       means                                             a get() then
//     pending     nobody has given anything                         waits
//     fulfilled   a value was given                                 returns it
//     failed      an error was given                                throws it
//     cancelled   a future was cancelled, or the producer was       throws task_cancelled
//     broken      the last promise has gone and gave nothing        throws broken_promise
//
// `settlement` is this table: the errors and who has asked for them. `future_core` adds what the
// greenlets of one thread need, and shared_future.hpp what several threads do.
//
// Read next: future.hpp.

#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/support/error.hpp>
#include <tendril/support/unique_function.hpp>
#include <tendril/sync/wait_queue.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace tendril {

/// A value was asked of a future whose promises have all gone without giving one.
class broken_promise : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A promise was to give something after something had been given, or its future was cancelled.
class already_settled : public misuse {
public:
    using misuse::misuse;
};

namespace detail {

class settlement {
public:
    enum class stage : std::uint8_t { pending, fulfilled, failed, cancelled, broken };

    bool done() const noexcept { return stage_ != stage::pending; }
    stage how() const noexcept { return stage_; }

    void fulfil() noexcept { stage_ = stage::fulfilled; }
    void cancel() noexcept { stage_ = stage::cancelled; }
    void break_off() noexcept { stage_ = stage::broken; }
    /// Keeps an error; `cancelled` and `greenlet_exit` are kept as a cancellation, and
    /// `broken_promise` as a promise that was broken here.
    void fail(std::exception_ptr error) noexcept;

    /// Notes that somebody knows of the error, or does not want to.
    void mark_collected() noexcept { collected_ = true; }
    /// Throws what those get who ask for a value that is not there; `what` names the future.
    void rethrow(char const* what) const;
    /// The error that `rethrow` throws, null for a cancellation.
    std::exception_ptr error(char const* what) const;

    /// Hands an error that nobody has collected to the hub, or prints it.
    void report_uncollected(char const* what) noexcept;

private:
    std::exception_ptr error_;
    stage stage_ = stage::pending;
    bool collected_ = false;
};

[[noreturn]] void throw_already_settled(settlement::stage how);

// Counts the two kinds of handle.
class counted_by_handles {
public:
    counted_by_handles(counted_by_handles const&) = delete;
    counted_by_handles& operator=(counted_by_handles const&) = delete;

    void add_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void drop_reference() noexcept {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            delete this;
        }
    }
    // A promise is a reference too.
    void add_promise() noexcept {
        add_reference();
        promises_.fetch_add(1, std::memory_order_relaxed);
    }
    void drop_promise() noexcept {
        if (promises_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            lose_last_promise();
        }
        drop_reference();
    }

protected:
    counted_by_handles() noexcept = default;
    virtual ~counted_by_handles() = default;

private:
    virtual void lose_last_promise() noexcept = 0;

    std::atomic<std::uint32_t> references_{0};
    std::atomic<std::uint32_t> promises_{0};
};

// Which end a handle is.
enum class handle_end : std::uint8_t { reading, giving };

// A handle of either kind to a state, or to none.
template <typename State, handle_end End>
class state_handle {
public:
    state_handle() noexcept = default;
    explicit state_handle(State& named) noexcept : named_{&named} { add(); }
    state_handle(state_handle const& other) noexcept : named_{other.named_} { add(); }
    state_handle(state_handle&& other) noexcept : named_{std::exchange(other.named_, nullptr)} {}
    state_handle& operator=(state_handle other) noexcept {
        std::swap(named_, other.named_);
        return *this;
    }
    ~state_handle() {
        if (named_ != nullptr) {
            End == handle_end::giving ? named_->drop_promise() : named_->drop_reference();
        }
    }

    State* get() const noexcept { return named_; }
    bool operator==(state_handle const&) const noexcept = default;

private:
    void add() noexcept {
        if (named_ != nullptr) {
            End == handle_end::giving ? named_->add_promise() : named_->add_reference();
        }
    }

    State* named_ = nullptr;
};

template <typename State>
using reading_handle = state_handle<State, handle_end::reading>;
template <typename State>
using giving_handle = state_handle<State, handle_end::giving>;

class future_core : public counted_by_handles {
public:
    using stage = settlement::stage;

    bool done() const noexcept { return settled_.done(); }
    stage how() const noexcept { return settled_.how(); }
    char const* what() const noexcept { return what_; }

    bool wait_until(deadline limit);
    /// Puts a waiter into the queue of those who are woken at the end. Requires: pending.
    void enlist(waiter& reader);
    /// Throws what there is in place of a value.
    void rethrow_failure();
    std::exception_ptr collect_error();
    bool cancel();
    void on_done(unique_function<void()> link);

    bool try_fail(std::exception_ptr error);
    void require_pending() const;

protected:
    explicit future_core(char const* what) noexcept
        : thread_{&this_thread()},
          what_{what},
          readers_{"future"} {}
    ~future_core() override;

    /// Says whether a value may be given now.
    bool may_settle() const;
    void fulfil() noexcept;

private:
    void lose_last_promise() noexcept override;
    void require_own_thread(char const* text) const;
    void tell_readers() noexcept;
    void schedule_links() noexcept;
    void call_links();
    void drop_links() noexcept { std::exchange(links_, {}).clear(); }

    // The call of the links, which the hub may also drop: then they are dropped with it.
    class link_pass {
    public:
        explicit link_pass(future_core& core) noexcept : core_{core} {}
        link_pass(link_pass&&) noexcept = default;
        ~link_pass() {
            if (core_.get() != nullptr) {
                core_.get()->drop_links();
            }
        }
        void operator()() { core_.get()->call_links(); }

    private:
        reading_handle<future_core> core_;
    };

    thread_record* thread_;
    char const* what_;
    settlement settled_;
    wait_queue readers_;
    std::vector<unique_function<void()>> links_;
};

// A value, with a place for those who have none.
template <typename T>
class future_state final : public future_core {
public:
    using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

    explicit future_state(char const* what) noexcept : future_core{what} {}

    /// Stores a value that is made of `arguments`. Returns whether it was the first.
    template <typename... Args>
    bool try_fulfil(Args&&... arguments) {
        if (!may_settle()) {
            return false;
        }
        value_.emplace(std::forward<Args>(arguments)...);
        fulfil();
        return true;
    }
    stored& value() noexcept { return *value_; }

private:
    std::optional<stored> value_;
};

}  // namespace detail
}  // namespace tendril
