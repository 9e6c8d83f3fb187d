// SPDX-License-Identifier: BSL-1.0
//
// Greenlets and threads: who may touch what, and what happens when a thread ends.
#include <harness/greenlets.hpp>
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/support/system_calls.hpp>

#include <array>
#include <atomic>
#include <barrier>
#include <cstdlib>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using test::on_new_thread;
using test::second_thread;
using test::suspended_greenlet;
using test::switch_to_parent;
using test::transcript;
using test::unraisable_errors;

std::string text_of_failed_switch(greenlet const& g) {
    try {
        g.switch_to();
    } catch (wrong_thread const& error) {
        return error.what();
    }
    return "no error";
}

// Ends on `tolerance` + 1 exits and counts them.
greenlet stubborn_greenlet(int& exits, int tolerance) {
    greenlet g{[&exits, tolerance] {
        while (exits <= tolerance) {
            try {
                switch_to_parent();
            } catch (greenlet_exit const&) {
                ++exits;
            }
        }
    }};
    g.switch_to();
    return g;
}

greenlet echoing_greenlet() {
    return greenlet{[](int n) {
        while (true) {
            n = switch_to_parent(n).as<int>();
        }
    }};
}

// A greenlet that fails when it is ended.
greenlet failing_greenlet() {
    greenlet g{[] {
        try {
            switch_to_parent();
        } catch (greenlet_exit const&) {
            throw std::runtime_error{"instead"};
        }
    }};
    g.switch_to();
    return g;
}

std::atomic<int> mapped{0};

// Counts in `mapped` how many mappings of stacks there are.
system_calls counting_mappings() {
    system_calls counting = kernel();
    counting.mmap = [](void* at, std::size_t size, int access, int flags, int fd, off_t offset) {
        ++mapped;
        return real_kernel().mmap(at, size, access, flags, fd, offset);
    };
    counting.munmap = [](void* address, std::size_t size) {
        --mapped;
        return real_kernel().munmap(address, size);
    };
    return counting;
}

struct notes_its_thread {
    std::thread::id* where;
    explicit notes_its_thread(std::thread::id& id) : where{&id} {}
    notes_its_thread(notes_its_thread&& other) noexcept
        : where{std::exchange(other.where, nullptr)} {}
    ~notes_its_thread() {
        if (where != nullptr) {
            *where = std::this_thread::get_id();
        }
    }
};

}  // namespace

TENDRIL_TEST(thread_record, there_is_one_for_each_thread) {
    thread_record* elsewhere = nullptr;
    on_new_thread([&] {
        elsewhere = &this_thread();
        EXPECT_EQ(&this_thread(), elsewhere);
    });
    EXPECT_NE(elsewhere, &this_thread());
}

// Use from another thread.

TENDRIL_TEST(thread_record, a_greenlet_of_another_thread_cannot_be_used) {
    greenlet const g{[] {}};
    greenlet const started{[] { switch_to_parent(); }};
    started.switch_to();
    on_new_thread([&] {
        for (greenlet const& each : {g, started}) {
            EXPECT_THROW(each.switch_to(1), wrong_thread);
            EXPECT_THROW(each.throw_into(), wrong_thread);
            EXPECT_THROW(each.throw_into(std::runtime_error{"x"}), wrong_thread);
            EXPECT_THROW(each.set_parent(greenlet::current()), wrong_thread);
        }
    });
}

TENDRIL_TEST(thread_record, a_greenlet_of_another_thread_cannot_become_a_parent) {
    greenlet const g{[] {}};
    on_new_thread([&] {
        greenlet const child{[] {}};
        EXPECT_THROW(child.set_parent(g), wrong_thread);
        EXPECT_THROW((greenlet{[] {}, {.parent = g}}), wrong_thread);
        EXPECT_EQ(child.parent(), greenlet::current());
    });
    EXPECT_EQ(g.block()->handles, 1U);
}

TENDRIL_TEST(thread_record, a_dead_greenlet_of_another_thread_leads_nowhere) {
    greenlet const g{[] {}};
    g.switch_to();
    on_new_thread([&] {
        EXPECT_THROW(g.switch_to(), wrong_thread);
        EXPECT_THROW(g.throw_into(), wrong_thread);
    });
}

