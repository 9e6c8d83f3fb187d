// SPDX-License-Identifier: BSL-1.0
//
// Ends of threads and of the process while greenlets are in the middle of something.
#include <harness/greenlets.hpp>
#include <tendril/greenlet/thread_record.hpp>

#include <array>
#include <cstdlib>
#include <exception>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using test::on_new_thread;
using test::suspended_greenlet;
using test::switch_to_parent;
using test::unraisable_errors;

// A thread-local that knows whether it still exists.
struct thread_local_witness {
    bool alive = true;
    ~thread_local_witness() { alive = false; }
};

// Ends a thread on which so many greenlets are suspended. Returns how many were unwound.
int unwound_at_the_end_of_a_thread(int count) {
    int ended = 0;
    std::vector<greenlet> kept;
    on_new_thread([&] {
        for (int made = 0; made < count; ++made) {
            kept.push_back(suspended_greenlet(ended));
        }
    });
    return ended;
}

// Ways for a process to end.
void leave_by_exit() { std::exit(3); }
void leave_by_quick_exit() { std::quick_exit(3); }
void leave_by_terminate() {
    std::set_terminate([] { std::_Exit(3); });
    std::terminate();
}

// Places where that happens.
void on_main(std::function<void()> const& leave) { leave(); }
void in_a_greenlet(std::function<void()> const& leave) {
    greenlet const g{leave};
    g.switch_to();
}
void on_another_thread(std::function<void()> const& leave) {
    on_new_thread([&] {
        int ended = 0;
        greenlet const g = suspended_greenlet(ended);
        leave();
    });
}
void in_a_greenlet_of_another_thread(std::function<void()> const& leave) {
    on_new_thread([&] { in_a_greenlet(leave); });
}

using way = void (*)();
using scene = void (*)(std::function<void()> const&);

// With a hundred greenlets suspended, some of them held by a static and by a thread-local.
void leave_in_the_middle(way how, scene where) {
    static std::vector<greenlet> held_by_static;
    static thread_local std::vector<greenlet> held_by_thread;
    static int ended = 0;
    std::vector<greenlet> held_here;
    for (int count = 0; count < 100; ++count) {
        auto& holder = count % 3 == 0 ? held_by_static
            : count % 3 == 1          ? held_by_thread
                                      : held_here;
        holder.push_back(suspended_greenlet(ended));
    }
    std::atexit([] { held_by_static.clear(); });
    where(how);
}

}  // namespace

// The end of a thread.

TENDRIL_TEST(thread_record, the_end_of_a_thread_unwinds_none_one_or_a_thousand) {
    // ThreadSanitizer takes milliseconds for the record of each stack.
    constexpr int many = TENDRIL_TSAN ? 100 : 1000;
    EXPECT_EQ(unwound_at_the_end_of_a_thread(0), 0);
    EXPECT_EQ(unwound_at_the_end_of_a_thread(1), 1);
    EXPECT_EQ(unwound_at_the_end_of_a_thread(many), many);
}

TENDRIL_TEST(thread_record, the_end_of_a_thread_leaves_those_that_refuse_and_ends_the_others) {
    static bool stubborn;
    stubborn = true;
    int ended = 0;
    // Never destroyed, so that a leak checker finds the stack that is leaked on purpose.
    static auto& kept = *new std::vector<greenlet>;
    kept.clear();
    unraisable_errors const errors;
    on_new_thread([&] {
        kept.push_back(suspended_greenlet(ended));
        kept.emplace_back([] {
            while (stubborn) {
                try {
                    switch_to_parent();
                } catch (greenlet_exit const&) {}
            }
        });
        kept.back().switch_to();
        kept.push_back(suspended_greenlet(ended));
    });
    EXPECT_EQ(ended, 2);
    EXPECT_EQ(unraisable_errors::collected().size(), 1U);
    EXPECT_TRUE(kept[0].dead() && kept[1].dead() && kept[2].dead());
}

TENDRIL_TEST(thread_record, a_thread_local_older_than_the_first_greenlet_exists_while_they_unwind) {
    bool alive = false;
    greenlet kept;
    on_new_thread([&] {
        static thread_local thread_local_witness older;
        older.alive = true;
        kept = greenlet{[&] {
            scope_exit const look{[&] { alive = older.alive; }};
            switch_to_parent();
        }};
        kept.switch_to();
    });
    EXPECT_TRUE(alive);
}

// The end of the process.

TENDRIL_TEST(thread_record, the_process_may_end_anyhow_and_anywhere_with_greenlets_suspended) {
#if TENDRIL_ASAN
    GTEST_SKIP() << "what only the stack of a greenlet refers to counts as leaked at such an exit";
#endif
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    for (way const how : {&leave_by_exit, &leave_by_quick_exit, &leave_by_terminate}) {
        for (scene const where :
             {&on_main, &in_a_greenlet, &on_another_thread, &in_a_greenlet_of_another_thread}) {
            EXPECT_EXIT(leave_in_the_middle(how, where), ::testing::ExitedWithCode(3), "");
        }
    }
}
