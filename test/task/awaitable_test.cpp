// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <harness/tasks.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/task/awaitable.hpp>

#include <coroutine>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace tendril::test {

// The least coroutine there is: it begins at once, and whoever has it owns it.
class plain_coroutine {
public:
    struct promise_type {
        plain_coroutine get_return_object() {
            return plain_coroutine{std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        void unhandled_exception() noexcept { error = std::current_exception(); }

        std::exception_ptr error;
    };

    explicit plain_coroutine(std::coroutine_handle<promise_type> handle) : handle_{handle} {}
    plain_coroutine(plain_coroutine&& other) noexcept
        : handle_{std::exchange(other.handle_, nullptr)} {}
    ~plain_coroutine() {
        if (handle_) {
            handle_.destroy();
        }
    }
    bool done() const { return handle_.done(); }
    std::string outcome() const {
        return outcome_of([this] {
            if (std::exception_ptr const error = handle_.promise().error) {
                std::rethrow_exception(error);
            }
        });
    }

private:
    std::coroutine_handle<promise_type> handle_;
};

}  // namespace tendril::test

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::outcome_of;
using test::plain_coroutine;
using test::transcript;

template <typename Awaited>
plain_coroutine note_value(Awaited awaited, transcript& seen) {
    seen.push_back("begins");
    seen.push_back(std::to_string(co_await awaited));
    EXPECT_TRUE(this_hub().in_callback());
}

template <typename Awaited>
plain_coroutine await_only(Awaited awaited) {
    co_await awaited;
}

plain_coroutine take_value(task<std::unique_ptr<int>> t, future<std::unique_ptr<int>> f, int& sum) {
    std::unique_ptr<int> const of_task = co_await std::move(t);
    std::unique_ptr<int> const of_future = co_await std::move(f);
    sum = *of_task + *of_future;
}

plain_coroutine copy_value(promise<int> p, int*& address, int& value) {
    future<int> const kept = p.get_future();
    address = &co_await kept;
    value = co_await p.get_future();
}

plain_coroutine note_copy(shared_future<std::string> awaited, transcript& seen) {
    std::string const value = co_await std::move(awaited);
    seen.push_back(value);
}

}  // namespace

TENDRIL_HUB_TEST(awaitable, a_coroutine_goes_on_in_the_hub_when_the_future_has_its_value) {
    transcript seen;
    promise<int> p;
    plain_coroutine const c = note_value(p.get_future(), seen);
    EXPECT_EQ(seen, transcript{"begins"});
    p.set_value(7);
    EXPECT_EQ(seen, transcript{"begins"});
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"begins", "7"}));
    EXPECT_TRUE(c.done());
    EXPECT_EQ(c.outcome(), "returned");
}

TENDRIL_HUB_TEST(awaitable, so_it_does_when_the_task_has_ended) {
    transcript seen;
    plain_coroutine const c = note_value(
        spawn([] {
            sleep_for(1ms);
            return 7;
        }),
        seen);
    sleep_for(2ms);
    EXPECT_EQ(seen, (transcript{"begins", "7"}));
    EXPECT_TRUE(c.done());
}

TENDRIL_HUB_TEST(awaitable, what_has_ended_already_does_not_suspend) {
    promise<void> p;
    p.set_value();
    EXPECT_TRUE(await_only(p.get_future()).done());
    auto const t = spawn([] {});
    t.join();
    EXPECT_TRUE(await_only(t).done());
}

TENDRIL_HUB_TEST(awaitable, errors_come_out_of_the_await) {
    promise<void> p;
    plain_coroutine const failed = await_only(p.get_future());
    plain_coroutine const of_task = await_only(spawn([] { throw std::runtime_error{"task"}; }));
    promise<void> q;
    plain_coroutine const cancelled_one = await_only(q.get_future());
    p.set_exception(std::runtime_error{"future"});
    q.get_future().cancel();
    sleep_for(1ms);
    EXPECT_EQ(failed.outcome(), "future");
    EXPECT_EQ(of_task.outcome(), "task");
    EXPECT_EQ(cancelled_one.outcome(), "a future was cancelled");
    EXPECT_EQ(await_only(future<void>{}).outcome(), "misuse");
}

