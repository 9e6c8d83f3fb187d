// SPDX-License-Identifier: BSL-1.0
#pragma once

// A job: one call that a thread of a pool makes for somebody who waits.
//
//     stage      where it is                                  whose word counts
//     queued     in the queue of the pool                     the caller's: it may take it back
//     running    in no queue; a thread calls it               the thread's: it goes to its end
//     ended      nowhere; the caller has been told            nobody's
//     refused    nowhere; the pool has closed before          nobody's
//
// The record of a job stands in the frame of its caller, who waits there until the job has ended,
// so it costs no allocation, and what the job refers to outlives it. A job that its caller may
// abandon owns what it needs instead.
//
// A long job may ask now and then whether anybody still wants its result:
//
//     tendril::run_in_thread([&] { while (more() && !tendril::job_cancelled()) { … } });
//
// Read next: thread_pool.hpp.

#include <tendril/greenlet/context_carrier.hpp>
#include <tendril/support/intrusive_list.hpp>

#include <cxxabi.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <variant>

namespace tendril {

/// Says whether the caller of the job that this thread makes has been asked to leave: by a cancel,
/// a kill, a limit or an exit. False on a thread that makes no job. Switches: never. Thread: any.
bool job_cancelled() noexcept;

namespace detail {

// Whoever waits for a job, as its thread sees it.
class job_caller {
public:
    /// Lets it go on. Requires: the mutex of the pool. Switches: never. Thread: any.
    virtual void tell() noexcept = 0;

protected:
    ~job_caller() = default;
};

class thread_job : public list_hook<> {
public:
    enum class stage : std::uint8_t { queued, running, ended, refused };

    /// Makes the call and keeps what comes of it. Throws: only what unwinds a thread that ends.
    /// Switches: never. Thread: a worker.
    virtual void call() = 0;

    /// Its caller wants to leave while it runs. Returns whether it may; the job then belongs to its
    /// thread. Switches: never.
    virtual bool leave_to_thread() noexcept { return false; }

    /// It has ended and nobody waits any more. Switches: never. Thread: a worker.
    virtual void drop() noexcept {}

    // Guarded by the mutex of the pool.

    stage now = stage::queued;
    job_caller* caller = nullptr;

    // Immutable once it is queued.

    /// What the caller carries, and the thread while it makes the call.
    carried_context context;

    // Any thread.

    std::atomic<bool> caller_wants_to_leave{false};

    // The thread's until it has ended, then the caller's.

    std::exception_ptr error;

protected:
    ~thread_job() = default;
};

// A job with its function and its result. `Call` may be a reference.
template <typename Result, typename Call>
class called_job : public thread_job {
public:
    explicit called_job(Call call) : call_{std::forward<Call>(call)} {}

    void call() override {
        try {
            if constexpr (std::is_void_v<Result>) {
                call_();
            } else {
                result_.emplace(call_());
            }
        } catch (abi::__forced_unwind const&) {
            error = std::make_exception_ptr(
                std::runtime_error{"a job has ended its thread and so has no result"});
            throw;
        } catch (...) {
            error = std::current_exception();
        }
    }

    /// The result, or what the call has thrown. Requires: it has ended. Switches: never.
    Result take() {
        if (error != nullptr) {
            std::rethrow_exception(std::move(error));
        }
        if constexpr (!std::is_void_v<Result>) {
            return *std::move(result_);
        }
    }

protected:
    ~called_job() = default;

private:
    Call call_;
    std::optional<std::conditional_t<std::is_void_v<Result>, std::monostate, Result>> result_;
};

// In the frame of its caller.
template <typename Result, typename Call>
class frame_job final : public called_job<Result, Call&> {
public:
    using called_job<Result, Call&>::called_job;
    ~frame_job() = default;
};

// On its own: `owner` names the handle in the frame of its caller.
template <typename Result, typename Call>
class abandonable_job final : public called_job<Result, Call> {
public:
    using handle = std::unique_ptr<abandonable_job>;
    using called_job<Result, Call>::called_job;
    ~abandonable_job() = default;

    bool leave_to_thread() noexcept override {
        static_cast<void>(owner->release());
        return true;
    }
    void drop() noexcept override { delete this; }

    handle* owner = nullptr;
};

}  // namespace detail
}  // namespace tendril
