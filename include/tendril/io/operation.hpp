// SPDX-License-Identifier: BSL-1.0
#pragma once

// A wait for an asynchronous operation of Asio, seen to its end.
//
// Asio holds pointers into the frame of the one who waits: its buffer, and here also the memory of
// the operation itself, which saves an allocation. So the frame must not go before the completion
// handler has been called, whatever happens meanwhile. When the greenlet is interrupted, the
// operation is asked to stop, and the greenlet waits on until the handler says how it ended:
// stopped, or done after all. What is done is never lost.
//
//     class connecting final : public io_operation {
//         void stop() noexcept override { … cancel() … }
//     };
//     check_interruption();
//     connecting me;
//     socket.async_connect(peer, me.handler(…));
//     me.await();
//
// Read next: use_greenlet.hpp.

#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/assert.hpp>

#include <cstddef>

namespace tendril {

class io_operation : public waiter {
public:
    /// Waits until `complete` has been called. Requires: the operation has been started, after
    /// `check_interruption`. Throws nothing. Switches: may.
    void await() {
        // Starting may have called what cancels the caller.
        notice_pending();
        park_operation();
    }

    /// Is called by the completion handler. Switches: never. Thread: hub.
    void complete() noexcept { wake(); }

    /// Says whether it was asked to stop, by its limit or by an interruption. Switches: never.
    bool asked_to_stop() const noexcept { return wanted() != outcome::waiting; }

protected:
    /// Prepares a wait. That nobody may wait here is said now and not in `await`: what has been
    /// started by then would be left without its frame. Throws: misuse in a callback, and in the
    /// scope of a `no_switch`.
    explicit io_operation(char const* what) : waiter{what} {
        TENDRIL_REQUIRE(
            !home().in_callback(),
            "a callback of the hub must not wait for I/O: it runs between greenlets, and nobody "
            "could run meanwhile; spawn a task that waits");
        home().require_may_park();
    }
    ~io_operation() = default;

private:
    /// Asks the operation to stop as soon as it can. Switches: never.
    virtual void stop() noexcept = 0;

    bool withdraw() noexcept final {
        stop();
        return false;
    }
};

/// Memory in a frame for one operation of Asio. What does not fit goes to the heap.
class operation_memory {
public:
    operation_memory() noexcept = default;
    operation_memory(operation_memory const&) = delete;
    operation_memory& operator=(operation_memory const&) = delete;

    /// Gives out the memory in the frame once, and then memory of the heap.
    /// Throws: std::bad_alloc. Switches: never.
    void* allocate(std::size_t size) {
        if (size <= sizeof memory_ && !taken_) {
            taken_ = true;
            return memory_;
        }
        return ::operator new(size);
    }
    /// Takes back what `allocate` gave out. Switches: never.
    void free(void* block) noexcept {
        if (block == memory_) {
            taken_ = false;
        } else {
            ::operator delete(block);
        }
    }

private:
    bool taken_ = false;
    alignas(std::max_align_t) std::byte memory_[240];
};

/// What gives that memory to Asio.
template <typename T>
class operation_allocator {
public:
    using value_type = T;

    explicit operation_allocator(operation_memory& memory) noexcept : memory_{&memory} {}
    template <typename U>
    operation_allocator(operation_allocator<U> const& other) noexcept : memory_{other.memory_} {}

    T* allocate(std::size_t count) { return static_cast<T*>(memory_->allocate(count * sizeof(T))); }
    void deallocate(T* block, std::size_t) noexcept { memory_->free(block); }

    template <typename U>
    bool operator==(operation_allocator<U> const& other) const noexcept {
        return memory_ == other.memory_;
    }

private:
    template <typename U>
    friend class operation_allocator;

    operation_memory* memory_;
};

}  // namespace tendril