TENDRIL_TEST(thread_record, a_refused_switch_leaves_the_greenlet_and_the_caller_intact) {
    std::string received;
    greenlet const g{[&] { received = switch_to_parent().as<std::string>(); }};
    g.switch_to();
    on_new_thread([&] {
        EXPECT_THROW(g.switch_to(std::string{"from elsewhere"}), wrong_thread);
        EXPECT_EQ(greenlet{[](int n) { return n; }}.switch_to(1).as<int>(), 1);
    });
    g.switch_to(std::string{"from its own thread"});
    EXPECT_EQ(received, "from its own thread");
}

TENDRIL_TEST(thread_record, the_refusal_says_whether_the_other_thread_is_over) {
    second_thread other;
    greenlet g;
    other.run([&] { g = greenlet{[] {}}; });
    EXPECT_NE(text_of_failed_switch(g).find("from another thread"), std::string::npos);
    other.end();
    EXPECT_NE(text_of_failed_switch(g).find("thread has ended"), std::string::npos);
}

TENDRIL_TEST(thread_record, sixteen_threads_that_meddle_with_each_other_are_only_refused) {
    constexpr std::size_t count = 16;
    std::array<greenlet, count> all;
    std::barrier together{count};
    std::vector<std::thread> threads;
    for (std::size_t who = 0; who < count; ++who) {
        threads.emplace_back([&, who] {
            all[who] = echoing_greenlet();
            together.arrive_and_wait();
            for (int turn = 0; turn < 200; ++turn) {
                EXPECT_EQ(all[who].switch_to(turn).as<int>(), turn);
                EXPECT_THROW(all[(who + 1) % count].switch_to(-1), wrong_thread);
                EXPECT_THROW(all[(who + 5) % count].throw_into(), wrong_thread);
            }
            together.arrive_and_wait();
        });
    }
    for (std::thread& each : threads) {
        each.join();
    }
}

TENDRIL_TEST(thread_record, another_thread_may_look_at_a_greenlet_that_starts_and_ends) {
    std::latch looking{1};
    std::atomic<bool> enough{false};
    greenlet g{[] { switch_to_parent(); }, {.name = "watched"}};
    std::thread watcher{[&, copy = g] {
        looking.count_down();
        while (!enough) {
            static_cast<void>(copy.started() && copy.dead());
            static_cast<void>(bool{copy});
            static_cast<void>(copy.id());
        }
    }};
    looking.wait();
    g.switch_to();
    g.switch_to();
    enough = true;
    watcher.join();
    EXPECT_TRUE(g.dead());
}

// A last handle that is dropped on another thread.

TENDRIL_TEST(thread_record, a_greenlet_dropped_elsewhere_is_ended_later_by_its_own_thread) {
    std::thread::id where;
    greenlet g{[&where] {
        notes_its_thread const note{where};
        switch_to_parent();
    }};
    g.switch_to();
    on_new_thread([moved = std::move(g)]() mutable { moved = greenlet{}; });
    EXPECT_EQ(where, std::thread::id{});
    receive_visitors(this_thread());
    EXPECT_EQ(where, std::this_thread::get_id());
}

TENDRIL_TEST(thread_record, a_greenlet_dropped_elsewhere_is_ended_when_the_next_one_is_made) {
    int ended = 0;
    greenlet g = suspended_greenlet(ended);
    on_new_thread([moved = std::move(g)] {});
    EXPECT_EQ(ended, 0);
    greenlet const next{[] {}};
    EXPECT_EQ(ended, 1);
}

TENDRIL_TEST(thread_record, an_unstarted_greenlet_dropped_elsewhere_dies_on_its_own_thread) {
    std::thread::id where;
    greenlet g{[note = notes_its_thread{where}] {}};
    on_new_thread([moved = std::move(g)] {});
    EXPECT_EQ(where, std::thread::id{});
    receive_visitors(this_thread());
    EXPECT_EQ(where, std::this_thread::get_id());
}

TENDRIL_TEST(thread_record, errors_of_greenlets_dropped_elsewhere_disturb_nobody) {
    greenlet g = failing_greenlet();
    on_new_thread([moved = std::move(g)] {});
    unraisable_errors const errors;
    greenlet next;
    EXPECT_NO_THROW((next = greenlet{[] { return 1; }}));
    EXPECT_EQ(next.switch_to().as<int>(), 1);
    EXPECT_EQ(unraisable_errors::collected(), (transcript{"std::runtime_error: instead"}));
}

