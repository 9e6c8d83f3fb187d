// SPDX-License-Identifier: BSL-1.0
//
// Where the habits of C++ and of the C library meet a stack that is left in the middle: handlers
// that swallow, functions that must not throw, state that belongs to the thread.
#include <harness/greenlets.hpp>
#include <tendril/greenlet/greenlet.hpp>
#include <tendril/greenlet/greenlet_exit.hpp>

#include <pthread.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace {

using namespace tendril;
using test::on_new_thread;
using test::second_thread;
using test::suspended_greenlet;
using test::switch_to_parent;
using test::transcript;

// Throws from a destructor that says that it may.
struct throws_when_destroyed {
    ~throws_when_destroyed() noexcept(false) { throw std::runtime_error{"from a destructor"}; }
};

// What an operation does to a greenlet, in a word or two.
template <typename F>
std::string outcome_of(F&& operation) {
    try {
        value const result = operation();
        return result.holds<greenlet_exit>() ? "returns the exit" : "returns";
    } catch (greenlet_exit const&) {
        return "throws the exit";
    } catch (wrong_thread const&) {
        return "wrong thread";
    } catch (int) {
        return "throws";
    }
}

std::string outcome_of_switch(greenlet_ref const& to) {
    return outcome_of([&] { return to.switch_to(); });
}
std::string outcome_of_throw(greenlet_ref const& to) {
    return outcome_of([&] { return to.throw_into(7); });
}
std::string outcome_of_exit(greenlet_ref const& to) {
    return outcome_of([&] { return to.throw_into(); });
}

// The three operations on three greenlets in the same state.
template <typename F>
transcript outcomes_for(F&& make) {
    greenlet const first = make();
    greenlet const second = make();
    greenlet const third = make();
    return {outcome_of_switch(first), outcome_of_throw(second), outcome_of_exit(third)};
}

// Throws and catches so many exceptions, each of them over a switch. Returns how many were its own.
int throw_many(int count, int number) {
    int own = 0;
    greenlet const thrower{[&] {
        for (int turn = 0; turn < count; ++turn) {
            try {
                throw std::array{number, turn};
            } catch (std::array<int, 2> const&) {
                switch_to_parent();
                try {
                    throw;
                } catch (std::array<int, 2> const& mine) {
                    own += mine == std::array{number, turn} ? 1 : 0;
                }
            }
        }
    }};
    for (int turn = 0; turn <= count; ++turn) {
        thrower.switch_to();
    }
    return own;
}

// What a greenlet saw of itself before `main` began.
std::string const seen_before_main = [] {
    greenlet const early{[](int number) { return std::to_string(number); }};
    return early.switch_to(5).as<std::string>();
}();

}  // namespace

// Exits that something swallows, or that meet what must not throw.

TENDRIL_TEST(greenlet_exit, kept_by_a_deferred_future_comes_out_of_get) {
    bool caught = false;
    greenlet g{[&] {
        auto later = std::async(std::launch::deferred, [] { switch_to_parent(); });
        try {
            later.get();
        } catch (greenlet_exit const&) {
            caught = true;
            throw;
        }
    }};
    g.switch_to();
    EXPECT_TRUE(g.throw_into().holds<greenlet_exit>());
    EXPECT_TRUE(caught);
}

TENDRIL_TEST(greenlet_exit, of_another_thread_comes_out_of_its_future) {
    greenlet g{[] {
        std::async(std::launch::async, [] {
            int ended = 0;
            greenlet const own = suspended_greenlet(ended);
            throw greenlet_exit{};
        }).get();
    }};
    EXPECT_TRUE(g.switch_to().holds<greenlet_exit>());
}

TENDRIL_TEST(greenlet_exit, leaves_a_call_once_undone) {
#if TENDRIL_TSAN
    GTEST_SKIP() << "ThreadSanitizer's pthread_once does not let exceptions pass";
#endif
    std::once_flag once;
    int runs = 0;
    greenlet g{[&] { std::call_once(once, [] { switch_to_parent(); }); }};
    g.switch_to();
    g = greenlet{};
    std::call_once(once, [&] { ++runs; });
    EXPECT_EQ(runs, 1);
}

TENDRIL_TEST(greenlet_exit, replaced_by_a_nested_exception_is_kept_inside_it) {
    static std::exception_ptr reported;
    unraisable_handler const before = set_unraisable_handler(
        [](std::exception_ptr error, control_block const&) noexcept { reported = error; });
    scope_exit const restore{[&] { set_unraisable_handler(before), reported = nullptr; }};
    greenlet g{[] {
        try {
            switch_to_parent();
        } catch (greenlet_exit const&) {
            std::throw_with_nested(std::runtime_error{"while ending"});
        }
    }};
    g.switch_to();
    g = greenlet{};
    bool nested_is_exit = false;
    try {
        std::rethrow_exception(reported);
    } catch (std::nested_exception const& error) {
        nested_is_exit = error.nested_ptr() != nullptr &&
            outcome_of([&]() -> value { error.rethrow_nested(); }) == "throws the exit";
    }
    EXPECT_TRUE(nested_is_exit);
}

