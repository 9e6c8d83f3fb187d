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

#include <cxxabi.h>

#include <cstdio>
#include <mutex>
#include <new>
#include <string>
#include <utility>

// Which library a destructor belongs to, so that it is not unloaded before.
extern "C" [[gnu::visibility("hidden")]] void* __dso_handle;

namespace tendril {
namespace {

void print_unraisable(std::exception_ptr error, control_block const& from) noexcept {
    std::string what;
    try {
        what = describe(error);
    } catch (std::bad_alloc const&) {
        // Short enough to need no memory.
        what = "no memory left";
    }
    std::fprintf(
        stderr, "tendril: an error left greenlet %u %s and nobody can receive it: %s\n", from.id,
        name_of(from) == nullptr ? "" : name_of(from), what.c_str());
}

std::atomic<unraisable_handler> active_handler{&print_unraisable};

void describe_current_greenlet(char* text, unsigned long size) noexcept {
    thread_record const* const record = detail::this_thread_record;
    if (record == nullptr || record->current == nullptr) {
        return;
    }
    char const* const name = name_of(*record->current);
    std::snprintf(text, size, "greenlet %u %s", record->current->id, name == nullptr ? "" : name);
}

void end_thread(thread_record& record) noexcept {
    if (record.current->state == greenlet_state::dead) {
        // The thread was cancelled on the stack of this greenlet. The frames of its own stack are
        // gone without being unwound, and other greenlets may refer to them: they cannot be ended.
        record.overflows.stop();
        detail::this_thread_record = nullptr;
        std::lock_guard const lock{record.foreign};
        record.ended = true;
        return;
    }
    if (record.current != record.main) {
        // exit() was called on a greenlet's stack. It cannot be unwound from below itself, and the
        // process is about to be gone: leave everything as it is.
        return;
    }
    // One that is there already was left open; one that comes up now serves those who are ended.
    end_suspended(record, record.loop == nullptr ? loop_at_end::spared : loop_at_end::ended);
    if (record.loop != nullptr) {
        record.loop->thread_ends();
    }
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

void end_this_thread() noexcept {
    if (thread_record* const record = detail::this_thread_record) {
        end_thread(*record);
    }
}

}  // namespace

namespace detail {

constinit thread_local thread_record* this_thread_record = nullptr;

void call_at_thread_end(void (*function)() noexcept) noexcept {
    auto const call = [](void* given) { reinterpret_cast<void (*)() noexcept>(given)(); };
    abi::__cxa_thread_atexit(call, reinterpret_cast<void*>(function), &__dso_handle);
}

thread_record& make_thread_record() {
    static bool const prepared = [] {
        set_describe_current(&describe_current_greenlet);
        return true;
    }();
    static_cast<void>(prepared);
    this_thread_record = new thread_record;
    call_at_thread_end(&end_this_thread);
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
