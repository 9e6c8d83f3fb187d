// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/channel/queue.hpp>
#include <tendril/testing/settle.hpp>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::settle;
using test::transcript;

}  // namespace

TENDRIL_HUB_TEST(settle, returns_when_everybody_else_waits) {
    queue<int> q;
    int got = 0;
    auto getter = spawn([&] {
        for (int step = 0; step < 20; ++step) {
            yield();
        }
        got = q.get();
    });
    settle();
    EXPECT_FALSE(getter.done());
    q.put(7);
    settle();
    EXPECT_EQ(got, 7);
    EXPECT_TRUE(getter.done());
}

TENDRIL_HUB_TEST(settle, does_not_let_time_pass) {
    auto sleeper = spawn([] { sleep_for(1ns); });
    settle();
    EXPECT_EQ(clock.elapsed(), 0ns);
    EXPECT_FALSE(sleeper.done());
}

TENDRIL_HUB_TEST(settle, does_not_wait_for_a_job_elsewhere) {
    job_under_way const job{this_hub()};
    settle();
    EXPECT_EQ(clock.elapsed(), 0ns);
}

TENDRIL_HUB_TEST(settle, two_of_them_do_not_wait_for_each_other) {
    transcript seen;
    auto other = spawn([&] {
        settle();
        seen.push_back("other");
    });
    yield();
    settle();
    seen.push_back("main");
    EXPECT_EQ(seen, (transcript{"other", "main"}));
}
