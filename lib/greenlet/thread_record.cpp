// SPDX-License-Identifier: BSL-1.0
//
// A thread's record is made at its first use of a greenlet and ended by a thread-local guard.
// Handles in other threads may outlive the thread, and they need the record to learn that their
// greenlet is dead; so the record is freed by whoever frees the last control block of the thread.
#include "registry.hpp"
#include "tracer.hpp"
#include "trampoline.hpp"

#include <tendril/greenlet/greenlet_local.hpp>
#include <tendril/greenlet/scheduler.hpp>
#include <tendril/greenlet/switch.hpp>
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/support/assert.hpp>

#include <cstdio>
#include <mutex>
#include <utility>

namespace tendril {
namespace {

void print_unraisable(std::exception_ptr error, control_block const& from) noexcept {
    std::fprintf(
        stderr, "tendril: an error left greenlet %u %s and nobody can receive it: %s\n", from.id,
        from.name == nullptr ? "" : from.name, describe(error).c_str());
}

std::atomic<unraisable_handler> active_handler{&print_unraisable};

void describe_current_greenlet(char* text, unsigned long size) noexcept {
    thread_record const* const record = detail::this_thread_record;
    if (record == nullptr || record->current == nullptr) {
        return;
    }
    char const* const name = record->current->name;
    std::snprintf(text, size, "greenlet %u %s", record->current->id, name == nullptr ? "" : name);
}

// Its destructor runs when the thread ends, before the destructors of older thread-locals.
struct end_of_thread {
    ~end_of_thread();
};

void end_thread(thread_record& record) noexcept {
    if (record.current != record.main) {
        // exit() was called on a greenlet's stack. It cannot be unwound from below itself, and the
        // process is about to be gone: leave everything as it is.
        return;
    }
    end_suspended(record);
    receive_visitors(record);
    detail::destroy_locals(*record.main);
    detail::stop_tracing(record);
    record.overflows.stop();
    record.main->state = greenlet_state::dead;
    detail::this_thread_record = nullptr;
    while (true) {
        receive_visitors(record);
        std::lock_guard const lock{record.foreign};
        if (record.visitors == nullptr) {
            record.ended = true;
            break;
        }
    }
    release(*record.main);
}

end_of_thread::~end_of_thread() {
    if (thread_record* const record = detail::this_thread_record) {
        end_thread(*record);
    }
}

}  // namespace

namespace detail {

constinit thread_local thread_record* this_thread_record = nullptr;

thread_record& make_thread_record() {
    static bool const describes = [] {
        set_describe_current(&describe_current_greenlet);
        return true;
    }();
    static_cast<void>(describes);
    this_thread_record = new thread_record;
    static thread_local end_of_thread guard;
    static_cast<void>(&guard);
    return *this_thread_record;
}

}  // namespace detail

thread_record::thread_record()
    : live_exceptions{&live_exception_state()},
      own_stack{sanitizer::of_this_thread()} {
    main = &blocks.create(*this, nullptr, nullptr, 0U);
    main->state = greenlet_state::running;
    main->started = true;
    main->name = "main";
    current = main;
    detail::enter_registry(*this);
}

thread_record::~thread_record() { detail::leave_registry(*this); }

void set_loop(thread_record& record, scheduler* loop) noexcept {
    record.loop = loop;
    std::lock_guard const lock{record.foreign};
    record.loop_to_notify = loop;
}

unraisable_handler set_unraisable_handler(unraisable_handler handler) noexcept {
    return active_handler.exchange(handler == nullptr ? &print_unraisable : handler);
}

void report_unraisable(
    thread_record& record, std::exception_ptr error, control_block const& from) noexcept {
    if (record.loop != nullptr) {
        record.loop->report(std::move(error), from);
    } else {
        active_handler.load()(std::move(error), from);
    }
}

}  // namespace tendril
