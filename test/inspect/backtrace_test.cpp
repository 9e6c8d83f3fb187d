// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <tendril/hub/run.hpp>
#include <tendril/inspect/backtrace.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/time/sleep.hpp>

#include <algorithm>
#include <sstream>
#include <vector>

namespace {

using namespace tendril;
using tendril::test::on_new_thread;
using tendril::test::switch_to_parent;

[[gnu::noinline]] int descend_for_backtrace(int depth) {
    if (depth == 0) {
        switch_to_parent();
        return 0;
    }
    int deeper = descend_for_backtrace(depth - 1);
    // Compilers make a loop of a recursion whose last step they can move.
    asm volatile("" : "+r"(deeper));
    return deeper + 1;
}

[[gnu::noinline]] int wait_deep_for_backtrace(event& goes_on, int depth) {
    if (depth == 0) {
        goes_on.wait();
        return 0;
    }
    int deeper = wait_deep_for_backtrace(goes_on, depth - 1);
    asm volatile("" : "+r"(deeper));
    return deeper + 1;
}

std::vector<void*> frames_of(greenlet_ref const& g) {
    backtrace const taken{g};
    return {taken.frames().begin(), taken.frames().end()};
}

TENDRIL_TEST(backtrace, shows_where_a_suspended_greenlet_stands) {
    greenlet g{[] { return descend_for_backtrace(5); }, {.name = "deep"}};
    g.switch_to();
    std::ostringstream text;
    text << backtrace{g};
    EXPECT_EQ(text.str().rfind("greenlet ", 0), 0U) << text.str();
    EXPECT_NE(text.str().find("'deep' suspended"), std::string::npos) << text.str();
    EXPECT_NE(text.str().find("descend_for_backtrace"), std::string::npos) << text.str();
}

TENDRIL_TEST(backtrace, has_a_frame_for_each_call) {
    greenlet shallow{[] { return descend_for_backtrace(1); }};
    greenlet deep{[] { return descend_for_backtrace(21); }};
    shallow.switch_to();
    deep.switch_to();
    EXPECT_EQ(frames_of(deep).size(), frames_of(shallow).size() + 20);
}

TENDRIL_TEST(backtrace, has_a_frame_for_each_call_of_one_that_waits_in_the_hub) {
    tendril::run([] {
        event goes_on;
        int depth = 0;
        auto const go_down = [&](int steps) {
            return this_hub().spawn_raw(
                [&, steps] { depth = wait_deep_for_backtrace(goes_on, steps); });
        };
        greenlet const shallow = go_down(1);
        greenlet const deep = go_down(21);
        yield();
        EXPECT_EQ(frames_of(deep).size(), frames_of(shallow).size() + 20);
        EXPECT_NE(backtrace{deep}.position().find("wait_deep_for_backtrace"), std::string::npos)
            << backtrace{deep};
        goes_on.set();
        this_hub().join();
        EXPECT_EQ(depth, 21);
    });
}

TENDRIL_TEST(backtrace, names_no_function_below_the_library_when_the_program_is_in_line_with_it) {
    tendril::run([] {
        event goes_on;
        greenlet const waiting = this_hub().spawn_raw([&] { goes_on.wait(); });
        yield();
        EXPECT_EQ(backtrace{waiting}.position().find("make_fcontext"), std::string::npos)
            << backtrace{waiting};
        goes_on.set();
        this_hub().join();
    });
}

TENDRIL_TEST(backtrace, names_the_innermost_function_of_the_program) {
    greenlet g{[] { return descend_for_backtrace(2); }};
    g.switch_to();
    EXPECT_NE(backtrace{g}.position().find("descend_for_backtrace"), std::string::npos)
        << backtrace{g};
}

TENDRIL_TEST(backtrace, is_right_while_other_greenlets_run_deep) {
    greenlet g{[] { return descend_for_backtrace(10); }};
    g.switch_to();
    std::vector<void*> const before = frames_of(g);
    greenlet other{[] { return descend_for_backtrace(100); }};
    other.switch_to();
    greenlet observer{[&] { EXPECT_EQ(frames_of(g), before); }};
    observer.switch_to();
}

TENDRIL_TEST(backtrace, leaves_the_greenlet_as_it_was) {
    greenlet g{[] { return descend_for_backtrace(10); }};
    g.switch_to();
    void* const where = g.block()->machine.resume_point;
    for (int round = 0; round < 1000; ++round) {
        frames_of(g);
    }
    EXPECT_EQ(g.block()->machine.resume_point, where);
    EXPECT_EQ(g.switch_to().as<int>(), 10);
}

TENDRIL_TEST(backtrace, of_a_greenlet_in_a_handler_leaves_its_exception_alone) {
    greenlet g{[] {
        try {
            throw 41;
        } catch (int) {
            switch_to_parent();
            try {
                throw;
            } catch (int number) {
                return number + 1;
            }
        }
    }};
    g.switch_to();
    EXPECT_FALSE(frames_of(g).empty());
    EXPECT_EQ(g.switch_to().as<int>(), 42);
}

TENDRIL_TEST(backtrace, of_the_running_greenlet_begins_here) {
    greenlet g{[] {
        std::ostringstream text;
        text << backtrace{greenlet::current()};
        EXPECT_NE(text.str().find("running"), std::string::npos);
        EXPECT_GE(frames_of(greenlet::current()).size(), 3U);
    }};
    g.switch_to();
}

TENDRIL_TEST(backtrace, of_main_can_be_taken_by_a_greenlet) {
    greenlet g{[] { EXPECT_GE(frames_of(greenlet::current().parent()).size(), 3U); }};
    g.switch_to();
}

TENDRIL_TEST(backtrace, is_empty_for_one_that_has_not_begun_or_has_ended) {
    greenlet g{[] {}};
    EXPECT_TRUE(frames_of(g).empty());
    g.switch_to();
    EXPECT_TRUE(frames_of(g).empty());
    EXPECT_EQ(backtrace{g}.position(), "");
}

TENDRIL_TEST(backtrace, of_nobody_is_misuse_and_on_another_thread_is_refused) {
    EXPECT_THROW(backtrace{greenlet{}}, misuse);
    greenlet g{[] {}};
    on_new_thread([&] { EXPECT_THROW(backtrace{g}, wrong_thread); });
}

TENDRIL_HUB_TEST(backtrace, shows_where_a_parked_greenlet_waits) {
    greenlet const waits = this_hub().spawn_raw([] { sleep_for(std::chrono::hours{1}); });
    yield();
    std::ostringstream text;
    text << backtrace{waits};
    EXPECT_NE(text.str().find("parked"), std::string::npos) << text.str();
    EXPECT_NE(text.str().find("sleep"), std::string::npos) << text.str();
}

}  // namespace
