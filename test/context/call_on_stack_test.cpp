// SPDX-License-Identifier: BSL-1.0
#include <tendril/context/call_on_stack.hpp>
#include <tendril/context/stack_pool.hpp>

#include <gtest/gtest.h>

#include <exception>
#include <stdexcept>

namespace {

using namespace tendril;

// Lends a stack for one call.
template <typename F>
void call_there(F&& function) {
    stack_pool pool;
    stack& memory = pool.acquire();
    sanitizer_record home = sanitizer::of_this_thread();
    auto const call = [](void* argument) {
        (*static_cast<std::remove_reference_t<F>*>(argument))();
    };
    try {
        call_on_stack(memory, home, call, &function);
    } catch (...) {
        pool.release(memory);
        throw;
    }
    pool.release(memory);
}

TEST(call_on_stack, the_frames_of_the_function_lie_on_the_other_stack) {
    stack_pool pool;
    stack& memory = pool.acquire();
    sanitizer_record home = sanitizer::of_this_thread();
    void* where = nullptr;
    call_on_stack(
        memory, home,
        [](void* argument) { *static_cast<void**>(argument) = __builtin_frame_address(0); },
        &where);
    EXPECT_GT(where, static_cast<void*>(memory.limit));
    EXPECT_LT(where, static_cast<void*>(memory.top));
    pool.release(memory);
}

TEST(call_on_stack, an_exception_is_thrown_on_in_the_caller) {
    auto fails = [] { throw std::runtime_error{"from there"}; };
    EXPECT_THROW(call_there(fails), std::runtime_error);
    EXPECT_EQ(std::uncaught_exceptions(), 0);
}

TEST(call_on_stack, the_function_sees_the_exceptions_in_flight_of_its_caller) {
    struct calls_in_destructor {
        int& seen;
        ~calls_in_destructor() {
            auto look = [this] { seen = std::uncaught_exceptions(); };
            call_there(look);
        }
    };
    int seen = 0;
    try {
        calls_in_destructor const unwound{seen};
        throw 1;
    } catch (int) {}
    EXPECT_EQ(seen, 1);
}

TEST(call_on_stack, a_stack_can_be_lent_again) {
    stack_pool pool;
    stack& memory = pool.acquire();
    sanitizer_record home = sanitizer::of_this_thread();
    int calls = 0;
    for (int round = 0; round < 1000; ++round) {
        call_on_stack(
            memory, home, [](void* count) { ++*static_cast<int*>(count); }, &calls);
    }
    EXPECT_EQ(calls, 1000);
    pool.release(memory);
}

}  // namespace
