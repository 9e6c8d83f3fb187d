// SPDX-License-Identifier: BSL-1.0
#include <harness/forking.hpp>
#include <harness/hubs.hpp>
#include <harness/tendril_test.hpp>
#include <tendril/greenlet/big_stack.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/time/sleep.hpp>
#include <tendril/time/timeout.hpp>

#include <chrono>

namespace {

using namespace std::chrono_literals;
using namespace tendril;
using tendril::test::holds_in_a_child;

class fork_of_a_hub : public ::testing::Test {
protected:
    void SetUp() override {
        if (!tendril::test::can_go_on_in_a_child) {
            GTEST_SKIP() << "ThreadSanitizer does not follow a process with threads into its child";
        }
    }
};

template <typename F>
bool is_misuse(F&& call) {
    try {
        call();
        return false;
    } catch (misuse const&) {
        return true;
    }
}

TEST_F(fork_of_a_hub, every_wait_is_misuse_in_the_child_until_it_is_reset) {
    run([] {
        EXPECT_TRUE(holds_in_a_child([] {
            return is_misuse([] { sleep_for(1ms); }) && is_misuse([] { yield(); }) &&
                is_misuse([] { this_hub().call_soon([] {}); }) &&
                is_misuse([] { this_hub().remote(); });
        }));
    });
}

TEST_F(fork_of_a_hub, works_again_in_the_child_after_a_reset) {
    run([] {
        EXPECT_TRUE(holds_in_a_child([] {
            this_hub().reset_after_fork();
            int ran = 0;
            this_hub().spawn_raw([&] {
                sleep_for(1ms);
                ++ran;
            });
            this_hub().call_later(1ms, [&] { ++ran; });
            sleep_for(20ms);
            return ran == 2;
        }));
        sleep_for(1ms);
    });
}

TEST_F(fork_of_a_hub, can_be_reset_by_a_greenlet_that_has_forked) {
    run([] {
        bool held = false;
        greenlet const forking = this_hub().spawn_raw([&] {
            held = holds_in_a_child([] {
                this_hub().reset_after_fork();
                sleep_for(1ms);
                return true;
            });
        });
        while (!forking.dead()) {
            yield();
        }
        EXPECT_TRUE(held);
    });
}

TEST_F(fork_of_a_hub, forgets_what_others_were_waiting_for) {
    run([] {
        bool resumed = false;
        greenlet const other = this_hub().spawn_raw([&] {
            sleep_for(5ms);
            resumed = true;
        });
        this_hub().call_later(5ms, [&] { resumed = true; });
        yield();
        EXPECT_TRUE(holds_in_a_child([&] {
            this_hub().reset_after_fork();
            sleep_for(20ms);
            return !resumed && other.dead();
        }));
        sleep_for(20ms);
        EXPECT_TRUE(resumed);
    });
}

TEST_F(fork_of_a_hub, keeps_the_limits_of_the_greenlet_that_has_forked) {
    run([] {
        EXPECT_TRUE(holds_in_a_child([] {
            this_hub().reset_after_fork();
            return true;
        }));
        timeout const limit{20ms};
        EXPECT_TRUE(holds_in_a_child([&] {
            this_hub().reset_after_fork();
            try {
                sleep_for(1h);
            } catch (timed_out const& error) {
                return error.by(limit);
            }
            return false;
        }));
    });
}

TEST_F(fork_of_a_hub, keeps_the_limits_below_a_big_stack) {
    run([] {
        bool held = false;
        greenlet const forking = this_hub().spawn_raw([&] {
            timeout const limit{20ms};
            auto const limit_holds = [&] {
                this_hub().reset_after_fork();
                try {
                    sleep_for(1s);
                } catch (timed_out const& error) {
                    return error.by(limit);
                }
                return false;
            };
            held = on_big_stack([&] { return holds_in_a_child(limit_holds); });
        });
        while (!forking.dead()) {
            yield();
        }
        EXPECT_TRUE(held);
    });
}

TEST_F(fork_of_a_hub, a_posted_function_that_forks_is_the_last_one_in_the_child) {
    run([] {
        pid_t child = -1;
        bool second_ran = false;
        remote const door = this_hub().remote();
        door.post([&] { child = ::fork(); });
        door.post([&] { second_ran = true; });
        bool main_was_told = false;
        try {
            sleep_for(1ms);
        } catch (misuse const&) {
            main_was_told = true;
        }
        if (child == 0) {
            tendril::test::end_child(main_was_told && !second_ran);
        }
        EXPECT_TRUE(tendril::test::has_held(child));
        EXPECT_TRUE(second_ran);
    });
}

TEST_F(fork_of_a_hub, a_remote_of_the_parent_posts_nothing_in_the_child) {
    run([] {
        remote const door = this_hub().remote();
        EXPECT_TRUE(holds_in_a_child([&] { return !door.post([] {}); }));
        bool arrived = false;
        EXPECT_TRUE(door.post([&] { arrived = true; }));
        sleep_for(1ms);
        EXPECT_TRUE(arrived);
    });
}

TEST_F(fork_of_a_hub, a_reset_without_a_fork_or_twice_is_misuse) {
    run([] {
        EXPECT_THROW(this_hub().reset_after_fork(), misuse);
        EXPECT_TRUE(holds_in_a_child([] {
            this_hub().reset_after_fork();
            return is_misuse([] { this_hub().reset_after_fork(); });
        }));
    });
}

TEST_F(fork_of_a_hub, a_child_that_was_not_reset_can_close_its_hub) {
    run([] {
        EXPECT_TRUE(holds_in_a_child([] {
            this_hub().close();
            return true;
        }));
        sleep_for(1ms);
    });
}

TEST_F(fork_of_a_hub, a_greenlet_that_ends_in_the_child_leaves_main_with_misuse) {
    run([] {
        pid_t child = -1;
        bool main_was_told = false;
        this_hub().spawn_raw([&] { child = ::fork(); });
        try {
            sleep_for(1ms);
        } catch (misuse const&) {
            main_was_told = true;
        }
        if (child == 0) {
            tendril::test::end_child(main_was_told);
        }
        EXPECT_TRUE(tendril::test::has_held(child));
    });
}

TEST_F(fork_of_a_hub, a_reset_gives_up_three_descriptors_or_none) {
    run([] {
        sleep_for(1ms);
        EXPECT_TRUE(holds_in_a_child([] {
            auto const before = tendril::test::count_of_descriptors();
            this_hub().reset_after_fork();
            return tendril::test::count_of_descriptors() == before + 3;
        }));
        EXPECT_TRUE(holds_in_a_child([] {
            auto const before = tendril::test::count_of_descriptors();
            this_hub().reset_after_fork(fork_descriptors::keep);
            return tendril::test::count_of_descriptors() == before;
        }));
    });
}

TEST_F(fork_of_a_hub, a_child_of_a_child_can_be_reset_too) {
    run([] {
        EXPECT_TRUE(holds_in_a_child([] {
            this_hub().reset_after_fork();
            return holds_in_a_child([] {
                this_hub().reset_after_fork();
                sleep_for(1ms);
                return true;
            });
        }));
    });
}

}  // namespace
