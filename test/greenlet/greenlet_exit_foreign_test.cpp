// SPDX-License-Identifier: BSL-1.0
//
// An exit that meets frames which are not simply C++ code that lets it pass.
#include <harness/greenlets.hpp>
#include <tendril/greenlet/greenlet_exit.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <sstream>
#include <streambuf>
#include <string>

namespace {

using namespace tendril;
using test::note_at_end;
using test::switch_to_parent;
using test::transcript;

void suspend_and_promise_no_error() noexcept { switch_to_parent(); }

int compare_and_suspend(void const*, void const*) {
    switch_to_parent();
    return 0;
}

// Waits for every character that is written.
class suspending_buffer : public std::streambuf {
    int_type overflow(int_type character) override {
        switch_to_parent();
        return character;
    }
};

}  // namespace

TENDRIL_TEST(greenlet_exit, ends_the_program_where_it_meets_a_function_that_promises_no_error) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(
        {
            std::set_terminate([] {
                std::fputs("terminated\n", stderr);
                std::abort();
            });
            greenlet g{[] { suspend_and_promise_no_error(); }};
            g.switch_to();
            g = greenlet{};
        },
        "terminated");
}

TENDRIL_TEST(greenlet_exit, a_function_that_promises_no_error_may_be_continued) {
    greenlet g{[] {
        suspend_and_promise_no_error();
        return 1;
    }};
    g.switch_to();
    EXPECT_EQ(g.switch_to().as<int>(), 1);
}

TENDRIL_TEST(greenlet_exit, unwinds_the_frames_of_a_c_library_that_calls_back) {
    transcript seen;
    greenlet g{[&] {
        std::array<int, 5> numbers{3, 1, 5, 2, 4};
        note_at_end const below{seen, "below qsort"};
        std::qsort(numbers.data(), numbers.size(), sizeof(int), &compare_and_suspend);
        seen.push_back("never");
    }};
    g.switch_to();
    g.switch_to();
    g = greenlet{};
    EXPECT_EQ(seen, (transcript{"below qsort"}));
}

TENDRIL_TEST(greenlet_exit, swallowed_by_an_output_stream_is_thrown_again_at_the_next_switch) {
    transcript seen;
    greenlet g{[&] {
        note_at_end const note{seen, "ended"};
        suspending_buffer buffer;
        std::ostream out{&buffer};
        out << 'x';
        seen.push_back(out.bad() ? "the stream is bad" : "the stream is good");
        switch_to_parent();
        seen.push_back("never");
    }};
    g.switch_to();
    g = greenlet{};
    EXPECT_EQ(seen, (transcript{"the stream is bad", "ended"}));
}