TENDRIL_HUB_TEST(awaitable, a_handle_that_goes_away_gives_its_value) {
    int sum = 0;
    promise<std::unique_ptr<int>> p;
    plain_coroutine const c = take_value(
        spawn([] { return std::make_unique<int>(3); }), p.get_future(), sum);
    p.set_value(std::make_unique<int>(4));
    sleep_for(1ms);
    EXPECT_EQ(sum, 7);
    promise<int> q;
    int* address = nullptr;
    int value = 0;
    q.set_value(5);
    copy_value(q, address, value);
    EXPECT_EQ(value, 5);
    EXPECT_EQ(address, &q.get_future().state().value());
    EXPECT_EQ(q.get_future().get(), 5);
}

TENDRIL_HUB_TEST(awaitable, one_that_was_destroyed_is_not_resumed) {
    transcript seen;
    promise<int> p;
    { plain_coroutine const c = note_value(p.get_future(), seen); }
    p.set_value(7);
    sleep_for(1ms);
    EXPECT_EQ(seen, transcript{"begins"});
    promise<int> q;
    {
        plain_coroutine const c = note_value(q.get_future(), seen);
        q.set_value(7);
    }
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"begins", "begins"}));
}

TENDRIL_HUB_TEST(awaitable, it_must_not_wait_in_the_hub_by_other_means) {
    promise<int> p;
    auto const waits = [](future<int> f) -> plain_coroutine {
        co_await f;
        sleep_for(1ms);
    };
    plain_coroutine const c = waits(p.get_future());
    p.set_value(7);
    sleep_for(1ms);
    EXPECT_EQ(c.outcome(), "misuse");
}

TENDRIL_HUB_TEST(awaitable, on_another_thread_the_await_is_refused) {
    promise<int> p;
    std::string outcome;
    test::run_on_new_thread([&] { outcome = await_only(p.get_future()).outcome(); });
    EXPECT_EQ(outcome, "wrong thread");
}

TENDRIL_TEST(awaitable, one_whose_hub_closes_first_is_left_to_its_owner) {
    promise<void> p;
    std::unique_ptr<plain_coroutine> c;
    run([&] { c = std::make_unique<plain_coroutine>(await_only(p.get_future())); });
    EXPECT_FALSE(c->done());
    p.set_value();
    EXPECT_FALSE(c->done());
}

// Futures between threads.

TENDRIL_HUB_TEST(awaitable, a_coroutine_goes_on_in_its_own_hub_when_another_thread_has_given) {
    transcript seen;
    shared_promise<int> p;
    std::thread::id where;
    auto const note = [&](shared_future<int> awaited) -> plain_coroutine {
        int const& value = co_await awaited;
        where = std::this_thread::get_id();
        seen.push_back(std::to_string(value));
    };
    plain_coroutine const c = note(p.get_future());
    test::second_thread elsewhere;
    elsewhere.run([&] { p.set_value(7); });
    EXPECT_TRUE(seen.empty());
    p.get_future().get();
    sleep_for(1ms);
    EXPECT_EQ(seen, transcript{"7"});
    EXPECT_EQ(where, std::this_thread::get_id());
}

TENDRIL_HUB_TEST(awaitable, a_shared_future_gives_copies_and_errors) {
    shared_promise<std::string> p;
    transcript seen;
    plain_coroutine const c = note_copy(p.get_future(), seen);
    p.set_value("given");
    sleep_for(1ms);
    EXPECT_EQ(seen, transcript{"given"});
    EXPECT_EQ(p.get_future().get(), "given");
    shared_promise<void> q;
    plain_coroutine const failed = await_only(q.get_future());
    q.set_exception(std::runtime_error{"broken"});
    sleep_for(1ms);
    EXPECT_EQ(failed.outcome(), "broken");
}

TENDRIL_HUB_TEST(awaitable, a_coroutine_that_goes_is_not_resumed_by_a_shared_future) {
    transcript seen;
    shared_promise<std::string> p;
    { plain_coroutine const c = note_copy(p.get_future(), seen); }
    p.set_value("given");
    sleep_for(1ms);
    EXPECT_TRUE(seen.empty());
}
