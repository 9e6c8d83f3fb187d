// SPDX-License-Identifier: BSL-1.0
//
// Links: what is called when a task has ended.
#include <harness/tasks.hpp>
#include <tendril/task/task.hpp>

#include <memory>
#include <stdexcept>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::transcript;

}  // namespace

TENDRIL_HUB_TEST(task_links, are_called_in_the_hub_after_the_end_in_the_order_they_were_added) {
    transcript seen;
    task<void> const t = spawn([&] { seen.push_back("task"); });
    for (char const* word : {"a", "b", "c"}) {
        t.on_done([&, word] {
            EXPECT_TRUE(t.done());
            EXPECT_TRUE(this_hub().in_callback());
            seen.push_back(word);
        });
    }
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"task", "a", "b", "c"}));
}

TENDRIL_HUB_TEST(task_links, are_called_once) {
    int calls = 0;
    task<void> const t = spawn([] {});
    t.on_done([&] { ++calls; });
    sleep_for(1ms);
    t.on_done([&] { ++calls; });
    sleep_for(1ms);
    EXPECT_EQ(calls, 2);
}

TENDRIL_HUB_TEST(task_links, are_called_however_the_task_ends) {
    int calls = 0;
    task<void> const good = spawn([] {});
    task<void> const bad = spawn([] { throw std::runtime_error{"broken"}; });
    task<void> const waiting = spawn([] { sleep_for(1h); });
    task<void> const unstarted = spawn([] {});
    for (task<void> const* each : {&good, &bad, &waiting, &unstarted}) {
        each->on_done([&] { ++calls; });
    }
    unstarted.cancel();
    yield();
    waiting.kill();
    sleep_for(1ms);
    EXPECT_EQ(calls, 4);
    EXPECT_NE(bad.exception(), nullptr);
}

TENDRIL_HUB_TEST(task_links, one_added_after_the_end_is_called_soon_and_not_inside_on_done) {
    bool called = false;
    task<void> const t = spawn([] {});
    t.join();
    t.on_done([&] { called = true; });
    EXPECT_FALSE(called);
    yield();
    EXPECT_TRUE(called);
}

TENDRIL_HUB_TEST(task_links, several_added_after_the_end_keep_their_order) {
    transcript seen;
    task<void> const t = spawn([] {});
    t.join();
    for (char const* word : {"a", "b", "c"}) {
        t.on_done([&, word] { seen.push_back(word); });
    }
    yield();
    EXPECT_EQ(seen, (transcript{"a", "b", "c"}));
}

TENDRIL_HUB_TEST(task_links, one_that_a_link_adds_is_called_in_the_same_pass) {
    transcript seen;
    task<void> const t = spawn([] {});
    t.on_done([&] {
        seen.push_back("first");
        t.on_done([&] { seen.push_back("added"); });
    });
    t.on_done([&] {
        seen.push_back("second");
        this_hub().call_soon([&] { seen.push_back("next callback"); });
    });
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"first", "second", "added", "next callback"}));
}

TENDRIL_HUB_TEST(task_links, an_error_in_one_is_reported_and_the_others_are_called) {
    transcript errors;
    test::collect_errors(errors);
    bool called = false;
    task<void> const t = spawn({.name = "worker", .where = {}}, [] {});
    t.on_done([] { throw std::runtime_error{"broken"}; });
    t.on_done([&] { called = true; });
    sleep_for(1ms);
    std::string const who = "a link of task " + std::to_string(t.id()) + " 'worker'";
    EXPECT_EQ(errors, (transcript{who + ": std::runtime_error: broken"}));
    EXPECT_TRUE(called);
}

TENDRIL_HUB_TEST(task_links, one_must_not_park) {
    transcript errors;
    test::collect_errors(errors);
    task<void> const t = spawn([] {});
    t.on_done([] { sleep_for(1ms); });
    sleep_for(1ms);
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_TRUE(test::contains(errors[0], "must not wait")) << errors[0];
}

TENDRIL_HUB_TEST(task_links, one_may_drop_the_last_handle) {
    bool called = false;
    auto t = std::make_unique<task<void>>(spawn([] {}));
    (*t).on_done([&] { t.reset(); });
    (*t).on_done([&] { called = true; });
    sleep_for(1ms);
    EXPECT_EQ(t, nullptr);
    EXPECT_TRUE(called);
}

TENDRIL_HUB_TEST(task_links, are_called_though_nobody_keeps_a_handle) {
    bool called = false;
    spawn([] { sleep_for(1ms); }).on_done([&] { called = true; });
    sleep_for(2ms);
    EXPECT_TRUE(called);
}

TENDRIL_HUB_TEST(task_links, go_when_they_have_been_called) {
    auto const captured = std::make_shared<int>(1);
    task<void> const t = spawn([] {});
    t.on_done([captured] {});
    sleep_for(1ms);
    EXPECT_EQ(captured.use_count(), 1);
}

TENDRIL_HUB_TEST(task_links, the_result_is_there_when_they_are_called) {
    int result = 0;
    task<int> t = spawn([] { return 7; });
    t.on_done([&] { result = t.get(); });
    sleep_for(1ms);
    EXPECT_EQ(result, 7);
}

TENDRIL_TEST(task_links, of_a_task_that_has_just_ended_are_called_when_the_hub_closes) {
    bool called = false;
    auto const captured = std::make_shared<int>(1);
    run([&] {
        task<void> const t = spawn([] {});
        t.on_done([&called, captured] { called = true; });
        t.join();
    });
    EXPECT_TRUE(called);
    EXPECT_EQ(captured.use_count(), 1);
}

TENDRIL_TEST(task_links, of_a_task_that_the_close_of_the_hub_ends_are_called) {
    bool called = false;
    run([&] {
        task<void> const t = spawn([] { sleep_for(1h); });
        t.on_done([&] { called = true; });
        yield();
    });
    EXPECT_TRUE(called);
}
