// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the library knows about one thread: who runs, and what the running switch carries.
//
// There is one record for each thread that has used a greenlet, made at first use. When the thread
// ends, its greenlets are ended on it; the record itself stays until the last handle that another
// thread may still hold is gone.
//
// This header is for schedulers and for readers. Read next: switch.hpp.

#include <tendril/context/exception_state.hpp>
#include <tendril/context/overflow.hpp>
#include <tendril/context/sanitizer.hpp>
#include <tendril/context/stack_pool.hpp>
#include <tendril/greenlet/block_pool.hpp>
#include <tendril/greenlet/control_block.hpp>
#include <tendril/support/config.hpp>
#include <tendril/support/small_memory.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <source_location>

namespace tendril {

class scheduler;

/// What whoever arrives from a switch has to do before it goes on; usually nothing.
enum arrival_duty : std::uint32_t {
    /// The one who left is dead: free its stack.
    bury_predecessor = 1,
    /// Throw `raising`.
    raise_error = 2,
    /// The last handle to the one who left was dropped while it ran: end it.
    end_orphan = 4,
    /// Tell the function that `set_trace` has set. It is never taken off while there is one.
    trace_arrival = 8,
};

namespace detail {
struct tracer;
}

/// Who is told when a greenlet's function, its captures and its values are gone, while its stack is
/// still there.
class ending_observer {
public:
    /// `made_at` is where the greenlet was made. Called on its own stack. Switches: never.
    virtual void ending(
        control_block const& block, std::source_location const& made_at) noexcept = 0;

protected:
    ~ending_observer() = default;
};

struct thread_record {
    thread_record();
    thread_record(thread_record const&) = delete;
    thread_record& operator=(thread_record const&) = delete;
    ~thread_record();

    // Owner thread only, touched by every switch.

    /// The greenlet that executes.
    control_block* current = nullptr;
    /// What the running switch carries, in the frame of the one who left; null for nothing.
    value* transfer = nullptr;
    /// Where the C++ runtime keeps this thread's exceptions in flight.
    exception_state* live_exceptions;
    /// A set of `arrival_duty`.
    std::uint32_t on_arrival = 0;
    std::uint32_t next_id = 1;
    /// How many switches this thread has made.
    std::uint64_t switches = 0;

    // Owner thread only.

    /// The loop of this thread, or null.
    scheduler* loop = nullptr;
    /// The error that `raise_error` throws.
    std::exception_ptr raising;
    /// Whom `bury_predecessor` and `end_orphan` are about.
    control_block* departed = nullptr;
    control_block* orphan = nullptr;
    /// The greenlet that the thread was born with. It has no stack of a pool and no parent.
    control_block* main = nullptr;
    /// How many greenlets have started and not died, main not counted.
    std::size_t started = 0;
    /// What `set_trace` has set, or null.
    std::shared_ptr<detail::tracer> trace;
    /// Who is told when the function of a greenlet is over, or null.
    ending_observer* observer = nullptr;
    sanitizer_record own_stack;
    stack_pool stacks;
    block_pool blocks;
    /// What small functions of greenlets leave behind for the next.
    small_memory bodies;
    overflow_watch overflows{stacks};

    // Any thread.

