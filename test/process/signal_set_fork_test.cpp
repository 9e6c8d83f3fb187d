// SPDX-License-Identifier: BSL-1.0
//
// Signals in the child of a fork: they are its own, whoever caught them in the parent.
#include <harness/forking.hpp>
#include <harness/network.hpp>
#include <harness/signals.hpp>
#include <harness/tasks.hpp>
#include <tendril/process/cancel_on_signal.hpp>
#include <tendril/process/signal_handler.hpp>
#include <tendril/process/signal_set.hpp>

#include <chrono>
#include <csignal>
#include <memory>
#include <optional>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::counting_handler;
using test::holds_in_a_child;

constexpr auto excuse = "ThreadSanitizer does not follow a process with threads into its child";

}  // namespace

TENDRIL_HUB_TEST(signal_set_fork, a_set_goes_on_in_the_child_with_signals_of_its_own) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << excuse;
    }
    signal_set set{SIGUSR1};
    EXPECT_TRUE(holds_in_a_child([&] {
        this_hub().reset_after_fork();
        bool const nothing_yet = set.wait_for(1ms) == std::nullopt;
        auto raising = spawn([] { std::raise(SIGUSR1); });
        return nothing_yet && set.wait() == SIGUSR1 && set.wait_for(1ms) == std::nullopt;
    }));
    EXPECT_EQ(set.wait_for(1ms), std::nullopt) << "the parent has not heard of it";
    std::raise(SIGUSR1);
    EXPECT_EQ(set.wait(), SIGUSR1);
}

TENDRIL_HUB_TEST(signal_set_fork, parent_and_child_do_not_take_each_others_wake_ups) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << excuse;
    }
    signal_set set{SIGUSR1};
    pid_t const child = ::fork();
    if (child == 0) {
        this_hub().reset_after_fork();
        bool holds = true;
        for (int count = 0; count < 10; ++count) {
            auto raising = spawn([] { std::raise(SIGUSR1); });
            holds = holds && set.wait() == SIGUSR1;
        }
        test::end_child(holds);
    }
    for (int count = 0; count < 10; ++count) {
        auto raising = spawn([] { std::raise(SIGUSR1); });
        EXPECT_EQ(set.wait(), SIGUSR1);
    }
    EXPECT_TRUE(test::has_held(child));
}

TENDRIL_HUB_TEST(signal_set_fork, the_child_gives_effects_back_for_itself) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << excuse;
    }
    counting_handler const former{SIGUSR1};
    std::optional<signal_set> set{std::in_place, std::initializer_list<int>{SIGUSR1}};
    EXPECT_TRUE(holds_in_a_child([&] {
        this_hub().reset_after_fork();
        set.reset();
        return former.is_in_place();
    }));
    EXPECT_FALSE(former.is_in_place());
    std::raise(SIGUSR1);
    EXPECT_EQ(set->wait(), SIGUSR1);
}

TENDRIL_HUB_TEST(signal_set_fork, before_the_reset_a_new_set_is_refused_and_an_old_one_only_looks) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << excuse;
    }
    signal_set set{SIGUSR1};
    EXPECT_TRUE(holds_in_a_child([&] {
        bool const refused = test::misuse_of([] { signal_set const made{SIGUSR2}; }) != "" &&
            test::misuse_of([&] { set.wait(); }) != "";
        std::raise(SIGUSR1);
        return refused && set.try_wait() == SIGUSR1;
    }));
}

TENDRIL_HUB_TEST(signal_set_fork, there_is_no_handler_in_the_child_until_it_makes_one) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << excuse;
    }
    counting_handler const former{SIGUSR1};
    int calls = 0;
    std::optional<signal_handler> handler;
    handler.emplace(SIGUSR1, [&] { ++calls; });
    sleep_for(1ms);
    EXPECT_TRUE(holds_in_a_child([&] {
        this_hub().reset_after_fork();
        bool const gone = former.is_in_place() && !handler->is_open();
        handler.reset();
        bool const still = former.is_in_place();
        handler.emplace(SIGUSR1, [&] { ++calls; });
        std::raise(SIGUSR1);
        sleep_for(1ms);
        handler.reset();
        return gone && still && calls == 1 && former.is_in_place();
    }));
    EXPECT_TRUE(handler->is_open());
    std::raise(SIGUSR1);
    sleep_for(1ms);
    EXPECT_EQ(calls, 1);
}

TENDRIL_HUB_TEST(signal_set_fork, a_call_that_forks_may_end_its_handler_in_the_child) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << excuse;
    }
    bool held = false;
    std::optional<signal_handler> handler;
    handler.emplace(SIGUSR1, [&] {
        held = holds_in_a_child([&] {
            this_hub().reset_after_fork();
            bool const gone = !handler->is_open();
            handler.reset();
            return gone;
        });
    });
    std::raise(SIGUSR1);
    sleep_for(1ms);
    EXPECT_TRUE(held);
    EXPECT_TRUE(handler->is_open());
}

TENDRIL_HUB_TEST(signal_set_fork, a_signal_ends_a_child_whose_parent_would_be_cancelled) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << excuse;
    }
    auto const number = cancel_on_signal({SIGUSR1}, [] {
        pid_t const child = ::fork();
        if (child == 0) {
            std::raise(SIGUSR1);
            test::end_child(true);
        }
        int status = 0;
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFSIGNALED(status));
        EXPECT_EQ(WTERMSIG(status), SIGUSR1);
        sleep_for(1ms);
    });
    EXPECT_EQ(number, std::nullopt);
}
