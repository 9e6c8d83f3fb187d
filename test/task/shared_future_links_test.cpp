// SPDX-License-Identifier: BSL-1.0
//
// What follows the end of a future between threads.
#include <harness/greenlets.hpp>
#include <harness/tasks.hpp>
#include <tendril/task/shared_future.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::outcome_of;
using test::second_thread;
using test::transcript;

static_assert(std::is_same_v<
              decltype(std::declval<shared_future<int>>().then([](int const&) { return 'a'; })),
              shared_future<char>>);

}  // namespace

TENDRIL_HUB_TEST(shared_future_links, then_calls_its_function_in_a_task_of_the_hub_that_asked) {
    shared_promise<int> p;
    std::thread::id where;
    shared_future<std::string> const text = p.get_future().then([&](int const& value) {
        where = std::this_thread::get_id();
        sleep_for(1ms);
        return std::to_string(value);
    });
    second_thread elsewhere;
    elsewhere.run([&] { p.set_value(7); });
    EXPECT_EQ(text.get(), "7");
    EXPECT_EQ(where, std::this_thread::get_id());
    EXPECT_EQ(clock.elapsed(), 1ms);
}

TENDRIL_HUB_TEST(shared_future_links, then_can_be_chained_and_knows_void) {
    shared_promise<void> p;
    int seen = 0;
    shared_future<void> const end =
        p.get_future()
            .then([] { return 3; })
            .then([](int value) { return std::make_unique<int>(value); })
            .then([&](std::unique_ptr<int> const& value) { seen = *value; });
    p.set_value();
    end.get();
    EXPECT_EQ(seen, 3);
}

TENDRIL_HUB_TEST(shared_future_links, then_passes_errors_on_and_does_not_call) {
    bool called = false;
    auto const note = [&](int) { called = true; };
    shared_promise<int> failed;
    shared_future<void> const after_failure = failed.get_future().then(note);
    failed.set_exception(std::runtime_error{"no value"});
    EXPECT_EQ(outcome_of([&] { after_failure.get(); }), "no value");
    shared_promise<int> given_up;
    shared_future<void> const after_cancel = given_up.get_future().then(note);
    given_up.get_future().cancel();
    EXPECT_THROW(after_cancel.get(), task_cancelled);
    auto dropped = std::make_optional<shared_promise<int>>();
    shared_future<void> const after_loss = dropped->get_future().then(note);
    dropped.reset();
    EXPECT_THROW(after_loss.get(), broken_promise);
    EXPECT_FALSE(called);
}

TENDRIL_HUB_TEST(shared_future_links, then_does_not_call_when_nobody_wants_the_result_any_more) {
    bool called = false;
    shared_promise<int> p;
    shared_future<void> const next = p.get_future().then([&](int) { called = true; });
    next.cancel();
    p.set_value(7);
    sleep_for(1ms);
    EXPECT_FALSE(called);
}

TENDRIL_TEST(shared_future_links, a_continuation_whose_hub_has_closed_is_broken) {
    shared_promise<int> p;
    shared_future<int> next;
    test::run_on_new_thread([&] { next = p.get_future().then([](int value) { return value; }); });
    p.set_value(7);
    EXPECT_THROW(next.get(), broken_promise);
}

TENDRIL_HUB_TEST(shared_future_links, then_on_a_thread_without_a_hub_is_refused) {
    shared_promise<int> p;
    std::string const outcome = test::outcome_elsewhere([&] { p.get_future().then([](int) {}); });
    EXPECT_EQ(outcome, "misuse");
}
