// SPDX-License-Identifier: BSL-1.0
#pragma once

// A task on its way to a hub of a group, and there what hears of its end.
//
//     where it is                       who owns it
//     with the caller of `spawn`        the caller, until it is posted
//     in the mailbox of the hub         the mailbox: it opens it, or discards it when the hub ends
//     in the list of its hub            the hub, until the task has ended
//
// One allocation holds the function, the promise of the result, and the letter that crosses. The
// promise is settled in the step in which the task ends, after what the function had captured is
// destroyed: whoever has seen the end of the future may destroy what the task referred to.
//
// Read next: hub_group.hpp, lib/hubs/hub_group_core.hpp.

#include <tendril/greenlet/context_carrier.hpp>
#include <tendril/hub/remote.hpp>
#include <tendril/support/intrusive_list.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/task/shared_future.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/task/task.hpp>
#include <tendril/task/task_state.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace tendril::detail {

class hub_member;

class placed_task : public letter, public list_hook<>, private completion {
public:
    placed_task(placed_task const&) = delete;
    placed_task& operator=(placed_task const&) = delete;
    virtual ~placed_task() = default;

    /// Names the hub that it goes to. Switches: never. Thread: any.
    void send_to(hub_member& where) noexcept { where_ = &where; }

    /// Sends a cancel to its task. Requires: it has begun. Switches: never. Thread: its hub's.
    virtual void cancel_task() noexcept = 0;

protected:
    explicit placed_task(spawn_options&& options);

    /// Hears of the end of the task. Switches: never. Thread: its hub's.
    void watch(task_core& begun) { begun.observe(*this); }
    void stop_watching() noexcept { completion::unlink(); }

private:
    /// Makes the task and lets it begin, unless nobody wants it any more. Returns whether there is
    /// one. Throws: std::bad_alloc, and what moving the function throws. Switches: never.
    virtual bool begin(spawn_options&& options) = 0;
    /// Gives the promise what the task has ended with. Returns the error if it has failed.
    virtual std::exception_ptr settle() noexcept = 0;
    /// Gives the promise an error in place of a task; null cancels it.
    virtual void give_up(std::exception_ptr reason) noexcept = 0;
    /// The error is known elsewhere: the promise need not report it.
    virtual void waive_error() noexcept = 0;

    void open() override;
    void discard() noexcept override;
    void completed(task_core& ended) noexcept override;
    void begin_in_context();
    void leave(std::exception_ptr const& error) noexcept;

    hub_member* where_ = nullptr;
    spawn_options options_;
    // What the one who has spawned it carries.
    carried_context context_;
};

template <typename T, typename Call>
class placed_call final : public placed_task {
public:
    placed_call(spawn_options&& options, Call&& call)
        : placed_task{std::move(options)},
          call_{std::in_place, std::move(call)} {}
    ~placed_call() override = default;

    shared_future<T> get_future() const { return promise_.get_future(); }

    void cancel_task() noexcept override {
        if (task_.valid() && !task_.done()) {
            task_.cancel();
        }
    }

private:
    bool begin(spawn_options&& options) override {
        if (promise_.was_cancelled()) {
            return false;
        }
        task_ = make_task(*std::move(call_));
        call_.reset();
        watch(task_.state());
        task_.state().start(std::move(options));
        scope_exit never_mind{[this] {
            stop_watching();
            task_.cancel();
        }};
        // Whoever cancels the future cancels the task: in this hub.
        promise_.get_future().state().add_link(
            [wanted = task_] {
                if (!wanted.done()) {
                    wanted.cancel();
                }
            },
            shared_future_core::link_kind::wakes);
        never_mind.dismiss();
        return true;
    }

    std::exception_ptr settle() noexcept override {
        auto& ended = static_cast<task_result<T>&>(task_.state());
        if (task_.was_cancelled()) {
            promise_.try_cancel();
            return nullptr;
        }
        if (std::exception_ptr error = ended.failure()) {
            promise_.try_set_exception(error);
            return error;
        }
        if constexpr (std::is_void_v<T>) {
            promise_.try_set_value();
        } else {
            promise_.try_set_value(std::move(ended.result()));
        }
        return nullptr;
    }

    void give_up(std::exception_ptr reason) noexcept override {
        call_.reset();
        if (reason == nullptr) {
            promise_.try_cancel();
        } else {
            promise_.try_set_exception(std::move(reason));
        }
    }

    void waive_error() noexcept override {
        static_cast<void>(promise_.get_future().state().collect_error());
    }

    shared_promise<T> promise_{"a task of a hub_group"};
    std::optional<Call> call_;
    task<T> task_;
};

}  // namespace tendril::detail
