// SPDX-License-Identifier: BSL-1.0
#include <tendril/context/call_on_stack.hpp>
#include <tendril/context/overflow.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/config.hpp>

#include <gtest/gtest.h>

#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <thread>

namespace {

using namespace tendril;

// Runs until the stack is full.
[[gnu::noinline]] int recurse_for_ever(int depth) {  // NOLINT
    std::array<char volatile, 256> frame;
    frame[0] = static_cast<char>(depth);
    if (depth < 0) {
        return depth;
    }
    return recurse_for_ever(depth + 1) + frame[0];
}

void overflow_one(std::size_t size) {
    stack_pool pool;
    overflow_watch const watch{pool};
    stack& memory = pool.acquire(size);
    sanitizer_record home = sanitizer::of_this_thread();
    call_on_stack(
        memory, home, [](void*) { recurse_for_ever(0); }, nullptr);
}

// What is there before the watch is asked for.
void note_and_exit(int) {
    static char const text[] = "the earlier handler was called\n";
    static_cast<void>(::write(STDERR_FILENO, text, sizeof text - 1));
    ::_exit(3);
}

void install(int signal) {
    struct sigaction mine {};
    mine.sa_handler = &note_and_exit;
    mine.sa_flags = SA_ONSTACK;
    ::sigaction(signal, &mine, nullptr);
}

class overflow : public ::testing::Test {
protected:
    void SetUp() override {
        // A child that goes on from here would have the handler of an earlier test already.
        GTEST_FLAG_SET(death_test_style, "threadsafe");
        if (TENDRIL_TSAN) {
            GTEST_SKIP() << "ThreadSanitizer's own handler of faults comes first";
        }
    }
};

TEST_F(overflow, names_the_greenlet_and_its_stack_size) {
    set_describe_current([](char* text, unsigned long size) noexcept {
        std::strncpy(text, "greenlet 7 parser", size - 1);
    });
    EXPECT_DEATH(
        overflow_one(stack_pool::minimum_size),
        "stack overflow in greenlet 7 parser: its stack of 6[0-9]+ bytes is full");
}

TEST_F(overflow, says_what_to_do) {
    EXPECT_DEATH(overflow_one(stack_pool::minimum_size), "stack_size in its options");
}

TEST_F(overflow, is_explained_for_every_size_of_stack) {
    EXPECT_DEATH(overflow_one(1024 * 1024), "stack overflow in .*: its stack of [0-9]+ bytes");
}

TEST_F(overflow, lets_the_handler_run_that_was_there_before) {
    EXPECT_EXIT(
        {
            install(SIGSEGV);
            install(SIGBUS);
            overflow_one(stack_pool::minimum_size);
        },
        ::testing::ExitedWithCode(3), "stack overflow in(.|\n)*the earlier handler was called");
}

TEST_F(overflow, does_not_claim_a_fault_elsewhere) {
    EXPECT_EXIT(
        {
            install(SIGSEGV);
            install(SIGBUS);
            stack_pool pool;
            overflow_watch const watch{pool};
            pool.release(pool.acquire());
            *reinterpret_cast<int volatile*>(8) = 1;  // NOLINT
        },
        ::testing::ExitedWithCode(3), "^the earlier handler was called");
}

TEST_F(overflow, does_not_claim_a_wild_pointer_into_a_guard) {
    EXPECT_EXIT(
        {
            install(SIGSEGV);
            install(SIGBUS);
            stack_pool pool;
            overflow_watch const watch{pool};
            *(pool.acquire().limit - 8) = std::byte{1};
        },
        ::testing::ExitedWithCode(3), "^the earlier handler was called");
}

TEST_F(overflow, can_be_switched_off) {
    EXPECT_EXIT(
        {
            ::setenv("TENDRIL_OVERFLOW_HANDLER", "off", 1);
            install(SIGSEGV);
            install(SIGBUS);
            stack_pool pool;
            overflow_watch const watch{pool};
            ::raise(SIGSEGV);
        },
        ::testing::ExitedWithCode(3), "^the earlier handler was called");
}

TEST_F(overflow, gives_a_thread_an_alternate_stack_and_takes_it_back) {
    stack_t during{};
    stack_t after{};
    std::thread{[&] {
        stack_pool pool;
        overflow_watch watch{pool};
        ::sigaltstack(nullptr, &during);
        watch.stop();
        ::sigaltstack(nullptr, &after);
    }}.join();
    EXPECT_EQ(during.ss_flags & SS_DISABLE, 0);
    EXPECT_GE(during.ss_size, 16U * 1024);
    if (!TENDRIL_ASAN) {
        // AddressSanitizer gives every thread one of its own, which is left alone.
        EXPECT_NE(after.ss_flags & SS_DISABLE, 0);
    }
}

TEST_F(overflow, finds_the_stack_that_a_guard_belongs_to) {
    stack_pool pool;
    if (pool.guard() == stack_guard::none) {
        GTEST_SKIP() << "stacks have no guards here";
    }
    stack& one = pool.acquire();
    stack& other = pool.acquire(1024 * 1024);
    EXPECT_EQ(pool.guarded_at(one.limit - 1), &one);
    EXPECT_EQ(pool.guarded_at(other.limit - stack_pool::guard_size), &other);
    EXPECT_EQ(pool.guarded_at(one.limit), nullptr);
    EXPECT_EQ(pool.guarded_at(&pool), nullptr);
    EXPECT_EQ(pool.holding(one.limit), &one);
    pool.release(one);
    pool.release(other);
}

}  // namespace
