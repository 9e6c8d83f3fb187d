// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <harness/tasks.hpp>
#include <tendril/task/shared_future.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::outcome_of;
using test::second_thread;
using test::transcript;

static_assert(std::is_same_v<decltype(std::declval<shared_future<int>&>().get()), int const&>);
static_assert(std::is_same_v<decltype(std::declval<shared_future<int>>().get()), int>);

}  // namespace

TENDRIL_HUB_TEST(shared_future, get_waits_for_the_value_of_another_thread) {
    shared_promise<int> p;
    shared_future<int> const f = p.get_future();
    attempt reader;
    int value = 0;
    start(reader, [&] { value = f.get(); });
    yield();
    EXPECT_EQ(f.waiting(), 1U);
    EXPECT_FALSE(f.done());
    second_thread elsewhere;
    elsewhere.run([&] { p.set_value(7); });
    reader.run_by.join();
    EXPECT_EQ(value, 7);
    EXPECT_EQ(f.waiting(), 0U);
    EXPECT_TRUE(f.succeeded());
    EXPECT_EQ(*f.try_get(), 7);
    EXPECT_EQ(&f.get(), &f.get());
}

TENDRIL_TEST(shared_future, a_plain_thread_blocks_and_gets_no_hub) {
    shared_promise<std::string> p;
    std::string value;
    bool has_hub = true;
    std::thread reader{[&, f = p.get_future()] {
        value = f.get();
        has_hub = this_thread().loop != nullptr;
    }};
    while (p.get_future().waiting() == 0) {
        std::this_thread::yield();
    }
    run([&] { p.set_value("value"); });
    reader.join();
    EXPECT_EQ(value, "value");
    EXPECT_FALSE(has_hub);
}

TENDRIL_ORDERED_HUB_TEST(shared_future, readers_go_on_in_the_order_they_came) {
    shared_promise<void> p;
    transcript seen;
    attempt readers[3];
    for (int i = 0; i < 3; ++i) {
        start(readers[i], [&seen, i, f = p.get_future()] {
            f.get();
            seen.push_back(std::to_string(i));
        });
    }
    yield();
    second_thread elsewhere;
    elsewhere.run([&] { p.set_value(); });
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"0", "1", "2"}));
}

TENDRIL_HUB_TEST(shared_future, waits_with_a_limit_give_up_at_it) {
    shared_promise<int> p;
    shared_future<int> const f = p.get_future();
    EXPECT_EQ(f.get_for(5ms), nullptr);
    EXPECT_FALSE(f.wait_for(5ms));
    EXPECT_FALSE(f.wait_until(now() + 5ms));
    EXPECT_EQ(f.get_until(now() + 5ms), nullptr);
    EXPECT_EQ(f.try_get(), nullptr);
    p.set_value(7);
    EXPECT_EQ(*f.get_for(5ms), 7);
    shared_promise<void> q;
    EXPECT_FALSE(q.get_future().get_for(1ms));
    EXPECT_FALSE(q.get_future().try_get());
    q.set_value();
    q.get_future().get();
    EXPECT_TRUE(q.get_future().try_get());
}

TENDRIL_TEST(shared_future, a_plain_thread_gives_up_at_its_limit) {
    shared_promise<int> p;
    EXPECT_FALSE(p.get_future().wait_for(1us));
    EXPECT_EQ(p.get_future().get_for(1us), nullptr);
    EXPECT_EQ(p.get_future().waiting(), 0U);
}

TENDRIL_HUB_TEST(shared_future, takes_one_value_or_error) {
    shared_promise<int> const p;
    p.set_value(1);
    EXPECT_THROW(p.set_value(2), already_settled);
    EXPECT_THROW(p.set_exception(std::runtime_error{"late"}), already_settled);
    EXPECT_FALSE(p.try_set_value(2));
    EXPECT_FALSE(p.try_set_exception(std::runtime_error{"late"}));
    EXPECT_FALSE(p.get_future().cancel());
    EXPECT_EQ(p.get_future().get(), 1);
    shared_promise<int> q;
    q.set_exception(std::runtime_error{"broken"});
    shared_future<int> const f = q.get_future();
    EXPECT_EQ(outcome_of([&] { f.get(); }), "broken");
    EXPECT_EQ(outcome_of([&] { f.try_get(); }), "broken");
    EXPECT_EQ(describe(f.exception()), "std::runtime_error: broken");
    EXPECT_EQ(outcome_of([&] { q.set_exception(std::exception_ptr{}); }), "misuse");
}

TENDRIL_HUB_TEST(shared_future, keeps_a_value_that_cannot_be_copied_for_all_to_look_at) {
    shared_promise<std::unique_ptr<int>> p;
    p.set_value(std::make_unique<int>(7));
    auto const f = p.get_future();
    EXPECT_EQ(*f.get(), 7);
    EXPECT_EQ(**f.try_get(), 7);
}

