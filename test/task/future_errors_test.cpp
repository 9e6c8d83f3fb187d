// SPDX-License-Identifier: BSL-1.0
//
// Futures whose value never comes: cancelled ones, and errors that nobody collects.
#include <harness/tasks.hpp>
#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/task/future.hpp>

#include <memory>
#include <stdexcept>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::outcome_of;
using test::transcript;

}  // namespace

TENDRIL_HUB_TEST(future_errors, a_cancelled_one_tells_readers_and_producer) {
    promise<int> p;
    future<int> const f = p.get_future();
    attempt reader;
    start(reader, [&] { f.get(); });
    yield();
    EXPECT_TRUE(f.cancel());
    EXPECT_TRUE(f.done());
    EXPECT_TRUE(f.was_cancelled());
    EXPECT_TRUE(p.was_cancelled());
    reader.run_by.join();
    EXPECT_EQ(reader.outcome, "a future was cancelled");
    EXPECT_THROW(f.get(), task_cancelled);
    EXPECT_EQ(f.exception(), nullptr);
}

TENDRIL_HUB_TEST(future_errors, a_cancelled_one_takes_no_value) {
    promise<int> p;
    p.get_future().cancel();
    EXPECT_FALSE(p.try_set_value(1));
    EXPECT_FALSE(p.try_set_exception(std::runtime_error{"broken"}));
    std::string const text = test::misuse_of([&] { p.set_value(1); });
    EXPECT_TRUE(test::contains(text, "was cancelled")) << text;
}

TENDRIL_HUB_TEST(future_errors, cancelling_what_is_over_returns_false) {
    promise<int> p;
    p.set_value(7);
    EXPECT_FALSE(p.get_future().cancel());
    EXPECT_EQ(p.get_future().get(), 7);
    promise<int> q;
    EXPECT_TRUE(q.get_future().cancel());
    EXPECT_FALSE(q.get_future().cancel());
}

TENDRIL_HUB_TEST(future_errors, a_reader_that_is_cancelled_leaves_the_future_alone) {
    promise<int> p;
    attempt first;
    attempt second;
    int value = 0;
    start(first, [f = p.get_future()] { f.get(); });
    start(second, [f = p.get_future(), &value] { value = f.get(); });
    yield();
    first.run_by.cancel();
    first.run_by.join();
    EXPECT_EQ(first.outcome, "cancelled");
    EXPECT_FALSE(p.was_cancelled());
    p.set_value(7);
    second.run_by.join();
    EXPECT_EQ(value, 7);
}

TENDRIL_HUB_TEST(future_errors, what_ends_a_greenlet_is_kept_as_a_cancellation) {
    for (std::exception_ptr const& error :
         {std::make_exception_ptr(cancelled{}), std::make_exception_ptr(greenlet_exit{})}) {
        promise<int> p;
        p.set_exception(error);
        EXPECT_TRUE(p.get_future().was_cancelled());
        EXPECT_THROW(p.get_future().get(), task_cancelled);
    }
}

TENDRIL_HUB_TEST(future_errors, an_error_that_nobody_collects_is_reported_once) {
    transcript errors;
    test::collect_errors(errors);
    {
        promise<int> p{"the price"};
        future<int> const f = p.get_future();
        p.set_exception(std::runtime_error{"broken"});
        f.wait();
        EXPECT_TRUE(errors.empty());
    }
    EXPECT_EQ(errors, transcript{"the price: std::runtime_error: broken"});
}

TENDRIL_HUB_TEST(future_errors, one_that_somebody_asked_for_is_not_reported) {
    transcript errors;
    test::collect_errors(errors);
    auto const with_error = [](auto&& use) {
        promise<int> p;
        p.set_exception(std::runtime_error{"broken"});
        use(p.get_future());
    };
    with_error([](auto const& f) { EXPECT_EQ(outcome_of([&] { f.get(); }), "broken"); });
    with_error([](auto const& f) { EXPECT_EQ(outcome_of([&] { f.try_get(); }), "broken"); });
    with_error([](auto const& f) { EXPECT_NE(f.exception(), nullptr); });
    with_error([](auto const& f) { EXPECT_FALSE(f.cancel()); });
    EXPECT_TRUE(errors.empty());
}

TENDRIL_HUB_TEST(future_errors, asking_too_early_does_not_count) {
    transcript errors;
    test::collect_errors(errors);
    {
        promise<int> p;
        EXPECT_EQ(p.get_future().exception(), nullptr);
        EXPECT_EQ(p.get_future().try_get(), nullptr);
        p.set_exception(std::runtime_error{"broken"});
    }
    EXPECT_EQ(errors, transcript{"a future: std::runtime_error: broken"});
}

TENDRIL_HUB_TEST(future_errors, broken_and_cancelled_ones_are_not_reported) {
    transcript errors;
    test::collect_errors(errors);
    {
        auto p = std::make_unique<promise<int>>();
        future<int> const f = p->get_future();
        p.reset();
        promise<int> q;
        q.get_future().cancel();
        promise<int> passed_on;
        passed_on.set_exception(f.exception());
        EXPECT_THROW(passed_on.get_future().get(), broken_promise);
    }
    EXPECT_TRUE(errors.empty());
}

TENDRIL_TEST(future_errors, one_is_printed_where_there_is_no_hub) {
    ::testing::internal::CaptureStderr();
    std::thread{[] {
        promise<int> p;
        p.set_exception(std::runtime_error{"broken"});
    }}.join();
    EXPECT_TRUE(test::contains(::testing::internal::GetCapturedStderr(), "broken"));
}
