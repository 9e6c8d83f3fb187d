// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/task/ensure_task.hpp>

#include <memory>
#include <stdexcept>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::outcome_of;

}  // namespace

TENDRIL_HUB_TEST(ensure_task, gives_a_task_back_as_it_is) {
    task<int> const t = spawn([] { return 7; });
    EXPECT_EQ(ensure_task(t), t);
    EXPECT_EQ(ensure_task(task<int>{t}).get(), 7);
}

TENDRIL_HUB_TEST(ensure_task, spawns_a_function) {
    auto const owned = std::make_shared<int>(7);
    auto t = ensure_task([owned] { return *owned; });
    EXPECT_EQ(t.get(), 7);
    EXPECT_EQ(owned.use_count(), 1);
}

TENDRIL_HUB_TEST(ensure_task, waits_for_a_future) {
    promise<int> p;
    auto t = ensure_task(p.get_future());
    yield();
    EXPECT_FALSE(t.done());
    p.set_value(7);
    EXPECT_EQ(t.get(), 7);
    EXPECT_EQ(p.get_future().get(), 7);
    promise<std::unique_ptr<int>> q;
    q.set_value(std::make_unique<int>(7));
    EXPECT_EQ(*ensure_task(q.get_future()).get(), 7);
}

TENDRIL_HUB_TEST(ensure_task, fails_as_the_future_does) {
    promise<void> p;
    auto failed = ensure_task(p.get_future());
    p.set_exception(std::runtime_error{"broken"});
    EXPECT_EQ(outcome_of([&] { failed.get(); }), "broken");
    promise<void> q;
    auto cancelled_one = ensure_task(q.get_future());
    q.get_future().cancel();
    EXPECT_THROW(cancelled_one.get(), task_cancelled);
    EXPECT_EQ(outcome_of([] { ensure_task(future<int>{}); }), "misuse");
}

TENDRIL_HUB_TEST(ensure_task, cancelling_the_task_leaves_the_future_alone) {
    promise<int> p;
    auto const t = ensure_task(p.get_future());
    yield();
    t.cancel();
    t.join();
    EXPECT_TRUE(t.was_cancelled());
    EXPECT_FALSE(p.was_cancelled());
}
