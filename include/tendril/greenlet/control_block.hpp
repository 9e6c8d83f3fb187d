// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the library knows about one greenlet, apart from its stack.
//
// Programs use `greenlet` (greenlet.hpp), which is a handle to one of these. This header is for
// schedulers, such as the hub, and for readers.
//
// Control blocks live in dense slabs of their own (block_pool.hpp) and not on the stacks that they
// describe. A scheduler that walks over ten thousand ready greenlets then reads ten thousand
// neighbouring lines and not ten thousand pages. The first cache line holds all that a switch and a
// scheduler touch.
//
// Ownership: `handles` counts the handles to a greenlet, and `children` those that have it as
// parent. When both are zero, an unstarted or dead greenlet is freed, one that was suspended by
// hand is ended, and one that waits in the hub is adopted by it (scheduler.hpp). There are two
// counts because children are of the same thread: their birth and death need no locked instruction,
// two of which would cost as much as the two switches of a short life.

#include <tendril/context/machine_context.hpp>
#include <tendril/context/stack_pool.hpp>
#include <tendril/greenlet/state.hpp>
#include <tendril/greenlet/value.hpp>
#include <tendril/support/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <source_location>

namespace tendril {

struct thread_record;
class context_values;

namespace detail {
class local_value;
TENDRIL_COLD void drop(context_values& values) noexcept;
}  // namespace detail

/// The function of a greenlet, with its type erased.
class greenlet_body {
public:
    virtual ~greenlet_body() = default;

    /// Runs the function, on the greenlet's own stack. `first` is what the first switch carried;
    /// the result goes to the parent. Switches: may.
    virtual value run(value first) = 0;

    /// Is called in place of `run` when the greenlet dies before its first turn. Switches: never.
    virtual void abandon(std::exception_ptr reason) noexcept = 0;

    /// Gives the body back when the greenlet has no more use for it. Switches: may, because the
    /// destructor of a captured object may.
    virtual void dispose() noexcept { delete this; }

    /// The number of the greenlet that has asked the loop for this one; nothing when nobody has, or
    /// when it was not noted. Switches: never.
    virtual std::optional<std::uint32_t> spawner() const noexcept { return std::nullopt; }

    /// Where in the program the greenlet was made.
    std::source_location made_at{};
};

/// What floors above keep with one greenlet while they need it, in a frame of theirs.
struct greenlet_note {
    /// The greenlet's name, or null.
    char const* name = nullptr;
    /// What is asked for further out than this is held back; zero holds back nothing. See
    /// hub/cancellation.hpp.
    std::uint64_t shield_depth = 0;
    /// The number of the last timeout that was thrown into the greenlet while it had this note;
    /// zero for none. See time/timeout.hpp.
    std::uint64_t last_timeout = 0;
};

struct alignas(64) control_block {
    /// Describes an unstarted greenlet with one handle. Switches: never.
    control_block(
        thread_record& owner, control_block* parent_block, greenlet_body* function,
        std::uint32_t number, std::size_t stack_size_class = 0) noexcept
        : stack_class{static_cast<std::uint8_t>(stack_size_class & 31U)},
          thread{&owner},
          parent{parent_block},
          body{function},
          id{number} {}
    control_block(control_block const&) = delete;
    control_block& operator=(control_block const&) = delete;
    ~control_block() {
        if (context != nullptr) [[unlikely]] {
            detail::drop(*context);
        }
    }

    // The first line: what a switch and a scheduler touch. Owner thread only, but for `state` and
    // `started`, which any thread may read.

    /// Where it goes on.
    machine_context machine;
    std::atomic<greenlet_state> state{greenlet_state::unstarted};
    /// It has run: true from the first entry on, and for ever.
    std::atomic<bool> started{false};
    /// How large a stack it asks for, as a class of its pool.
    std::uint8_t stack_class : 5 = 0;
    /// It was spawned by the loop: when it dies, the loop says who runs next, not its parent.
    bool scheduled : 1 = false;
    /// The loop holds one of the `handles` and drops it at death.
    bool held_by_loop : 1 = false;
    /// Its parent is whoever waits for its answer, and not counted: nobody may set another.
    bool parent_is_lent : 1 = false;
    /// How often an exit that was asked for has been thrown into it.
    std::uint8_t exits_delivered : 4 = 0;
    /// There is a note beside its name.
    bool has_note : 1 = false;
    /// How many greenlets have it as parent. After the end of the thread: under the thread's lock.
    std::uint32_t children = 0;
    /// Immutable: the thread it lives and dies on.
    thread_record* thread;
    /// For the scheduler: the next one in the ready queue.
    control_block* next_ready = nullptr;
    /// For the scheduler: what it is parked on.
    void* parked_on = nullptr;
    /// For the scheduler: what is to be thrown into it at its next park.
    std::uintptr_t pending = 0;

