// SPDX-License-Identifier: BSL-1.0
#include <harness/network.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/async_task.hpp>
#include <tendril/io/await_coroutine.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/task/future.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using boost::asio::awaitable;
using boost::asio::use_awaitable;
namespace asio_error = boost::asio::error;

// Runs a coroutine whose cancellation is in the hands of the test.
struct cancellable_coroutine {
    boost::asio::cancellation_signal signal;
    std::exception_ptr error;
    bool ended = false;

    void start(awaitable<void> body) {
        boost::asio::co_spawn(
            this_hub().context(), std::move(body),
            boost::asio::bind_cancellation_slot(signal.slot(), [this](std::exception_ptr thrown) {
                error = thrown;
                ended = true;
            }));
    }
    void cancel() {
        signal.emit(boost::asio::cancellation_type::terminal);
        test::settle();
    }
    bool aborted() const {
        return test::code_of([this] {
                   if (error != nullptr) {
                       std::rethrow_exception(error);
                   }
               }) == asio_error::operation_aborted;
    }
};

}  // namespace

TENDRIL_HUB_TEST(async_task, a_coroutine_gets_the_result_of_a_task) {
    auto const body = []() -> awaitable<int> {
        task<int> const answer = spawn([] {
            sleep_for(1s);
            return 42;
        });
        int const first = co_await as_awaitable(answer);
        co_return first + co_await as_awaitable(answer);
    };
    EXPECT_EQ(await(body()), 84);
}

TENDRIL_HUB_TEST(async_task, a_handle_that_is_handed_over_gives_its_value_away) {
    auto const body = []() -> awaitable<std::unique_ptr<int>> {
        co_return co_await as_awaitable(spawn([] { return std::make_unique<int>(42); }));
    };
    EXPECT_EQ(*await(body()), 42);
}

TENDRIL_HUB_TEST(async_task, a_coroutine_gets_the_error_of_a_task) {
    auto const body = []() -> awaitable<void> {
        co_await as_awaitable(spawn([] { throw std::runtime_error{"failed"}; }));
    };
    EXPECT_EQ(test::text_of([&] { await(body()); }), "failed");
}

TENDRIL_HUB_TEST(async_task, a_task_that_was_cancelled_is_an_error_of_its_own) {
    auto const body = []() -> awaitable<void> {
        task<void> const made = spawn([] { sleep_for(1h); });
        made.cancel();
        co_await as_awaitable(made);
    };
    EXPECT_THROW(await(body()), task_cancelled);
}

TENDRIL_HUB_TEST(async_task, a_coroutine_waits_for_a_future) {
    promise<std::string> giver;
    auto receiver = spawn([reader = giver.get_future()] {
        return await([](auto awaited) -> awaitable<std::string> {
            co_return co_await as_awaitable(awaited);
        }(reader));
    });
    test::settle();
    giver.set_value("given");
    EXPECT_EQ(receiver.get(), "given");
}

TENDRIL_HUB_TEST(async_task, a_cancelled_wait_leaves_the_task_alone) {
    auto const made = spawn([] { sleep_for(1h); });
    cancellable_coroutine waiting;
    waiting.start(
        [](task<void> awaited) -> awaitable<void> { co_await as_awaitable(awaited); }(made));
    test::settle();
    waiting.cancel();
    EXPECT_TRUE(waiting.ended);
    EXPECT_TRUE(waiting.aborted());
    EXPECT_FALSE(made.done());
    made.cancel();
    made.join();
}

TENDRIL_HUB_TEST(async_task, a_cancelled_spawn_cancels_its_task_and_waits_for_it) {
    event may_end;
    bool cleaned_up = false;
    cancellable_coroutine waiting;
    waiting.start([](event& end, bool& cleaned) -> awaitable<void> {
        co_await async_spawn(
            [&] {
                try {
                    sleep_for(1h);
                } catch (cancelled const&) {
                    end.wait();
                    cleaned = true;
                    throw;
                }
            },
            use_awaitable);
    }(may_end, cleaned_up));
    test::settle();
    waiting.cancel();
    EXPECT_FALSE(waiting.ended);
    may_end.set();
    test::settle();
    EXPECT_TRUE(cleaned_up);
    EXPECT_TRUE(waiting.ended);
    EXPECT_TRUE(waiting.aborted());
}

