// SPDX-License-Identifier: BSL-1.0
//
// A duty of arrival that is never done: while tracing is on, `trace_arrival` stays in the record's
// duties, so every arrival takes the slow path and comes by here. Who left is known because every
// arrival notes who has arrived: the one that arrived last is the one that leaves next.
#include "tracer.hpp"

#include <tendril/greenlet/trace_hook.hpp>

#include <utility>

namespace tendril {
namespace detail {

void tell_tracer(thread_record& thread, control_block& from, bool thrown) noexcept {
    tracer& mine = *thread.trace;
    if (mine.telling) {
        return;
    }
    // The function may set another one, or none, and so end the tracer.
    std::shared_ptr<tracer> const kept = thread.trace;
    mine.telling = true;
    try {
        mine.function(
            thrown ? trace_event::thrown : trace_event::switched, greenlet{greenlet_ref{from}},
            greenlet{greenlet_ref{*thread.current}});
    } catch (...) {
        stop_tracing(thread);
        report_unraisable(thread, std::current_exception(), *thread.current);
    }
    if (thread.trace != nullptr) {
        // It may be another one by now, which was set while this one was telling.
        thread.trace->telling = false;
    }
}

void stop_tracing(thread_record& thread) noexcept {
    thread.on_arrival &= ~std::uint32_t{trace_arrival};
    thread.trace = nullptr;
}

}  // namespace detail

trace_function set_trace(trace_function function) {
    thread_record& thread = this_thread();
    trace_function previous = get_trace();
    bool const telling = thread.trace != nullptr && thread.trace->telling;
    if (function == nullptr) {
        detail::stop_tracing(thread);
    } else {
        thread.trace = std::make_shared<detail::tracer>(
            detail::tracer{std::move(function), thread.current, telling});
        thread.on_arrival |= trace_arrival;
    }
    return previous;
}

trace_function get_trace() {
    detail::tracer const* const mine = this_thread().trace.get();
    return mine == nullptr ? trace_function{} : mine->function;
}

}  // namespace tendril