TENDRIL_TEST(thread_record, a_greenlet_may_be_dropped_elsewhere_while_it_runs_its_last_turn) {
    auto own = std::make_unique<greenlet>();
    *own = greenlet{[&] {
        on_new_thread([&] { own.reset(); });
        return 5;
    }};
    std::size_t const live = this_thread().blocks.live();
    EXPECT_EQ(greenlet_ref{*own}.switch_to().as<int>(), 5);
    receive_visitors(this_thread());
    EXPECT_EQ(this_thread().blocks.live(), live - 1);
    greenlet const a{[] {}};
    greenlet const b{[] {}};
    EXPECT_NE(a, b);
}

TENDRIL_TEST(thread_record, a_greenlet_dropped_elsewhere_while_it_runs_is_ended_when_it_leaves) {
    int ended = 0;
    auto own = std::make_unique<greenlet>();
    *own = greenlet{[&] {
        scope_exit const count{[&] { ++ended; }};
        on_new_thread([&] { own.reset(); });
        switch_to_parent();
    }};
    greenlet_ref{*own}.switch_to();
    receive_visitors(this_thread());
    EXPECT_EQ(ended, 1);
}

TENDRIL_TEST(thread_record, a_greenlet_dropped_elsewhere_and_taken_again_lives_on) {
    int ended = 0;
    greenlet g = suspended_greenlet(ended);
    greenlet_ref const named = g;
    on_new_thread([moved = std::move(g)] {});
    greenlet again{named};
    receive_visitors(this_thread());
    EXPECT_EQ(ended, 0);
    again = greenlet{};
    EXPECT_EQ(ended, 1);
}

TENDRIL_TEST(thread_record, copies_dropped_by_many_threads_at_once_end_it_once) {
    int ended = 0;
    for (int round = 0; round < 20; ++round) {
        greenlet g = suspended_greenlet(ended);
        std::vector<std::thread> threads;
        for (int count = 0; count < 4; ++count) {
            threads.emplace_back([copy = g] {});
        }
        g = greenlet{};
        for (std::thread& each : threads) {
            each.join();
        }
        receive_visitors(this_thread());
        EXPECT_EQ(ended, round + 1);
    }
}

// The end of a thread.

TENDRIL_TEST(thread_record, a_thread_that_ends_unwinds_its_greenlets_on_itself) {
    std::thread::id where;
    std::thread::id thread;
    greenlet kept;
    on_new_thread([&] {
        thread = std::this_thread::get_id();
        kept = greenlet{[&] {
            notes_its_thread const note{where};
            switch_to_parent();
        }};
        kept.switch_to();
    });
    EXPECT_EQ(where, thread);
}

TENDRIL_TEST(thread_record, handles_elsewhere_say_dead_once_the_thread_is_over) {
    greenlet suspended;
    greenlet unstarted;
    greenlet main;
    int ended = 0;
    second_thread other;
    other.run([&] {
        suspended = suspended_greenlet(ended);
        unstarted = greenlet{[] {}};
        main = greenlet{greenlet::current()};
    });
    EXPECT_FALSE(suspended.dead() || unstarted.dead() || main.dead());
    other.end();
    EXPECT_TRUE(suspended.dead() && unstarted.dead() && main.dead());
}

TENDRIL_TEST(thread_record, another_thread_may_watch_the_end) {
    for (int round = 0; round < 20; ++round) {
        int ended = 0;
        greenlet g;
        second_thread other;
        other.run([&] { g = suspended_greenlet(ended); });
        std::thread watcher{[copy = g] {
            while (!copy.dead()) {
                std::this_thread::yield();
            }
        }};
        other.end();
        watcher.join();
        EXPECT_EQ(ended, 1);
    }
}

TENDRIL_TEST(thread_record, an_unstarted_greenlet_of_an_ended_thread_never_runs) {
    bool ran = false;
    test::traveller::start();
    greenlet g;
    on_new_thread([&] { g = greenlet{[&ran, passenger = test::traveller{1}] { ran = true; }}; });
    EXPECT_EQ(test::traveller::alive, 1);
    g = greenlet{};
    EXPECT_EQ(test::traveller::alive, 0);
    EXPECT_FALSE(ran);
}

TENDRIL_TEST(thread_record, a_chain_of_parents_of_an_ended_thread_is_freed_by_its_last_handle) {
    greenlet leaf;
    on_new_thread([&] {
        for (int count = 0; count < 1000; ++count) {
            leaf = greenlet{[] {}, {.parent = leaf}};
        }
    });
    EXPECT_TRUE(leaf.dead());
    leaf = greenlet{};
}

