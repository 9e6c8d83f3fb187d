// SPDX-License-Identifier: BSL-1.0
#pragma once

// How an operation of Asio is asked to stop, without an allocation.
//
// Asio's `cancellation_signal` keeps the handler that an operation installs on the heap. The one
// here keeps it in its own frame, which is the frame of the greenlet that waits:
//
//     operation_signal signal;
//     … start an operation whose handler has `signal.slot()` as its cancellation slot …
//     signal.emit(boost::asio::cancellation_type::terminal);
//
// Its slot is also an ordinary slot of Asio's: what asks for `boost::asio::cancellation_slot` by
// name gets that one, and an emission reaches both.
//
// Read next: token_operation.hpp.

#include <tendril/io/abi_lock.hpp>

#include <boost/asio/cancellation_signal.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace tendril {

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

// Chooses the kind for a handler; token_operation.hpp has the exception.
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

}  // namespace tendril