TENDRIL_HUB_TEST(shared_future, cancelling_tells_readers_and_producer) {
    shared_promise<int> p;
    shared_future<int> const f = p.get_future();
    attempt reader;
    start(reader, [&] { f.get(); });
    yield();
    second_thread elsewhere;
    elsewhere.run([&] { EXPECT_TRUE(f.cancel()); });
    reader.run_by.join();
    EXPECT_EQ(reader.outcome, "a shared_future was cancelled");
    EXPECT_TRUE(p.was_cancelled());
    EXPECT_TRUE(f.was_cancelled());
    EXPECT_TRUE(p.settled());
    EXPECT_THROW(p.set_value(1), already_settled);
}

TENDRIL_HUB_TEST(shared_future, the_last_promise_that_goes_on_any_thread_breaks_it) {
    auto p = std::make_unique<shared_promise<int>>();
    attempt reader;
    start(reader, [f = p->get_future()] { f.get(); });
    yield();
    second_thread elsewhere;
    elsewhere.run([&] { p.reset(); });
    reader.run_by.join();
    EXPECT_TRUE(test::contains(reader.outcome, "the last one has gone without a value"));
}

TENDRIL_HUB_TEST(shared_future, an_error_that_nobody_collects_is_reported_once) {
    transcript errors;
    test::collect_errors(errors);
    { shared_promise<int>{"the price"}.set_exception(std::runtime_error{"broken"}); }
    EXPECT_EQ(errors, transcript{"the price: std::runtime_error: broken"});
    shared_promise<int>{}.get_future().cancel();
    {
        shared_promise<int> p;
        p.set_exception(std::runtime_error{"broken"});
        EXPECT_NE(p.get_future().exception(), nullptr);
    }
    EXPECT_EQ(errors.size(), 1U);
}

TENDRIL_HUB_TEST(shared_future, links_are_called_in_the_hub_that_added_them_and_in_order) {
    shared_promise<int> p;
    shared_future<int> const f = p.get_future();
    transcript seen;
    for (char const* word : {"a", "b"}) {
        f.on_done([&, word] {
            EXPECT_TRUE(this_hub().in_callback());
            seen.push_back(word);
        });
    }
    second_thread elsewhere;
    elsewhere.run([&] { p.set_value(7); });
    f.on_done([&] { seen.push_back("late"); });
    EXPECT_TRUE(seen.empty());
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"a", "b", "late"}));
}

TENDRIL_HUB_TEST(shared_future, a_link_on_a_thread_without_a_hub_is_refused) {
    shared_promise<int> p;
    EXPECT_EQ(test::outcome_elsewhere([&] { p.get_future().on_done([] {}); }), "misuse");
}

TENDRIL_TEST(shared_future, a_link_whose_hub_has_closed_is_dropped) {
    auto const held = std::make_shared<int>(1);
    shared_promise<int> p;
    run([&] { p.get_future().on_done([held, f = p.get_future()] { ADD_FAILURE(); }); });
    EXPECT_EQ(held.use_count(), 2);
    p.set_value(7);
    EXPECT_EQ(held.use_count(), 1);
    run([&] {
        p.get_future().on_done([held] {});
        this_hub().close();
    });
    EXPECT_EQ(held.use_count(), 1);
}

TENDRIL_HUB_TEST(shared_future, the_loop_can_be_run_until_it_is_done) {
    shared_promise<int> p;
    std::thread producer{[&] { p.set_value(7); }};
    EXPECT_EQ(this_hub().run_until_complete(p.get_future()), 7);
    producer.join();
}

TENDRIL_HUB_TEST(shared_future, empty_handles_are_refused) {
    shared_future<int> const none;
    EXPECT_FALSE(none.valid());
    EXPECT_EQ(outcome_of([&] { none.get(); }), "misuse");
    EXPECT_EQ(outcome_of([&] { none.done(); }), "misuse");
    shared_promise<int> p;
    shared_promise<int> const moved{std::move(p)};
    EXPECT_EQ(outcome_of([&] { p.set_value(1); }), "misuse");
    EXPECT_EQ(outcome_of([&] { p.get_future(); }), "misuse");
}

TENDRIL_HUB_TEST(shared_future, waiting_in_a_callback_is_refused_and_giving_is_not) {
    shared_promise<int> p;
    std::string outcome;
    this_hub().call_soon([&] {
        outcome = outcome_of([&] { p.get_future().get(); });
        p.set_value(7);
    });
    EXPECT_EQ(p.get_future().get(), 7);
    EXPECT_EQ(outcome, "misuse");
}