TENDRIL_TEST(thread_record, the_end_of_a_thread_repeats_an_exit_that_was_swallowed) {
    int exits = 0;
    greenlet kept;
    unraisable_errors const errors;
    on_new_thread([&] { kept = stubborn_greenlet(exits, 7); });
    EXPECT_EQ(exits, 8);
    EXPECT_TRUE(unraisable_errors::collected().empty());
}

TENDRIL_TEST(thread_record, errors_at_the_end_of_a_thread_are_reported) {
    greenlet kept;
    unraisable_errors const errors;
    on_new_thread([&] { kept = failing_greenlet(); });
    EXPECT_EQ(unraisable_errors::collected(), (transcript{"std::runtime_error: instead"}));
}

TENDRIL_TEST(thread_record, a_handle_in_an_older_thread_local_outlives_the_greenlets) {
    int ended = 0;
    on_new_thread([&] {
        static thread_local std::unique_ptr<greenlet> oldest;
        oldest.reset();
        oldest = std::make_unique<greenlet>(suspended_greenlet(ended));
    });
    EXPECT_EQ(ended, 1);
}

TENDRIL_TEST(thread_record, a_thousand_threads_leave_no_stacks_behind) {
    // ThreadSanitizer takes ten milliseconds for each.
    constexpr int threads = TENDRIL_TSAN ? 200 : 1000;
    system_calls const counting = counting_mappings();
    replaced_system_calls const until_end{counting};
    int const mapped_before = mapped;
    int ended = 0;
    for (int count = 0; count < threads; ++count) {
        on_new_thread([&] {
            greenlet const g = suspended_greenlet(ended);
            greenlet const unstarted{[] {}, {.parent = g}};
        });
    }
    EXPECT_EQ(ended, threads);
    EXPECT_EQ(mapped, mapped_before);
}

TENDRIL_TEST(thread_record, a_thousand_threads_that_leave_greenlets_leave_no_stacks_behind) {
    constexpr int threads = TENDRIL_TSAN ? 200 : 1000;
    system_calls const counting = counting_mappings();
    replaced_system_calls const until_end{counting};
    int const mapped_before = mapped;
    int ended = 0;
    for (int count = 0; count < threads; ++count) {
        greenlet kept;
        on_new_thread([&] { kept = suspended_greenlet(ended); });
    }
    EXPECT_EQ(ended, threads);
    EXPECT_EQ(mapped, mapped_before);
}

TENDRIL_TEST(thread_record, a_program_may_exit_on_the_stack_of_a_greenlet) {
#if TENDRIL_ASAN
    GTEST_SKIP() << "what only the stack of a greenlet refers to counts as leaked at such an exit";
#endif
    // A forked child cannot switch under ThreadSanitizer; this style starts the program again.
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            greenlet g{[] { std::exit(3); }};
            g.switch_to();
        },
        ::testing::ExitedWithCode(3), "");
}

// Errors that nobody can receive, and the name of who runs.

TENDRIL_TEST(thread_record, the_handler_of_lost_errors_can_be_replaced_and_put_back) {
    unraisable_handler const mine = [](std::exception_ptr, control_block const&) noexcept {};
    unraisable_handler const before = set_unraisable_handler(mine);
    EXPECT_EQ(set_unraisable_handler(nullptr), mine);
    EXPECT_EQ(set_unraisable_handler(before), before);
}

TENDRIL_TEST(thread_record, a_lost_error_is_printed_with_the_name_of_its_greenlet) {
    greenlet const g{[] {}, {.name = "worker"}};
    ::testing::internal::CaptureStderr();
    report_unraisable(
        this_thread(), std::make_exception_ptr(std::runtime_error{"lost"}), *g.block());
    std::string const printed = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(printed.find("std::runtime_error: lost"), std::string::npos) << printed;
    EXPECT_NE(printed.find(std::to_string(g.id()) + " worker"), std::string::npos) << printed;
}

TENDRIL_TEST(thread_record, a_broken_invariant_names_the_running_greenlet) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    greenlet const g{[] { TENDRIL_ASSERT(1 + 1 == 3, "adder"); }, {.name = "worker"}};
    EXPECT_DEATH(g.switch_to(), "in greenlet [0-9]+ worker");
}
