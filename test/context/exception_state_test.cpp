// SPDX-License-Identifier: BSL-1.0
#include <harness/bare_context.hpp>
#include <harness/tendril_test.hpp>
#include <tendril/context/exception_state.hpp>
#include <tendril/context/stack_pool.hpp>

#include <exception>
#include <string>
#include <thread>

namespace {

using namespace tendril;
using test::bare_context;

// Throws and handles `text`, suspends in the handler, and says what `throw;` gives afterwards.
std::string rethrown_after_suspending(bare_context& self, std::string const& text) {
    try {
        try {
            throw text;
        } catch (std::string const&) {
            self.suspend();
            throw;
        }
    } catch (std::string const& own) {
        return own;
    }
}

// Suspends in its destructor and notes how many exceptions were in flight before and after.
struct suspends_when_destroyed {
    bare_context& self;
    int& before;
    int& after;
    ~suspends_when_destroyed() {
        before = std::uncaught_exceptions();
        self.suspend();
        after = std::uncaught_exceptions();
    }
};

struct notes_the_live_count {
    unsigned int& count;
    ~notes_the_live_count() { count = live_exception_state().uncaught; }
};

}  // namespace

TENDRIL_TEST(exception_state, reads_the_words_of_the_running_runtime) {
    unsigned int during_unwinding = 0;
    EXPECT_EQ(live_exception_state().caught, nullptr);
    try {
        notes_the_live_count const note{during_unwinding};
        throw 1;
    } catch (int) {
        EXPECT_NE(live_exception_state().caught, nullptr);
        EXPECT_EQ(live_exception_state().uncaught, 0U);
    }
    EXPECT_EQ(during_unwinding, 1U);
    EXPECT_EQ(live_exception_state().caught, nullptr);
}

TENDRIL_TEST(exception_state, replacing_saves_the_live_words_and_installs_the_next) {
    int a = 0;
    int b = 0;
    exception_state saved;
    exception_state live{&a, 1};
    saved.replace(live, exception_state{&b, 2});
    EXPECT_EQ(saved.caught, &a);
    EXPECT_EQ(saved.uncaught, 1U);
    EXPECT_EQ(live.caught, &b);
    EXPECT_EQ(live.uncaught, 2U);
}

TENDRIL_TEST(exception_state, belongs_to_one_thread) {
    exception_state const* elsewhere = nullptr;
    std::thread{[&] { elsewhere = &live_exception_state(); }}.join();
    EXPECT_NE(elsewhere, &live_exception_state());
}

TENDRIL_TEST(exception_state, whoever_resumes_sees_nothing_of_a_handler_left_behind) {
    stack_pool pool;
    bare_context other{
        pool, [](bare_context& self) { rethrown_after_suspending(self, "in the handler"); }};
    other.resume();
    EXPECT_EQ(std::current_exception(), nullptr);
    EXPECT_EQ(std::uncaught_exceptions(), 0);
    other.resume();
}

TENDRIL_TEST(exception_state, a_context_that_starts_inside_a_handler_handles_nothing) {
    std::exception_ptr inside = std::make_exception_ptr(0);
    stack_pool pool;
    bare_context other{pool, [&](bare_context&) { inside = std::current_exception(); }};
    try {
        throw 1;
    } catch (int) {
        other.resume();
    }
    EXPECT_EQ(inside, nullptr);
}

TENDRIL_TEST(exception_state, a_context_that_starts_during_unwinding_unwinds_nothing) {
    struct resumes_when_destroyed {
        bare_context& other;
        ~resumes_when_destroyed() { other.resume(); }
    };
    int inside = -1;
    stack_pool pool;
    bare_context other{pool, [&](bare_context&) { inside = std::uncaught_exceptions(); }};
    try {
        resumes_when_destroyed const resumes{other};
        throw 1;
    } catch (int) {
        EXPECT_EQ(inside, 0);
    }
}

TENDRIL_TEST(exception_state, each_context_rethrows_its_own_exception) {
    std::string first_own;
    std::string second_own;
    stack_pool pool;
    bare_context first{
        pool, [&](bare_context& self) { first_own = rethrown_after_suspending(self, "first"); }};
    bare_context second{
        pool, [&](bare_context& self) { second_own = rethrown_after_suspending(self, "second"); }};
    first.resume();
    second.resume();
    first.resume();
    second.resume();
    EXPECT_EQ(first_own, "first");
    EXPECT_EQ(second_own, "second");
}

TENDRIL_TEST(exception_state, the_handled_exception_is_the_same_object_after_a_jump) {
    bool same = false;
    stack_pool pool;
    bare_context other{pool, [&](bare_context& self) {
                           try {
                               throw 1;
                           } catch (int) {
                               std::exception_ptr const before = std::current_exception();
                               self.suspend();
                               same = before == std::current_exception();
                           }
                       }};
    other.resume();
    other.resume();
    EXPECT_TRUE(same);
}

TENDRIL_TEST(exception_state, a_destructor_that_jumps_while_unwinding_takes_its_count_along) {
    int before = -1;
    int after = -1;
    stack_pool pool;
    bare_context other{pool, [&](bare_context& self) {
                           try {
                               suspends_when_destroyed const guard{self, before, after};
                               throw 1;
                           } catch (int) {}
                       }};
    other.resume();
    EXPECT_EQ(std::uncaught_exceptions(), 0);
    other.resume();
    EXPECT_EQ(before, 1);
    EXPECT_EQ(after, 1);
}

TENDRIL_TEST(exception_state, a_handler_that_resumes_others_can_still_rethrow) {
    stack_pool pool;
    bare_context other{
        pool, [](bare_context& self) { rethrown_after_suspending(self, "the other's"); }};
    try {
        try {
            throw std::string{"mine"};
        } catch (std::string const&) {
            other.resume();
            other.resume();
            throw;
        }
    } catch (std::string const& own) {
        EXPECT_EQ(own, "mine");
    }
}
