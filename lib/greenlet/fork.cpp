// SPDX-License-Identifier: BSL-1.0
//
// What `fork` leaves of the greenlets.
//
// The child has one thread, the one that called `fork`, and of that thread's greenlets only those
// whose execution means something there: the one that called, the main greenlet, the loop, and the
// ancestors that wait for the caller's result. All others are dead for the child. They are not
// unwound: their destructors would flush, send and unlink what belongs to the parent. Their stacks
// are never used again.
//
// The greenlets of other threads are dead as well. A lock that such a thread held when the process
// forked would be held for ever, so the locks are made anew.
//
// Invariants:
// 1. The registry is locked by the forking thread across the fork, so the child finds it whole.
// 2. Nothing of this allocates or switches.
#include "registry.hpp"

#include <tendril/greenlet/scheduler.hpp>

#include <pthread.h>

#include <new>
#include <type_traits>

namespace tendril {
namespace {

struct registry {
    std::mutex mutex;
    thread_record* first = nullptr;
};

// Threads may end after everything else has been destroyed.
static_assert(std::is_trivially_destructible_v<registry>);

registry& all_records() noexcept {
    static constinit registry all;
    return all;
}

bool waits_for_result_of(control_block const& candidate, control_block const* of) noexcept {
    while (of != nullptr && of != &candidate) {
        of = of->parent;
    }
    return of != nullptr && candidate.state == greenlet_state::suspended;
}

void forget(thread_record& record, control_block& block) noexcept {
    if (record.loop != nullptr && block.state == greenlet_state::parked) {
        record.loop->forget(block);
    }
    if (block.memory != nullptr) {
        --record.started;
    }
    // With the stack and the function go the only two ways to run anything of it.
    block.memory = nullptr;
    block.body = nullptr;
    block.locals = nullptr;
    block.parked_on = nullptr;
    block.pending = 0;
    block.state.store(greenlet_state::dead, std::memory_order_relaxed);
}

void forget_other_greenlets(thread_record& record) noexcept {
    control_block const* const loop = record.loop == nullptr ? nullptr
                                                             : &record.loop->loop_greenlet();
    record.blocks.for_each([&](control_block& block) {
        bool const lives_on = &block == record.current || &block == record.main || &block == loop ||
            waits_for_result_of(block, record.current);
        if (!lives_on && block.state != greenlet_state::dead) {
            forget(record, block);
        }
    });
    if (record.loop != nullptr) {
        record.loop->forked();
    }
}

void before_fork() noexcept { all_records().mutex.lock(); }
void in_parent() noexcept { all_records().mutex.unlock(); }
void in_child() noexcept {
    registry& all = all_records();
    all.mutex.unlock();
    detail::forks.fetch_add(1, std::memory_order_relaxed);
    thread_record* const mine = detail::this_thread_record;
    for (thread_record* each = all.first; each != nullptr; each = each->next_record) {
        ::new (static_cast<void*>(&each->foreign)) std::mutex;
        if (each != mine) {
            each->ended = true;
        }
    }
    if (mine != nullptr) {
        forget_other_greenlets(*mine);
    }
}

}  // namespace

namespace detail {

void enter_registry(thread_record& record) {
    static int const failure = ::pthread_atfork(&before_fork, &in_parent, &in_child);
    if (failure != 0) {
        throw std::bad_alloc{};
    }
    registry& all = all_records();
    std::lock_guard const lock{all.mutex};
    record.next_record = all.first;
    record.previous_record = nullptr;
    if (all.first != nullptr) {
        all.first->previous_record = &record;
    }
    all.first = &record;
}

void leave_registry(thread_record& record) noexcept {
    registry& all = all_records();
    std::lock_guard const lock{all.mutex};
    (record.previous_record == nullptr ? all.first
                                       : record.previous_record->next_record) = record.next_record;
    if (record.next_record != nullptr) {
        record.next_record->previous_record = record.previous_record;
    }
}

}  // namespace detail
}  // namespace tendril