    // The second line: touched at birth and death.

    /// The stack; null before the first turn, after death and for the thread's own stack.
    stack* memory = nullptr;
    /// Who receives its result. Null only for the main greenlet of a thread.
    control_block* parent;
    /// What it runs; null after death.
    greenlet_body* body;
    /// Any thread.
    std::atomic<std::uint32_t> handles{1};
    /// Its number on this thread, for messages.
    std::uint32_t id;
    /// Its name for people, or null, whose text the body keeps; or a note that has the name and
    /// more. See `name_of` and `note_of`.
    union {
        char const* name = nullptr;
        greenlet_note* note;
    };
    /// The next in the list of those whose last handle another thread dropped. The list holds that
    /// handle.
    control_block* next_foreign = nullptr;
    /// The newest of its greenlet-local values (greenlet_local.hpp).
    detail::local_value* locals = nullptr;
    /// The values that it has been given to carry (context_carrier.hpp).
    context_values* context = nullptr;
};

static_assert(sizeof(control_block) == 128, "two cache lines, the first for the scheduler");

/// The name of a greenlet, or null. Switches: never. Thread: owner.
inline char const* name_of(control_block const& block) noexcept {
    return block.has_note ? block.note->name : block.name;
}

/// The note of a greenlet, or null. Switches: never. Thread: owner.
inline greenlet_note* note_of(control_block const& block) noexcept {
    return block.has_note ? block.note : nullptr;
}

/// Gives a greenlet another note, which has its name, or none. Returns the one it had.
/// Requires: the note outlives its use. Switches: never. Thread: owner.
inline greenlet_note* set_note(control_block& block, greenlet_note* note) noexcept {
    greenlet_note* const previous = note_of(block);
    char const* const name = name_of(block);
    block.has_note = note != nullptr;
    if (note != nullptr) {
        note->name = name;
        block.note = note;
    } else {
        block.name = name;
    }
    return previous;
}

/// Adds a handle. Switches: never. Thread: any.
inline void retain(control_block& block) noexcept {
    block.handles.fetch_add(1, std::memory_order_relaxed);
}

/// How many handles and children refer to it. Switches: never. Thread: owner, to which the others
/// can only add what is there already.
inline std::uint32_t references(control_block const& block) noexcept {
    return block.handles.load(std::memory_order_acquire) + block.children;
}

/// Adds a child. Switches: never. Thread: owner.
inline void retain_parent(control_block& parent) noexcept { ++parent.children; }

namespace detail {
void drop_last_handle(control_block& block) noexcept;
void settle_childless(control_block& block) noexcept;
}  // namespace detail

/// Takes a child off. Thread: owner. Switches: may, as `release`.
inline void release_parent(control_block& parent) noexcept {
    --parent.children;
    if (references(parent) == 0) [[unlikely]] {
        detail::settle_childless(parent);
    }
}

/// Drops a handle. The last one decides the greenlet's fate, as the head of this file says.
/// Thread: any; on another thread than its own the fate is left to its own thread.
/// Switches: may, when the last handle to a greenlet that was suspended by hand is dropped.
inline void release(control_block& block) noexcept {
    // The last count is left to the slow path. Only the owner thread takes it off, so a greenlet
    // that another thread drops cannot be freed in between.
    std::uint32_t count = block.handles.load(std::memory_order_acquire);
    do {
        if (count == 1) [[unlikely]] {
            detail::drop_last_handle(block);
            return;
        }
    } while (!block.handles.compare_exchange_weak(
        count, count - 1, std::memory_order_acq_rel, std::memory_order_acquire));
}

}  // namespace tendril
