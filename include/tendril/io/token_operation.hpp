// SPDX-License-Identifier: BSL-1.0
#pragma once

// The operation behind a call with `use_greenlet`, for the library and for tokens of one's own.
//
//     token_operation<error_code, std::size_t> operation;
//     operation.start([&] { socket.async_read_some(buffer, operation.completion()); });
//     operation.await_end();
//     … *operation.values(), or nothing: the handler was destroyed without a call …
//
// The frame that it stands in holds everything: Asio's memory for the operation, what stops it, and
// the values. So it goes only when Asio has let go of all of it:
//
//     the handler was called              its values are kept
//     the handler was destroyed           there are none
//     starting has thrown, and Asio has   the operation is asked to stop, and waited for; then the
//       kept the handler                  exception goes on
//     a coroutine was asked to stop       what Asio has queued for that is waited for as well
//
// The handler may be called or destroyed on any thread; the greenlet goes on on its own.
//
// Read next: use_greenlet.hpp.

#include <tendril/hub/hub.hpp>
#include <tendril/io/operation.hpp>
#include <tendril/io/operation_slot.hpp>

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <exception>
#include <optional>
#include <tuple>
#include <utility>

namespace boost::asio::detail {
template <typename Handler, typename Executor, typename>
class co_spawn_cancellation_handler;
}

namespace tendril::detail {

// What all such operations have in common.
class token_operation_base : public io_operation {
public:
    /// Calls `begin`, which starts the operation. Throws: what `begin` throws. Switches: never, but
    /// for what `begin` does; after an exception, may.
    template <typename Begin>
    void start(Begin&& begin) {
        try {
            std::forward<Begin>(begin)();
        } catch (...) {
            if (settled() == outcome::waiting) {
                stop();
                await_end();
            }
            throw;
        }
    }

    /// Waits until nothing of the operation is left. Switches: may.
    void await_end();

    /// What stops it. Switches: never.
    operation_signal& signal() noexcept { return signal_; }

protected:
    token_operation_base() : io_operation{"an asynchronous operation"} {}
    ~token_operation_base() = default;

    // Thread: any.
    void finish() noexcept {
        if (&home().thread() == &this_thread()) [[likely]] {
            complete();
        } else {
            boost::asio::post(home().context(), [this] { complete(); });
        }
    }

    operation_memory memory_;
    operation_signal signal_;
    // The handler was destroyed, with all that Asio had queued.
    bool given_up_ = false;

private:
    void stop() noexcept final {
        try {
            signal_.emit(boost::asio::cancellation_type::terminal);
        } catch (...) {
            home().report_error(std::current_exception(), "stopping an asynchronous operation");
        }
    }
};

/// One operation that a greenlet waits for; what the handler was called with is kept here.
template <typename... Values>
class token_operation final : public token_operation_base {
public:
    /// Throws: misuse where nobody may wait. Switches: never.
    token_operation() = default;

    /// The completion handler. It is moved about by Asio; when the last of it is destroyed without
    /// a call, the operation was given up. Thread: any.
    class handler {
    public:
        using allocator_type = operation_allocator<void>;
        using executor_type = boost::asio::io_context::executor_type;
        using cancellation_slot_type = operation_slot;

        explicit handler(token_operation& waiting) noexcept : waiting_{&waiting} {}
        handler(handler&& other) noexcept : waiting_{std::exchange(other.waiting_, nullptr)} {}
        handler& operator=(handler&&) = delete;
        ~handler() {
            if (waiting_ != nullptr) {
                waiting_->given_up_ = true;
                waiting_->finish();
            }
        }

        allocator_type get_allocator() const noexcept { return allocator_type{waiting_->memory_}; }
        executor_type get_executor() const noexcept {
            return waiting_->home().context().get_executor();
        }
        cancellation_slot_type get_cancellation_slot() const noexcept {
            return waiting_->signal_.slot();
        }

        template <typename... Given>
        void operator()(Given&&... given) {
            token_operation& waiting = *std::exchange(waiting_, nullptr);
            try {
                waiting.values_.emplace(std::forward<Given>(given)...);
            } catch (...) {
                waiting.failure_ = std::current_exception();
            }
            waiting.finish();
        }

    private:
        token_operation* waiting_;
    };
    handler completion() noexcept { return handler{*this}; }

    /// What the handler was called with; empty when it was never called.
    std::optional<std::tuple<Values...>>& values() noexcept { return values_; }

    /// Throws what was thrown when the values were moved or copied here. Switches: never.
    void rethrow_failure() const {
        if (failure_ != nullptr) {
            std::rethrow_exception(failure_);
        }
    }

private:
    std::optional<std::tuple<Values...>> values_;
    std::exception_ptr failure_;
};

inline void token_operation_base::await_end() {
    await();
    if (signal_.emitted() && !given_up_) [[unlikely]] {
        token_operation<> passage;
        if (signal_.follow(passage)) {
            passage.await();
        }
    }
}

// `co_spawn` does not act when it is called: it queues a function that uses the handler, on the
// executor of the coroutine. That function may come after the end of the coroutine.
template <typename Handler, typename Executor>
class queued_cancellation final : public installed_cancellation {
public:
    template <typename Completion>
    queued_cancellation(Completion const& completion, Executor const& executor)
        : handler_{completion, executor},
          executor_{executor} {}

    void call(boost::asio::cancellation_type_t type) override { handler_(type); }
    void destroy() noexcept override { std::destroy_at(this); }
    bool let_through(token_operation<>& passage) override {
        boost::asio::post(executor_, passage.completion());
        return true;
    }
    Handler& handler() noexcept { return handler_; }

private:
    Handler handler_;
    Executor executor_;
};

template <typename Completion, typename Executor, typename Enable>
struct cancellation_kind<
    boost::asio::detail::co_spawn_cancellation_handler<Completion, Executor, Enable>> {
    using type = queued_cancellation<
        boost::asio::detail::co_spawn_cancellation_handler<Completion, Executor, Enable>, Executor>;
};

}  // namespace tendril::detail
