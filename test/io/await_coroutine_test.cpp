// SPDX-License-Identifier: BSL-1.0
#include <harness/network.hpp>
#include <harness/stress.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/await_coroutine.hpp>
#include <tendril/time/timeout.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
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

awaitable<void> turn_over() { co_await boost::asio::post(use_awaitable); }

awaitable<int> answer_soon(int answer) {
    co_await turn_over();
    co_return answer;
}

awaitable<int> answer_at_once(int answer) { co_return answer; }

awaitable<void> fail_soon() {
    co_await turn_over();
    throw std::runtime_error{"failed"};
}

// Waits for ever; notes what comes in between.
awaitable<void> hang(std::string& seen) {
    boost::asio::steady_timer never{co_await boost::asio::this_coro::executor, 1h};
    error_code error;
    seen += "waits, ";
    std::tie(error) = co_await never.async_wait(boost::asio::as_tuple(use_awaitable));
    seen += error == asio_error::operation_aborted ? "aborted" : "?";
    throw system_error{error};
}

// A value that cannot be made without another one.
struct marked {
    explicit marked(std::string given) : mark{std::move(given)} {}
    marked(marked&&) = default;
    marked& operator=(marked&&) = delete;

    std::string mark;
};

awaitable<marked> mark_soon() {
    co_await turn_over();
    co_return marked{"marked"};
}

// A context that another thread runs.
class coroutine_thread {
public:
    ~coroutine_thread() {
        busy_.reset();
        thread_.join();
    }
    boost::asio::io_context::executor_type executor() { return context_.get_executor(); }

private:
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> busy_ =
        boost::asio::make_work_guard(context_);
    std::thread thread_{[this] { context_.run(); }};
};

}  // namespace

TENDRIL_HUB_TEST(await_coroutine, returns_what_the_coroutine_returns) {
    EXPECT_EQ(await(answer_soon(42)), 42);
    EXPECT_EQ(await(answer_at_once(43)), 43);
    await(turn_over());
}

TENDRIL_HUB_TEST(await_coroutine, throws_what_the_coroutine_throws) {
    EXPECT_EQ(test::text_of([] { await(fail_soon()); }), "failed");
}

TENDRIL_HUB_TEST(await_coroutine, a_result_needs_no_default_constructor) {
    EXPECT_EQ(await(mark_soon()).mark, "marked");
}

TENDRIL_HUB_TEST(await_coroutine, co_spawn_takes_the_token_as_well) {
    auto const here = this_hub().context().get_executor();
    EXPECT_EQ(boost::asio::co_spawn(here, answer_soon(42), use_greenlet), 42);
    EXPECT_EQ(
        test::text_of([&] { boost::asio::co_spawn(here, fail_soon(), use_greenlet); }), "failed");
    error_code error;
    std::string seen;
    auto waiting = spawn([&] {
        boost::asio::co_spawn(here, hang(seen), boost::asio::redirect_error(use_greenlet, error));
    });
    test::settle();
    waiting.cancel();
    waiting.join();
    EXPECT_TRUE(waiting.was_cancelled());
    EXPECT_EQ(seen, "waits, aborted");
}

TENDRIL_HUB_TEST(await_coroutine, others_run_while_it_waits) {
    bool ran = false;
    auto other = spawn([&] { ran = true; });
    await(turn_over());
    EXPECT_TRUE(ran);
}

TENDRIL_HUB_TEST(await_coroutine, the_coroutine_runs_in_the_hub_and_must_not_park) {
    auto const parks = []() -> awaitable<void> {
        co_await turn_over();
        yield();
    };
    EXPECT_THROW(await(parks()), misuse);
}

TENDRIL_HUB_TEST(await_coroutine, a_cancelled_greenlet_aborts_what_the_coroutine_waits_for) {
    std::string seen;
    auto waiting = spawn([&] { await(hang(seen)); });
    test::settle();
    waiting.cancel();
    waiting.join();
    EXPECT_TRUE(waiting.was_cancelled());
    EXPECT_EQ(seen, "waits, aborted");
}

TENDRIL_HUB_TEST(await_coroutine, a_timeout_does_as_well_and_says_whose_it_was) {
    std::string seen;
    timeout const limit{1s};
    bool mine = false;
    try {
        await(hang(seen));
    } catch (timed_out const& late) {
        mine = late.by(limit);
    }
    EXPECT_TRUE(mine);
    EXPECT_EQ(seen, "waits, aborted");
}