TENDRIL_HUB_TEST(async_task, a_spawned_function_returns_and_throws_into_the_coroutine) {
    auto const body = []() -> awaitable<std::string> {
        std::string const text = co_await async_spawn(
            [] {
                sleep_for(1ms);
                return std::string{"text"};
            },
            use_awaitable);
        // Not in the expression: g++ 12 destroys what is braced there twice.
        spawn_options const named{.name = "thrower"};
        try {
            co_await async_spawn(
                named, []() -> int { throw std::runtime_error{"failed"}; }, use_awaitable);
        } catch (std::runtime_error const& error) {
            co_return text + ", " + error.what();
        }
        co_return "nothing was thrown";
    };
    EXPECT_EQ(await(body()), "text, failed");
}

TENDRIL_HUB_TEST(async_task, the_cancellation_of_a_greenlet_goes_through_a_coroutine_to_a_task) {
    bool reached = false;
    auto outer = spawn([&] {
        await([](bool& flag) -> awaitable<void> {
            co_await async_spawn(
                [&] { flag = test::interruption_of([] { sleep_for(1h); }) == "cancelled"; },
                use_awaitable);
        }(reached));
    });
    test::settle();
    outer.cancel();
    outer.join();
    EXPECT_TRUE(reached);
}

TENDRIL_HUB_TEST(async_task, the_loser_of_two_awaited_spawns_is_cancelled) {
    std::string seen;
    auto const body = [](std::string& notes) -> awaitable<std::size_t> {
        using namespace boost::asio::experimental::awaitable_operators;
        auto const won = co_await (
            async_spawn(
                [&] {
                    notes += test::interruption_of([] { sleep_for(1h); });
                    return 1;
                },
                use_awaitable) ||
            async_spawn(
                [] {
                    sleep_for(1s);
                    return 2;
                },
                use_awaitable));
        co_return won.index();
    };
    EXPECT_EQ(await(body(seen)), 1U);
    EXPECT_EQ(seen, "cancelled");
}

TENDRIL_HUB_TEST(async_task, a_callback_gets_the_result_on_its_own_executor) {
    auto strand = boost::asio::make_strand(this_hub().context());
    int got = 0;
    bool in_strand = false;
    async_get(
        spawn([] { return 42; }),
        boost::asio::bind_executor(strand, [&](std::exception_ptr, int value) {
            got = value;
            in_strand = strand.running_in_this_thread();
        }));
    test::settle();
    EXPECT_EQ(got, 42);
    EXPECT_TRUE(in_strand);
}

TENDRIL_HUB_TEST(async_task, a_join_tells_of_the_end_only) {
    bool told = false;
    async_join(spawn([] { sleep_for(1s); }), [&](std::exception_ptr error) {
        EXPECT_EQ(error, nullptr);
        told = true;
    });
    sleep_for(999ms);
    EXPECT_FALSE(told);
    sleep_for(2ms);
    EXPECT_TRUE(told);
}

TENDRIL_HUB_TEST(async_task, a_greenlet_can_wait_with_it_too) {
    EXPECT_EQ(async_get(spawn([] { return 42; }), use_greenlet), 42);
    EXPECT_EQ(async_spawn([] { return 43; }, use_greenlet), 43);
}

TENDRIL_HUB_TEST(async_task, an_empty_handle_is_refused) {
    EXPECT_THROW(async_get(task<int>{}, use_greenlet), misuse);
}

TENDRIL_TEST(async_task, a_thread_without_a_hub_is_refused) {
    std::thread{[] {
        EXPECT_THROW(async_spawn([] {}, boost::asio::detached), wrong_thread);
    }}.join();
}

TENDRIL_HUB_TEST(async_task, a_hub_that_closes_ends_those_who_wait_for_its_tasks) {
    cancellable_coroutine waiting;
    waiting.start(
        []() -> awaitable<void> { co_await async_spawn([] { sleep_for(1h); }, use_awaitable); }());
    test::settle();
    this_hub().close();
    EXPECT_TRUE(waiting.ended || waiting.error == nullptr);
}
