// SPDX-License-Identifier: BSL-1.0
#include <harness/forking.hpp>
#include <harness/greenlets.hpp>
#include <tendril/greenlet/greenlet.hpp>

namespace {

using namespace tendril;
using tendril::test::holds_in_a_child;
using tendril::test::second_thread;
using tendril::test::suspended_greenlet;
using tendril::test::switch_to_parent;

class fork_of_greenlets : public ::testing::Test {
protected:
    void SetUp() override {
        if (!tendril::test::can_go_on_in_a_child) {
            GTEST_SKIP() << "ThreadSanitizer does not follow a process with threads into its child";
        }
    }
};

TEST_F(fork_of_greenlets, the_child_keeps_the_forking_greenlet_only) {
    int ended = 0;
    greenlet other = suspended_greenlet(ended);
    greenlet forking{[&] {
        return holds_in_a_child([&] { return other.dead() && !greenlet::current().dead(); });
    }};
    EXPECT_TRUE(forking.switch_to().as<bool>());
    EXPECT_FALSE(other.dead());
}

TEST_F(fork_of_greenlets, those_that_are_gone_are_not_unwound) {
    int ended = 0;
    greenlet other = suspended_greenlet(ended);
    EXPECT_TRUE(holds_in_a_child([&] {
        other = greenlet{};
        return ended == 0;
    }));
    other.switch_to();
    EXPECT_EQ(ended, 1);
}

TEST_F(fork_of_greenlets, one_that_had_not_begun_is_gone_too) {
    greenlet unstarted{[] {}};
    EXPECT_TRUE(holds_in_a_child([&] { return unstarted.dead(); }));
}

TEST_F(fork_of_greenlets, ancestors_that_wait_for_the_result_live_on) {
    bool in_child = false;
    greenlet parent{[&] {
        greenlet forking{[&] { return ::fork(); }};
        auto const child = forking.switch_to().as<pid_t>();
        in_child = child == 0;
        return child;
    }};
    auto const child = parent.switch_to().as<pid_t>();
    if (in_child) {
        tendril::test::end_child(true);
    }
    EXPECT_TRUE(tendril::test::has_held(child));
}

TEST_F(fork_of_greenlets, the_child_makes_new_greenlets) {
    int ended = 0;
    greenlet const other = suspended_greenlet(ended);
    EXPECT_TRUE(holds_in_a_child([] {
        greenlet g{[](int number) { return switch_to_parent(number + 1).as<int>(); }};
        return g.switch_to(1).as<int>() == 2 && g.switch_to(3).as<int>() == 3 && g.dead();
    }));
}

TEST_F(fork_of_greenlets, greenlets_of_other_threads_are_dead_in_the_child) {
    second_thread there;
    greenlet g;
    there.run([&] { g = greenlet{[] { switch_to_parent(); }}; });
    there.run([&] { g.switch_to(); });
    EXPECT_TRUE(holds_in_a_child([&] {
        bool const dead = g.dead();
        g = greenlet{};
        return dead;
    }));
    EXPECT_FALSE(g.dead());
    there.run([&] { g = greenlet{}; });
}

}  // namespace