TENDRIL_HUB_TEST(await_coroutine, a_coroutine_that_goes_on_after_all_is_waited_for) {
    auto const stubborn = []() -> awaitable<int> {
        co_await boost::asio::this_coro::throw_if_cancelled(false);
        boost::asio::steady_timer never{co_await boost::asio::this_coro::executor, 1h};
        co_await never.async_wait(boost::asio::as_tuple(use_awaitable));
        co_await turn_over();
        co_return 42;
    };
    std::string seen;
    auto waiting = spawn([&] {
        seen = std::to_string(await(stubborn())) + ", then ";
        seen += test::interruption_of([] { yield(); });
    });
    test::settle();
    waiting.cancel();
    waiting.join();
    EXPECT_EQ(seen, "42, then cancelled");
}

TENDRIL_HUB_TEST(await_coroutine, an_error_of_the_coroutine_beats_the_interruption) {
    auto const translates = []() -> awaitable<void> {
        boost::asio::steady_timer never{co_await boost::asio::this_coro::executor, 1h};
        try {
            co_await never.async_wait(use_awaitable);
        } catch (system_error const&) {
            throw std::runtime_error{"translated"};
        }
    };
    std::string seen;
    auto waiting = spawn([&] {
        seen = test::text_of([&] { await(translates()); }) + ", then ";
        seen += test::interruption_of([] { yield(); });
    });
    test::settle();
    waiting.cancel();
    waiting.join();
    EXPECT_EQ(seen, "translated, then cancelled");
}

TENDRIL_HUB_TEST(await_coroutine, a_hub_that_closes_ends_the_coroutine) {
    std::string seen;
    auto waiting = spawn([&] { await(hang(seen)); });
    test::settle();
    this_hub().close();
    EXPECT_EQ(seen, "waits, aborted");
}

// The end of the coroutine and the cancellation meet in every way in which they can.
TENDRIL_HUB_TEST(await_coroutine, an_end_and_a_cancellation_in_one_turn_meet_safely) {
    int const laps = test::laps(500, 100'000);
    int ended = 0;
    int cancelled_first = 0;
    for (int lap = 0; lap < laps; ++lap) {
        auto waiting = spawn([lap] {
            await([](int turns) -> awaitable<void> {
                for (int turn = 0; turn < turns; ++turn) {
                    co_await turn_over();
                }
            }(lap % 4));
        });
        for (int turn = 0; turn < lap / 4 % 8; ++turn) {
            yield();
        }
        waiting.cancel();
        waiting.join();
        (waiting.succeeded() ? ended : cancelled_first) += 1;
    }
    std::printf("%d coroutines: %d ended, %d were cancelled\n", laps, ended, cancelled_first);
    EXPECT_EQ(ended + cancelled_first, laps);
}

TENDRIL_HUB_TEST(await_coroutine, runs_on_an_executor_of_another_thread) {
    coroutine_thread other;
    auto const where = []() -> awaitable<std::thread::id> {
        co_await turn_over();
        co_return std::this_thread::get_id();
    };
    auto const here = std::this_thread::get_id();
    EXPECT_NE(await(other.executor(), where()), here);
    EXPECT_EQ(std::this_thread::get_id(), here);
}

TENDRIL_HUB_TEST(await_coroutine, is_cancelled_on_the_thread_of_its_executor) {
    coroutine_thread other;
    int const laps = test::laps(200, 20'000);
    for (int lap = 0; lap < laps; ++lap) {
        auto waiting = spawn([&] {
            await(other.executor(), [](int turns) -> awaitable<void> {
                for (int turn = 0; turn < turns; ++turn) {
                    co_await turn_over();
                }
                boost::asio::steady_timer never{co_await boost::asio::this_coro::executor, 1h};
                if (turns % 2 == 0) {
                    co_await never.async_wait(use_awaitable);
                }
            }(lap % 6));
        });
        for (int turn = 0; turn < lap % 5; ++turn) {
            yield();
        }
        waiting.cancel();
        waiting.join();
        EXPECT_TRUE(waiting.was_cancelled() || lap % 2 == 1);
    }
}

TENDRIL_HUB_TEST(await_coroutine, a_context_that_goes_with_its_coroutine_is_an_error) {
    auto context = std::make_unique<boost::asio::io_context>();
    std::string seen;
    auto waiting = spawn(
        [&] { return test::code_of([&] { await(context->get_executor(), hang(seen)); }); });
    test::settle();
    context->poll();
    EXPECT_EQ(seen, "waits, ");
    context.reset();
    EXPECT_EQ(waiting.get(), asio_error::operation_aborted);
}
