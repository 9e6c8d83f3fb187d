// SPDX-License-Identifier: BSL-1.0
//
// Two bare jumps around a call. An exception cannot unwind from one stack to the other, because the
// frame of `run_call` has no caller to go to; so it is carried across as a pointer.
#include <tendril/context/call_on_stack.hpp>
#include <tendril/context/machine_context.hpp>

#include <cxxabi.h>

#include <exception>
#include <utility>

namespace tendril {
namespace {

struct pending_call {
    void (*function)(void*);
    void* argument;
    sanitizer_record* home;
    sanitizer_record* there;
    // Where the caller goes on.
    void* resume_point = nullptr;
    std::exception_ptr error;
};

void make_call(pending_call& call) noexcept(false) {
    try {
        call.function(call.argument);
    } catch (abi::__forced_unwind const&) {
        throw;
    } catch (...) {
        call.error = std::current_exception();
    }
}

TENDRIL_NEVER_LEFT void run_call(arrival from) {
    auto& call = *static_cast<pending_call*>(from.data);
    call.resume_point = from.fctx;
    sanitizer::arrive(*call.there);
    make_call(call);
    sanitizer::leave_for_good(*call.home);
    boost::context::detail::jump_fcontext(call.resume_point, nullptr);
    __builtin_unreachable();
}

}  // namespace

void call_on_stack(stack& memory, sanitizer_record& home, void (*function)(void*), void* argument) {
    pending_call call{function, argument, &home, &memory.sanitizer, nullptr, nullptr};
    void* const entry = boost::context::detail::make_fcontext(memory.top, memory.size(), &run_call);
    sanitizer::leave(home, memory.sanitizer);
    boost::context::detail::jump_fcontext(entry, &call);
    sanitizer::arrive(home);
    if (call.error) {
        std::rethrow_exception(std::move(call.error));
    }
}

}  // namespace tendril
