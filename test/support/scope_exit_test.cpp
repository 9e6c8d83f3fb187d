// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/support/scope_exit.hpp>

#include <memory>
#include <utility>

namespace {

using namespace tendril;

}  // namespace

TENDRIL_TEST(scope_exit, runs_its_action_once_at_the_end_of_the_scope) {
    int runs = 0;
    {
        scope_exit const guard{[&] { ++runs; }};
        EXPECT_EQ(runs, 0);
    }
    EXPECT_EQ(runs, 1);
}

TENDRIL_TEST(scope_exit, runs_its_action_when_an_exception_ends_the_scope) {
    int runs = 0;
    try {
        scope_exit const guard{[&] { ++runs; }};
        throw 1;
    } catch (int) {
        EXPECT_EQ(runs, 1);
    }
    EXPECT_EQ(runs, 1);
}

TENDRIL_TEST(scope_exit, a_dismissed_guard_does_nothing) {
    int runs = 0;
    {
        scope_exit guard{[&] { ++runs; }};
        guard.dismiss();
    }
    EXPECT_EQ(runs, 0);
}

TENDRIL_TEST(scope_exit, guards_run_in_reverse_order) {
    tendril::test::transcript seen;
    {
        scope_exit const outer{[&] { seen.push_back("outer"); }};
        scope_exit const inner{[&] { seen.push_back("inner"); }};
    }
    EXPECT_EQ(seen, (tendril::test::transcript{"inner", "outer"}));
}

TENDRIL_TEST(scope_exit, its_action_may_own_something) {
    int seen = 0;
    {
        scope_exit const guard{[&seen, owned = std::make_unique<int>(7)] { seen = *owned; }};
    }
    EXPECT_EQ(seen, 7);
}
