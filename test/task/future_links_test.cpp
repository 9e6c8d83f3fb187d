// SPDX-License-Identifier: BSL-1.0
//
// What follows the end of a future: links, and continuations.
#include <harness/tasks.hpp>
#include <tendril/task/future.hpp>

#include <memory>
#include <stdexcept>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::outcome_of;
using test::transcript;

}  // namespace

TENDRIL_HUB_TEST(future_links, are_called_in_the_hub_in_the_order_they_were_added) {
    promise<int> p;
    future<int> const f = p.get_future();
    transcript seen;
    for (char const* word : {"a", "b", "c"}) {
        f.on_done([&, word] {
            EXPECT_TRUE(f.done());
            EXPECT_TRUE(this_hub().in_callback());
            seen.push_back(word);
        });
    }
    p.set_value(7);
    EXPECT_TRUE(seen.empty());
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"a", "b", "c"}));
}

TENDRIL_HUB_TEST(future_links, one_added_after_the_end_is_called_soon_and_not_at_once) {
    promise<int> p;
    p.set_value(7);
    transcript seen;
    p.get_future().on_done([&] { seen.push_back("a"); });
    p.get_future().on_done([&] { seen.push_back("b"); });
    EXPECT_TRUE(seen.empty());
    sleep_for(1ms);
    p.get_future().on_done([&] { seen.push_back("c"); });
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"a", "b", "c"}));
}

TENDRIL_HUB_TEST(future_links, are_called_however_it_ends) {
    int calls = 0;
    auto dropped = std::make_unique<promise<int>>();
    promise<int> failed;
    promise<int> cancelled_one;
    for (promise<int> const* each : {dropped.get(), &failed, &cancelled_one}) {
        each->get_future().on_done([&] { ++calls; });
    }
    dropped.reset();
    failed.set_exception(std::runtime_error{"broken"});
    cancelled_one.get_future().cancel();
    sleep_for(1ms);
    EXPECT_EQ(calls, 3);
    EXPECT_NE(failed.get_future().exception(), nullptr);
}

TENDRIL_HUB_TEST(future_links, one_that_a_link_adds_is_called_in_the_same_pass) {
    promise<int> p;
    future<int> const f = p.get_future();
    transcript seen;
    f.on_done([&] {
        seen.push_back("first");
        f.on_done([&] { seen.push_back("added"); });
    });
    f.on_done([&] {
        seen.push_back("second");
        this_hub().call_soon([&] { seen.push_back("next callback"); });
    });
    p.set_value(7);
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"first", "second", "added", "next callback"}));
}

TENDRIL_HUB_TEST(future_links, an_error_in_one_is_reported_and_the_others_are_called) {
    transcript errors;
    test::collect_errors(errors);
    promise<int> p{"the price"};
    bool called = false;
    p.get_future().on_done([] { throw std::runtime_error{"broken"}; });
    p.get_future().on_done([&] { called = true; });
    p.set_value(7);
    sleep_for(1ms);
    EXPECT_EQ(errors, transcript{"a link of the price: std::runtime_error: broken"});
    EXPECT_TRUE(called);
}

TENDRIL_HUB_TEST(future_links, one_may_drop_the_last_handle) {
    auto p = std::make_unique<promise<int>>();
    auto f = std::make_unique<future<int>>(p->get_future());
    bool called = false;
    f->on_done([&] {
        f.reset();
        called = true;
    });
    p.reset();
    sleep_for(1ms);
    EXPECT_TRUE(called);
}

TENDRIL_TEST(future_links, one_whose_hub_closes_is_dropped_with_what_it_holds) {
    auto const held = std::make_shared<int>(1);
    promise<int> p;
    run([&] {
        future<int> const f = p.get_future();
        f.on_done([f, held] { ADD_FAILURE(); });
    });
    p.set_value(7);
    EXPECT_EQ(held.use_count(), 1);
    run([&] {
        future<int> const f = p.get_future();
        f.on_done([f, held] {});
        this_hub().close();
    });
    EXPECT_EQ(held.use_count(), 1);
    promise<int> during_close;
    run([&] {
        during_close.get_future().on_done([f = during_close.get_future(), held] {});
        this_hub().close();
        during_close.set_value(1);
    });
    EXPECT_EQ(held.use_count(), 1);
}

TENDRIL_HUB_TEST(future_links, then_calls_its_function_in_a_task_which_may_wait) {
    promise<int> p;
    future<std::string> const text = p.get_future().then([](int& value) {
        sleep_for(1ms);
        return std::to_string(value);
    });
    EXPECT_FALSE(text.done());
    p.set_value(7);
    EXPECT_EQ(text.get(), "7");
}

TENDRIL_HUB_TEST(future_links, then_can_be_chained_and_knows_void) {
    promise<void> p;
    int seen = 0;
    future<void> const end = p.get_future()
                                 .then([] { return 3; })
                                 .then([](int value) { return std::make_unique<int>(value); })
                                 .then([&](std::unique_ptr<int> const& value) { seen = *value; });
    p.set_value();
    end.get();
    EXPECT_EQ(seen, 3);
}

TENDRIL_HUB_TEST(future_links, then_passes_errors_on_and_does_not_call) {
    transcript errors;
    test::collect_errors(errors);
    promise<int> p;
    future<int> const next = p.get_future().then([](int) -> int { throw 1; });
    p.set_exception(std::runtime_error{"broken"});
    EXPECT_EQ(outcome_of([&] { next.get(); }), "broken");
    promise<int> q;
    future<int> const none = q.get_future().then([](int) -> int { throw 1; });
    q.get_future().cancel();
    EXPECT_THROW(none.get(), task_cancelled);
    auto dropped = std::make_unique<promise<int>>();
    future<int> const broken = dropped->get_future().then([](int) -> int { throw 1; });
    dropped.reset();
    EXPECT_THROW(broken.get(), broken_promise);
    EXPECT_TRUE(errors.empty());
}

TENDRIL_HUB_TEST(future_links, what_a_continuation_throws_is_its_result) {
    transcript errors;
    test::collect_errors(errors);
    promise<int> p;
    p.set_value(7);
    {
        auto const next = p.get_future().then([](int) { throw std::runtime_error{"broken"}; });
        EXPECT_EQ(outcome_of([&] { next.get(); }), "broken");
        EXPECT_TRUE(errors.empty());
        static_cast<void>(
            p.get_future().then([](int) { throw std::runtime_error{"nobody asks"}; }));
        sleep_for(1ms);
    }
    EXPECT_EQ(errors, transcript{"a continuation: std::runtime_error: nobody asks"});
}

TENDRIL_HUB_TEST(future_links, a_continuation_that_was_cancelled_before_is_not_called) {
    promise<int> p;
    bool called = false;
    future<void> const next = p.get_future().then([&](int) { called = true; });
    EXPECT_TRUE(next.cancel());
    p.set_value(7);
    sleep_for(1ms);
    EXPECT_FALSE(called);
}

TENDRIL_TEST(future_links, a_continuation_whose_hub_closes_leaves_nothing_behind) {
    auto const held = std::make_shared<int>(1);
    future<int> next;
    run([&] {
        promise<int> p;
        next = p.get_future().then([held](int) {
            sleep_for(1h);
            return *held;
        });
        p.set_value(7);
        yield();
        yield();
    });
    EXPECT_EQ(held.use_count(), 1);
    EXPECT_TRUE(next.was_cancelled());
}
