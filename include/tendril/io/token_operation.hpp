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
#include <tendril/io/abi_lock.hpp>
#include <tendril/io/operation.hpp>

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace boost::asio::detail {
template <typename Handler, typename Executor, typename>
class co_spawn_cancellation_handler;
}

namespace tendril {

// How an operation is asked to stop. Asio's `cancellation_signal` keeps the handler that an
// operation installs on the heap; the one here keeps it in its own frame. Its slot is also an
// ordinary slot of Asio's: what asks for `boost::asio::cancellation_slot` by name gets that one,
// and an emission reaches both.

class operation_slot;

namespace detail {

template <typename...>
class token_operation;

// What an operation has installed, whatever its type.
class installed_cancellation {
public:
    virtual void call(boost::asio::cancellation_type_t type) = 0;
    virtual void destroy() noexcept = 0;
    // Lets `passage` end when everything has run that was queued by `call`. Returns false when it
    // queues nothing.
    virtual bool let_through(token_operation<>& passage) = 0;

protected:
    ~installed_cancellation() = default;
};

// The usual kind, which acts when it is called.
template <typename Handler>
class direct_cancellation final : public installed_cancellation {
public:
    template <typename... Args>
    explicit direct_cancellation(Args&&... args) : handler_(std::forward<Args>(args)...) {}

    void call(boost::asio::cancellation_type_t type) override { handler_(type); }
    void destroy() noexcept override { std::destroy_at(this); }
    bool let_through(token_operation<>&) override { return false; }
    Handler& handler() noexcept { return handler_; }

private:
    Handler handler_;
};

// Chooses the kind for a handler; the exception is below.
template <typename Handler>
struct cancellation_kind {
    using type = direct_cancellation<Handler>;
};

}  // namespace detail

class operation_signal {
public:
    operation_signal() noexcept = default;
    operation_signal(operation_signal const&) = delete;
    operation_signal& operator=(operation_signal const&) = delete;
    ~operation_signal() { clear(); }

    /// Its slot, for one operation at a time. Switches: never.
    operation_slot slot() noexcept;

    /// Calls what is installed. Throws: what that throws. Switches: never.
    void emit(boost::asio::cancellation_type_t type) {
        if (installed_ != nullptr) {
            called_ = true;
            installed_->call(type);
        }
        common_.emit(type);
    }

    /// Says whether it has called what was installed. Switches: never.
    bool emitted() const noexcept { return called_; }

    /// When an emission may still be under way in a queue of an executor: lets `passage` end after
    /// it, and returns true. Throws: std::bad_alloc. Switches: never.
    bool follow(detail::token_operation<>& passage) {
        return installed_ != nullptr && installed_->let_through(passage);
    }

private:
    friend class operation_slot;
    static constexpr std::size_t room = 112;

    void clear() noexcept {
        if (installed_ != nullptr) {
            std::exchange(installed_, nullptr)->destroy();
            if (large_ != nullptr) {
                ::operator delete(std::exchange(large_, nullptr));
            }
        }
    }

    template <typename Kind, typename... Args>
    Kind& install(Args&&... args) {
        static_assert(alignof(Kind) <= alignof(std::max_align_t), "an unusual alignment");
        clear();
        if constexpr (sizeof(Kind) > room) {
            large_ = ::operator new(sizeof(Kind));
        }
        Kind* const made = ::new (large_ != nullptr ? large_ : memory_)
            Kind(std::forward<Args>(args)...);
        installed_ = made;
        return *made;
    }

    detail::installed_cancellation* installed_ = nullptr;
    void* large_ = nullptr;
    bool called_ = false;
    boost::asio::cancellation_signal common_;
    alignas(std::max_align_t) std::byte memory_[room];
};

/// The slot, which models what Asio's documentation calls a cancellation slot. It is valid as long
/// as its signal. Thread: the signal's.
class operation_slot : public boost::asio::cancellation_slot {
public:
    /// A slot without a signal.
    operation_slot() noexcept = default;

    /// Installs a handler in place of the one that is there. Throws: what its constructor throws,
    /// and std::bad_alloc for a large one. Switches: never.
    template <typename Handler, typename... Args>
    Handler& emplace(Args&&... args) {
        using kind = typename detail::cancellation_kind<Handler>::type;
        return signal_->template install<kind>(std::forward<Args>(args)...).handler();
    }
    template <typename Handler>
    std::decay_t<Handler>& assign(Handler&& handler) {
        return emplace<std::decay_t<Handler>>(std::forward<Handler>(handler));
    }

    /// Destroys what is installed. Switches: never.
    void clear() {
        if (signal_ != nullptr) {
            signal_->clear();
            cancellation_slot::clear();
        }
    }

    /// Says whether something is installed. Switches: never.
    bool has_handler() const noexcept {
        return signal_ != nullptr &&
            (signal_->installed_ != nullptr || cancellation_slot::has_handler());
    }

private:
    friend class operation_signal;
    explicit operation_slot(operation_signal& signal) noexcept
        : cancellation_slot{signal.common_.slot()},
          signal_{&signal} {}

    operation_signal* signal_ = nullptr;
};

inline operation_slot operation_signal::slot() noexcept { return operation_slot{*this}; }

namespace detail {

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
    /// a call, the operation was given up. One that was moved from still knows its allocator: with
    /// it Asio frees the memory of an operation that could not be begun. Thread: any.
    class handler {
    public:
        using allocator_type = operation_allocator<void>;
        using executor_type = boost::asio::io_context::executor_type;
        using cancellation_slot_type = operation_slot;

        explicit handler(token_operation& waiting) noexcept : waiting_{&waiting} {}
        handler(handler&& other) noexcept
            : waiting_{other.waiting_},
              is_last_{std::exchange(other.is_last_, false)} {}
        handler& operator=(handler&&) = delete;
        ~handler() {
            if (is_last_) {
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
            is_last_ = false;
            token_operation& waiting = *waiting_;
            try {
                waiting.values_.emplace(std::forward<Given>(given)...);
            } catch (...) {
                waiting.failure_ = std::current_exception();
            }
            waiting.finish();
        }

    private:
        token_operation* waiting_;
        bool is_last_ = true;
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

}  // namespace detail

}  // namespace tendril
