// SPDX-License-Identifier: BSL-1.0
#include <harness/network.hpp>
#include <tendril/process/signal_set.hpp>
#include <tendril/time/timeout.hpp>

#include <chrono>
#include <csignal>
#include <memory>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

volatile std::sig_atomic_t caught = 0;

// Installs a handler that counts, for the duration of a test.
class counting_handler {
public:
    explicit counting_handler(int number) : number_{number} {
        caught = 0;
        struct sigaction action {};
        action.sa_handler = [](int) { caught = caught + 1; };
        ::sigaction(number_, &action, &former_);
    }
    counting_handler(counting_handler const&) = delete;
    counting_handler& operator=(counting_handler const&) = delete;
    ~counting_handler() { ::sigaction(number_, &former_, nullptr); }

private:
    int number_;
    struct sigaction former_ {};
};

}  // namespace

TENDRIL_HUB_TEST(signal_set, a_wait_returns_the_number_of_the_signal_that_comes) {
    signal_set set{SIGUSR1, SIGUSR2};
    auto waiting = spawn([&] { return set.wait(); });
    test::settle();
    EXPECT_FALSE(waiting.done());
    std::raise(SIGUSR2);
    EXPECT_EQ(waiting.get(), SIGUSR2);
}

TENDRIL_HUB_TEST(signal_set, one_that_came_before_the_wait_is_returned_at_once) {
    signal_set set{SIGUSR1};
    std::raise(SIGUSR1);
    EXPECT_EQ(set.wait(), SIGUSR1);
}

TENDRIL_HUB_TEST(signal_set, waits_again_and_again) {
    signal_set set{SIGUSR1};
    for (int count = 0; count < 3; ++count) {
        auto waiting = spawn([&] { return set.wait(); });
        test::settle();
        std::raise(SIGUSR1);
        EXPECT_EQ(waiting.get(), SIGUSR1);
    }
}

TENDRIL_HUB_TEST(signal_set, others_run_while_somebody_waits) {
    signal_set set{SIGUSR1};
    auto waiting = spawn([&] { return set.wait(); });
    sleep_for(1h);
    EXPECT_FALSE(waiting.done());
    std::raise(SIGUSR1);
    waiting.join();
}

TENDRIL_HUB_TEST(signal_set, a_wait_can_be_cancelled_and_the_next_one_gets_the_signal) {
    signal_set set{SIGUSR1};
    auto first = spawn([&] { return set.wait(); });
    test::settle();
    first.cancel();
    first.join();
    EXPECT_TRUE(first.was_cancelled());
    std::raise(SIGUSR1);
    EXPECT_EQ(set.wait(), SIGUSR1);
}

TENDRIL_HUB_TEST(signal_set, a_wait_obeys_a_timeout) {
    signal_set set{SIGUSR1};
    std::string const how = test::interruption_of(
        [&] { with_timeout(1s, [&] { return set.wait(); }); });
    EXPECT_EQ(how, "timed out");
}

TENDRIL_HUB_TEST(signal_set, two_sets_hear_of_the_same_signal) {
    signal_set one{SIGUSR1};
    signal_set other{SIGUSR1};
    std::raise(SIGUSR1);
    EXPECT_EQ(one.wait(), SIGUSR1);
    EXPECT_EQ(other.wait(), SIGUSR1);
}

TENDRIL_HUB_TEST(signal_set, while_it_exists_the_signal_has_no_other_effect) {
    counting_handler const handler{SIGUSR1};
    signal_set set{SIGUSR1};
    std::raise(SIGUSR1);
    set.wait();
    EXPECT_EQ(caught, 0);
}

TENDRIL_HUB_TEST(signal_set, gives_the_signal_its_former_effect_back) {
    counting_handler const handler{SIGUSR1};
    { signal_set const set{SIGUSR1}; }
    struct sigaction now {};
    ::sigaction(SIGUSR1, nullptr, &now);
    ASSERT_NE(now.sa_handler, SIG_DFL);
    std::raise(SIGUSR1);
    EXPECT_EQ(caught, 1);
}

TENDRIL_HUB_TEST(signal_set, of_several_sets_the_last_gives_the_effect_back) {
    counting_handler const handler{SIGUSR1};
    auto first = std::make_unique<signal_set>(std::initializer_list<int>{SIGUSR1});
    signal_set second{SIGUSR1};
    first = nullptr;
    std::raise(SIGUSR1);
    EXPECT_EQ(second.wait(), SIGUSR1);
    EXPECT_EQ(caught, 0);
}

TENDRIL_TEST(signal_set, may_outlive_its_hub) {
    counting_handler const handler{SIGUSR1};
    std::unique_ptr<signal_set> set;
    tendril::run([&] { set = std::make_unique<signal_set>(std::initializer_list<int>{SIGUSR1}); });
    EXPECT_EQ(test::code_of([&] { set->wait(); }), errc::closed);
    set = nullptr;
    struct sigaction now {};
    ::sigaction(SIGUSR1, nullptr, &now);
    ASSERT_NE(now.sa_handler, SIG_DFL);
}

TENDRIL_HUB_TEST(signal_set, refuses_a_number_that_cannot_be_caught) {
    auto const make = [] { signal_set const set{SIGKILL}; };
    EXPECT_TRUE(test::code_of(make).failed());
    EXPECT_FALSE(test::names_a_source(test::text_of(make)));
}

TENDRIL_HUB_TEST(signal_set, a_refusal_catches_none_of_the_others) {
    counting_handler const handler{SIGUSR1};
    EXPECT_THROW((signal_set{SIGUSR1, SIGKILL}), system_error);
    struct sigaction now {};
    ::sigaction(SIGUSR1, nullptr, &now);
    ASSERT_NE(now.sa_handler, SIG_DFL);
    std::raise(SIGUSR1);
    EXPECT_EQ(caught, 1);
}
