// SPDX-License-Identifier: BSL-1.0
//
// The end of a thread and of the program, in whatever order things are destroyed.
#include <harness/greenlets.hpp>
#include <tendril/greenlet/thread_record.hpp>

#include <pthread.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>
#include <utility>

namespace {

using namespace tendril;
using test::on_new_thread;
using test::suspended_greenlet;
using test::switch_to_parent;

// Of the program, so that it is older than what this library knows about the thread.
greenlet oldest_handle;

void say(char const* word) { std::fputs(word, stderr); }

// Says a word when its stack is unwound.
greenlet speaking_greenlet(char const* word) {
    greenlet g{[word] {
        scope_exit const speak{[word] { say(word); }};
        switch_to_parent();
    }};
    g.switch_to();
    return g;
}

// Uses greenlets as if nothing had ended, and says whether they work.
void use_greenlets() {
    greenlet const g{[](int first) { return switch_to_parent(first + 1).as<int>() + 1; }};
    bool const works = !greenlet::current().dead() && g.switch_to(1).as<int>() == 2 &&
        g.switch_to(3).as<int>() == 4 && g.dead();
    say(works ? "works " : "fails ");
}

struct runs_when_destroyed {
    std::function<void()> action;
    ~runs_when_destroyed() { action(); }
};

// Runs a function on the stack of a greenlet of a new thread, which the function ends. Says what
// unwinds, and whether handles elsewhere say that the greenlets are dead.
[[noreturn]] void end_thread_in_a_greenlet(void (*end)()) {
    greenlet ended;
    greenlet other;
    on_new_thread([&] {
        other = speaking_greenlet("other ");
        ended = greenlet{[&] {
            scope_exit const speak{[] { say("unwound "); }};
            end();
        }};
        // The frames of the thread's own stack are lost, so nothing may stand in them.
        greenlet_ref{ended}.switch_to();
    });
    say(ended.dead() && other.dead() ? "dead " : "alive ");
    ended = greenlet{};
    other = greenlet{};
    std::_Exit(3);
}

}  // namespace

// The end of a thread.

TENDRIL_TEST(thread_record, greenlets_work_in_the_last_destructors_of_a_thread_and_end_there) {
    int ended = 0;
    bool current_is_alive = false;
    greenlet kept;
    on_new_thread([&] {
        // Older than the record, so it is destroyed after it.
        static thread_local runs_when_destroyed last{[] {}};
        last.action = [&] {
            current_is_alive = !greenlet::current().dead();
            kept = suspended_greenlet(ended);
        };
        static_cast<void>(greenlet::current());
    });
    EXPECT_TRUE(current_is_alive);
    EXPECT_EQ(ended, 1);
    EXPECT_TRUE(kept.dead());
}

TENDRIL_TEST(thread_record, a_thread_that_exits_on_its_own_stack_ends_its_greenlets) {
    int ended = 0;
    bool unwound = false;
    greenlet kept;
    on_new_thread([&] {
        scope_exit const note{[&] { unwound = true; }};
        greenlet const local = suspended_greenlet(ended);
        kept = suspended_greenlet(ended);
        ::pthread_exit(nullptr);
    });
    EXPECT_TRUE(unwound);
    EXPECT_EQ(ended, 2);
    EXPECT_TRUE(kept.dead());
}

TENDRIL_TEST(thread_record, a_thread_that_exits_in_a_greenlet_unwinds_the_stack_of_that_one) {
#if TENDRIL_TSAN
    GTEST_SKIP() << "ThreadSanitizer allows this on the thread's own stack only";
#endif
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        end_thread_in_a_greenlet([] { ::pthread_exit(nullptr); }), ::testing::ExitedWithCode(3),
        "^unwound dead $");
}

TENDRIL_TEST(thread_record, a_thread_that_is_cancelled_in_a_greenlet_unwinds_the_stack_of_it) {
#if TENDRIL_TSAN
    GTEST_SKIP() << "ThreadSanitizer allows this on the thread's own stack only";
#endif
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    auto const cancel = [] {
        ::pthread_cancel(::pthread_self());
        ::pthread_testcancel();
    };
    EXPECT_EXIT(end_thread_in_a_greenlet(cancel), ::testing::ExitedWithCode(3), "^unwound dead $");
}

// The end of the program.

TENDRIL_TEST(thread_record, static_handles_of_any_age_end_their_greenlets_at_the_end) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            static greenlet youngest_handle;
            oldest_handle = speaking_greenlet("old ");
            youngest_handle = speaking_greenlet("young ");
            std::exit(3);
        },
        ::testing::ExitedWithCode(3), "^old young $");
}

TENDRIL_TEST(thread_record, greenlets_work_in_exit_handlers_and_static_destructors) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            static runs_when_destroyed const object{&use_greenlets};
            std::atexit(&use_greenlets);
            oldest_handle = speaking_greenlet("unwound ");
            std::exit(3);
        },
        ::testing::ExitedWithCode(3), "^unwound works works $");
}

TENDRIL_TEST(thread_record, a_quick_exit_unwinds_nobody_and_its_handlers_may_use_greenlets) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            std::at_quick_exit(&use_greenlets);
            oldest_handle = speaking_greenlet("unwound ");
            std::quick_exit(3);
        },
        ::testing::ExitedWithCode(3), "^works $");
}

TENDRIL_TEST(thread_record, an_exit_in_a_nested_greenlet_runs_handlers_that_use_greenlets) {
#if TENDRIL_ASAN
    GTEST_SKIP() << "what only the stack of a greenlet refers to counts as leaked at such an exit";
#endif
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            std::atexit(&use_greenlets);
            oldest_handle = speaking_greenlet("unwound ");
            greenlet outer{[] { greenlet{[] { std::exit(3); }}.switch_to(); }};
            outer.switch_to();
        },
        ::testing::ExitedWithCode(3), "^works unwound $");
}