    /// The neighbours in the list of all records, which has a lock of its own.
    thread_record* next_record = nullptr;
    thread_record* previous_record = nullptr;
    /// Set at the thread's end, after which every greenlet of it is dead.
    std::atomic<bool> ended{false};
    /// Whether `visitors` has something in it.
    std::atomic<bool> has_visitors{false};
    /// Guards `visitors`, `loop_to_notify` and, after the end, the count of blocks.
    std::mutex foreign;
    /// Greenlets whose last handle was dropped by another thread.
    control_block* visitors = nullptr;
    scheduler* loop_to_notify = nullptr;
};

namespace detail {
/// Has `function` called when the calling thread ends, before what was asked for earlier: as the
/// destructor of a thread-local that is made here. A thread-local of the language would be made
/// once, but destructors of older ones may use greenlets and hubs again.
/// Switches: never. Thread: any.
TENDRIL_COLD void call_at_thread_end(void (*function)() noexcept) noexcept;

/// Counted up in the child of each fork.
inline constinit std::atomic<std::uint64_t> forks{0};

extern constinit thread_local thread_record* this_thread_record TENDRIL_FAST_TLS
    TENDRIL_SYMBOL("tendril_this_thread_record");
TENDRIL_COLD thread_record& make_thread_record();
}  // namespace detail

/// The record of the calling thread, made at first use. Throws: std::bad_alloc at first use.
/// Switches: never.
inline thread_record& this_thread() {
    thread_record* const record = detail::this_thread_record;
    if (record == nullptr) [[unlikely]] {
        return detail::make_thread_record();
    }
    return *record;
}

/// The same, for one who has just been continued and has to go on to somebody else: it waits for
/// nothing that its own stack must give back first. Throws: as above. Switches: never.
TENDRIL_ALWAYS_INLINE thread_record& this_thread_afresh() {
    thread_record* record = nullptr;
    TENDRIL_READ_AFRESH(record, detail::this_thread_record, "tendril_this_thread_record");
    if (record == nullptr) [[unlikely]] {
        return detail::make_thread_record();
    }
    return *record;
}

namespace detail {

/// What derives from it is kept, when it is small, in memory that an earlier one has left.
class lives_in_small_memory {
public:
    static void* operator new(std::size_t size) {
        return size <= small_memory::largest ? this_thread().bodies.take(size)
                                             : ::operator new(size);
    }
    static void* operator new(std::size_t size, std::align_val_t alignment) {
        return ::operator new(size, alignment);
    }
    static void operator delete(void* memory, std::size_t size) noexcept {
        // After the end of the thread there is no record.
        thread_record* const thread = this_thread_record;
        if (size <= small_memory::largest && thread != nullptr) {
            thread->bodies.give_back(memory, size);
        } else {
            ::operator delete(memory);
        }
    }
    static void operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
        ::operator delete(memory, alignment);
    }
};

}  // namespace detail

/// How many forks lie between the first process in which there were greenlets and this one. What
/// was made under another number is the parent's: the greenlets that used it are gone.
/// Switches: never. Thread: any.
inline std::uint64_t forks_until_now() noexcept {
    return detail::forks.load(std::memory_order_relaxed);
}

/// Installs the loop of this thread, or none. Switches: never. Thread: owner.
void set_loop(thread_record& record, scheduler* loop) noexcept;

namespace detail {
TENDRIL_COLD void receive_present_visitors(thread_record& record) noexcept;
}

/// Ends or frees what other threads have left here. Switches: may.
inline void receive_visitors(thread_record& record) noexcept {
    if (record.has_visitors.load(std::memory_order_relaxed)) [[unlikely]] {
        detail::receive_present_visitors(record);
    }
}

/// Whether the greenlet of the loop is ended with all others.
enum class loop_at_end : bool { ended, spared };

/// Ends every greenlet of the thread that was suspended by hand, by throwing `greenlet_exit` into
/// it. The thread's own stack is not one of them. Switches: may.
void end_suspended(thread_record& record, loop_at_end its_loop) noexcept;

/// Who hears of an error that left a greenlet and that nobody can receive, on a thread without a
/// loop. The default prints it.
using unraisable_handler = void (*)(std::exception_ptr error, control_block const& from) noexcept;

/// Sets the handler and returns the previous one. Switches: never. Thread: any.
unraisable_handler set_unraisable_handler(unraisable_handler handler) noexcept;

/// Hands an error that nobody can receive to the loop, or to the handler. Switches: never.
void report_unraisable(
    thread_record& record, std::exception_ptr error, control_block const& from) noexcept;

}  // namespace tendril