TENDRIL_TEST(greenlet_exit, meeting_a_destructor_that_throws_stops_the_program) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(
        {
            greenlet g{[] {
                throws_when_destroyed const local{};
                switch_to_parent();
            }};
            g.switch_to();
            g.throw_into();
        },
        "terminate called");
}

// Errors that leave a greenlet.

TENDRIL_TEST(greenlet, a_nested_error_reaches_the_parent_with_what_is_nested_in_it) {
    greenlet g{[] {
        try {
            throw 7;
        } catch (int) {
            std::throw_with_nested(std::runtime_error{"outer"});
        }
    }};
    try {
        g.switch_to();
        FAIL() << "nothing was thrown";
    } catch (std::nested_exception const& error) {
        EXPECT_THROW(error.rethrow_nested(), int);
    }
}

// Every state against every operation.

TENDRIL_TEST(greenlet, each_operation_on_each_state_has_one_outcome) {
    EXPECT_EQ(
        outcomes_for([] { return greenlet{[] {}}; }),
        (transcript{"returns", "throws", "returns the exit"}));
    EXPECT_EQ(
        outcomes_for([] {
            greenlet g{[] { switch_to_parent(); }};
            g.switch_to();
            return g;
        }),
        (transcript{"returns", "throws", "returns the exit"}));
    EXPECT_EQ(
        outcomes_for([] { return greenlet{greenlet::current()}; }),
        (transcript{"returns", "throws", "throws the exit"}));
    EXPECT_EQ(
        outcomes_for([] {
            greenlet g{[] {}};
            g.switch_to();
            return g;
        }),
        (transcript{"returns", "throws", "returns the exit"}));
}

TENDRIL_TEST(greenlet, each_operation_on_one_of_another_thread_is_refused) {
    second_thread other;
    int ended = 0;
    std::array<greenlet, 3> theirs;
    other.run([&] {
        theirs[0] = greenlet{[] {}};
        theirs[1] = suspended_greenlet(ended);
        theirs[2] = greenlet{greenlet::current()};
    });
    for (greenlet const& each : theirs) {
        EXPECT_EQ(
            (transcript{outcome_of_switch(each), outcome_of_throw(each), outcome_of_exit(each)}),
            (transcript{"wrong thread", "wrong thread", "wrong thread"}));
    }
    EXPECT_EQ(ended, 0);
}

// State that belongs to the thread.

TENDRIL_TEST(greenlet, errno_is_what_the_thread_did_last_and_not_what_this_one_did) {
    int seen = 0;
    greenlet const g{[&] {
        errno = ENOENT;
        switch_to_parent();
        seen = errno;
    }};
    g.switch_to();
    errno = EAGAIN;
    g.switch_to();
    EXPECT_EQ(seen, EAGAIN);
}

TENDRIL_TEST(greenlet, two_of_them_that_split_strings_with_strtok_take_each_others_words) {
    std::string mine = "a b c";
    std::string theirs = "x y z";
    greenlet const g{[&] { std::strtok(theirs.data(), " "); }};
    std::strtok(mine.data(), " ");
    g.switch_to();
    EXPECT_STREQ(std::strtok(nullptr, " "), "y");
}

TENDRIL_TEST(greenlet, a_mutex_of_the_thread_held_by_one_is_refused_to_another) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    int answer = 0;
    greenlet const holder{[&] {
        ::pthread_mutex_lock(&mutex);
        switch_to_parent();
        ::pthread_mutex_unlock(&mutex);
    }};
    greenlet const other{[&] { answer = ::pthread_mutex_trylock(&mutex); }};
    holder.switch_to();
    other.switch_to();
    EXPECT_EQ(answer, EBUSY);
    holder.switch_to();
}

TENDRIL_TEST(greenlet, a_recursive_mutex_of_the_thread_protects_nothing_between_two_of_them) {
#if TENDRIL_TSAN
    GTEST_SKIP() << "ThreadSanitizer takes two greenlets for two threads and calls it an error";
#endif
    std::recursive_mutex mutex;
    bool locked = false;
    greenlet const holder{[&] {
        std::lock_guard const lock{mutex};
        switch_to_parent();
    }};
    greenlet const other{[&] {
        locked = mutex.try_lock();
        mutex.unlock();
    }};
    holder.switch_to();
    other.switch_to();
    EXPECT_TRUE(locked);
    holder.switch_to();
}

TENDRIL_TEST(greenlet, can_be_used_before_main_begins) { EXPECT_EQ(seen_before_main, "5"); }

// Many exceptions.

TENDRIL_TEST(greenlet, two_threads_throw_100000_exceptions_each_and_catch_their_own) {
    constexpr int count = TENDRIL_TSAN ? 20000 : 100000;
    int others = 0;
    std::thread other{[&] { others = throw_many(count, 2); }};
    int const own = throw_many(count, 1);
    other.join();
    EXPECT_EQ(own, count);
    EXPECT_EQ(others, count);
}
