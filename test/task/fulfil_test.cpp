// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/task/fulfil.hpp>
#include <tendril/task/future.hpp>
#include <tendril/task/shared_future.hpp>

#include <memory>
#include <stdexcept>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::outcome_of;
using test::transcript;

}  // namespace

TENDRIL_HUB_TEST(fulfil, gives_what_the_function_returns) {
    promise<int> p;
    fulfil(p, [] { return 7; });
    EXPECT_EQ(p.get_future().get(), 7);
    promise<void> q;
    fulfil(q, [] {});
    EXPECT_TRUE(q.get_future().succeeded());
    shared_promise<int> r;
    fulfil(r, [] { return 7; });
    EXPECT_EQ(r.get_future().get(), 7);
}

TENDRIL_HUB_TEST(fulfil, gives_what_the_function_throws) {
    promise<int> p;
    fulfil(p, []() -> int { throw std::runtime_error{"broken"}; });
    EXPECT_EQ(outcome_of([&] { p.get_future().get(); }), "broken");
}

TENDRIL_HUB_TEST(fulfil, leaves_what_was_given_before) {
    promise<int> p;
    fulfil(p, [&] {
        p.set_value(1);
        return 2;
    });
    fulfil(p, []() -> int { throw 3; });
    EXPECT_EQ(p.get_future().get(), 1);
}

TENDRIL_HUB_TEST(fulfil, of_a_task_that_is_cancelled_cancels_and_lets_the_task_end) {
    promise<int> p;
    auto const producer = spawn([&] {
        fulfil(p, [] {
            sleep_for(1h);
            return 7;
        });
    });
    yield();
    producer.cancel();
    EXPECT_THROW(p.get_future().get(), task_cancelled);
    producer.join();
    EXPECT_TRUE(producer.was_cancelled());
    promise<int> q;
    auto const killed = spawn([&] { fulfil(q, []() -> int { throw greenlet_exit{}; }); });
    EXPECT_THROW(q.get_future().get(), task_cancelled);
    EXPECT_TRUE(killed.was_cancelled());
}

TENDRIL_HUB_TEST(fulfil, a_task_can_be_forwarded_to_a_promise) {
    promise<std::string> p;
    auto const t = spawn([] { return std::string{"value"}; });
    forward_result(t, p);
    EXPECT_EQ(p.get_future().get(), "value");
    EXPECT_EQ(t.state().how(), detail::task_core::stage::returned);
    EXPECT_EQ(task<std::string>{t}.get(), "value");
}

TENDRIL_HUB_TEST(fulfil, a_task_that_goes_away_is_moved_from) {
    promise<std::unique_ptr<int>> p;
    forward_result(spawn([] { return std::make_unique<int>(7); }), p);
    EXPECT_EQ(*p.get_future().get(), 7);
}

TENDRIL_HUB_TEST(fulfil, errors_and_cancellations_are_forwarded) {
    transcript errors;
    test::collect_errors(errors);
    promise<void> failed;
    forward_result(spawn([] { throw std::runtime_error{"broken"}; }), failed);
    EXPECT_EQ(outcome_of([&] { failed.get_future().get(); }), "broken");
    promise<void> cancelled_one;
    auto const t = spawn([] { sleep_for(1h); });
    forward_result(t, cancelled_one);
    t.cancel();
    EXPECT_THROW(cancelled_one.get_future().get(), task_cancelled);
    EXPECT_TRUE(errors.empty());
}

TENDRIL_HUB_TEST(fulfil, of_several_that_are_forwarded_the_first_decides) {
    promise<int> p;
    for (auto const delay : {3ms, 1ms, 2ms}) {
        forward_result(
            spawn([delay] {
                sleep_for(delay);
                return static_cast<int>(delay.count());
            }),
            p);
    }
    EXPECT_EQ(p.get_future().get(), 1);
    sleep_for(5ms);
    EXPECT_EQ(p.get_future().get(), 1);
}

TENDRIL_HUB_TEST(fulfil, a_future_can_be_forwarded_between_the_two_families) {
    shared_promise<int> from;
    promise<int> local;
    shared_promise<int> to;
    forward_result(from.get_future(), local);
    forward_result(local.get_future(), to);
    std::thread{[&] { from.set_value(7); }}.join();
    EXPECT_EQ(to.get_future().get(), 7);
}
