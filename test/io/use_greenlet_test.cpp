// SPDX-License-Identifier: BSL-1.0
//
// Most operations here complete as the test says: from a callback, at once, or never.
#include <harness/network.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/remote.hpp>
#include <tendril/io/use_greenlet.hpp>
#include <tendril/time/timeout.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
namespace asio_error = boost::asio::error;

// Starts an operation of a signature; `begin` gets its handler.
template <typename Signature, typename F>
auto operate(F&& begin) {
    return boost::asio::async_initiate<use_greenlet_t const, Signature>(
        std::forward<F>(begin), use_greenlet);
}

// Starts an operation that completes with these values, in the hub's next turn.
template <typename Signature, typename... Values>
auto complete_soon(Values... values) {
    return operate<Signature>([given = std::make_tuple(std::move(values)...)](
                                  auto handler) mutable {
        this_hub().call_soon([handler = std::move(handler), given = std::move(given)]() mutable {
            std::apply(std::move(handler), std::move(given));
        });
    });
}

// An operation that hangs until the test ends it, and says whether it was asked to stop.
template <typename Signature>
struct hanging_operation {
    unique_function<void(error_code)> end;
    bool asked = false;
    bool stops_when_asked = true;

    auto operator()() {
        return operate<Signature>([this](auto handler) {
            auto slot = boost::asio::get_associated_cancellation_slot(handler);
            end = [handler = std::move(handler)](error_code error) mutable {
                std::move(handler)(error);
            };
            slot.assign([this](boost::asio::cancellation_type) {
                asked = true;
                if (stops_when_asked) {
                    this_hub().call_soon([this] { finish(asio_error::operation_aborted); });
                }
            });
        });
    }
    void finish(error_code error = {}) { std::exchange(end, nullptr)(error); }
};

}  // namespace

// What the call returns, signature by signature.

TENDRIL_HUB_TEST(use_greenlet, a_handler_without_arguments_is_a_call_that_returns_nothing) {
    static_assert(std::is_void_v<decltype(complete_soon<void()>())>);
    complete_soon<void()>();
}

TENDRIL_HUB_TEST(use_greenlet, an_error_code_is_thrown) {
    static_assert(std::is_void_v<decltype(complete_soon<void(error_code)>(error_code{}))>);
    complete_soon<void(error_code)>(error_code{});
    error_code const given = asio_error::connection_reset;
    EXPECT_EQ(test::code_of([&] { complete_soon<void(error_code)>(given); }), given);
}

TENDRIL_HUB_TEST(use_greenlet, one_value_behind_an_error_code_is_returned) {
    EXPECT_EQ((complete_soon<void(error_code, int)>(error_code{}, 42)), 42);
    error_code const given = asio_error::eof;
    EXPECT_EQ(test::code_of([&] { complete_soon<void(error_code, int)>(given, 1); }), given);
}

TENDRIL_HUB_TEST(use_greenlet, several_values_behind_an_error_code_are_a_tuple) {
    auto const [number, text] = complete_soon<void(error_code, int, std::string)>(
        error_code{}, 42, std::string{"x"});
    EXPECT_EQ(number, 42);
    EXPECT_EQ(text, "x");
}

TENDRIL_HUB_TEST(use_greenlet, an_exception_pointer_is_thrown) {
    complete_soon<void(std::exception_ptr)>(std::exception_ptr{});
    auto const given = std::make_exception_ptr(std::runtime_error{"given"});
    EXPECT_EQ(test::text_of([&] { complete_soon<void(std::exception_ptr)>(given); }), "given");
}

TENDRIL_HUB_TEST(use_greenlet, a_value_behind_an_exception_pointer_is_returned) {
    EXPECT_EQ((complete_soon<void(std::exception_ptr, int)>(std::exception_ptr{}, 42)), 42);
    auto const given = std::make_exception_ptr(std::runtime_error{"given"});
    EXPECT_EQ(
        test::text_of([&] { complete_soon<void(std::exception_ptr, int)>(given, 1); }), "given");
}

TENDRIL_HUB_TEST(use_greenlet, values_without_an_error_are_returned) {
    EXPECT_EQ(complete_soon<void(int)>(42), 42);
    EXPECT_EQ((complete_soon<void(int, int)>(1, 2)), (std::tuple{1, 2}));
}

TENDRIL_HUB_TEST(use_greenlet, a_value_may_be_of_the_kind_that_can_only_be_moved) {
    auto const returned = complete_soon<void(error_code, std::unique_ptr<int>)>(
        error_code{}, std::make_unique<int>(42));
    EXPECT_EQ(*returned, 42);
}

TENDRIL_HUB_TEST(use_greenlet, the_text_of_an_error_names_no_place_in_asio) {
    static constexpr boost::source_location place = BOOST_CURRENT_LOCATION;
    error_code const with_place{asio_error::connection_reset, &place};
    std::string const text = test::text_of([&] { complete_soon<void(error_code)>(with_place); });
    EXPECT_NE(text, "");
    EXPECT_FALSE(test::names_a_source(text)) << text;
}

// When and where the handler is called.

TENDRIL_HUB_TEST(use_greenlet, an_operation_may_complete_while_it_is_started) {
    int const returned = operate<void(int)>([](auto handler) { std::move(handler)(42); });
    EXPECT_EQ(returned, 42);
}

TENDRIL_HUB_TEST(use_greenlet, others_run_until_the_handler_is_called) {
    hanging_operation<void(error_code)> operation;
    auto waiting = spawn([&] { operation(); });
    sleep_for(1h);
    EXPECT_FALSE(waiting.done());
    operation.finish();
    waiting.join();
    EXPECT_TRUE(waiting.succeeded());
}

TENDRIL_HUB_TEST(use_greenlet, a_handler_that_is_destroyed_without_a_call_means_aborted) {
    auto const give_up = [] { operate<void(error_code)>([](auto) {}); };
    EXPECT_EQ(test::code_of(give_up), asio_error::operation_aborted);
    auto const give_up_later = [] {
        operate<void(int)>(
            [](auto handler) { this_hub().call_soon([gone = std::move(handler)] {}); });
    };
    EXPECT_EQ(test::code_of(give_up_later), asio_error::operation_aborted);
}

TENDRIL_HUB_TEST(use_greenlet, a_handler_that_another_thread_destroys_means_aborted) {
    // While it exists the hub sleeps and does not give up.
    remote const door = this_hub().remote();
    std::thread other;
    auto const give_up = [&] {
        operate<void(error_code)>([&](auto handler) {
            other = std::thread{[gone = std::move(handler)] { std::this_thread::yield(); }};
        });
    };
    EXPECT_EQ(test::code_of(give_up), asio_error::operation_aborted);
    other.join();
}

TENDRIL_HUB_TEST(use_greenlet, what_starting_throws_is_thrown_to_the_caller) {
    auto const start = [] {
        operate<void(error_code)>([](auto) { throw std::runtime_error{"cannot start"}; });
    };
    EXPECT_EQ(test::text_of(start), "cannot start");
}

TENDRIL_HUB_TEST(use_greenlet, the_handler_runs_on_the_executor_of_the_hub) {
    operate<void()>([](auto handler) {
        EXPECT_EQ(
            boost::asio::get_associated_executor(handler), this_hub().context().get_executor());
        std::move(handler)();
    });
}

TENDRIL_HUB_TEST(use_greenlet, is_refused_where_nobody_may_wait) {
    bool started = false;
    bool refused = false;
    this_hub().call_soon([&] {
        try {
            operate<void()>([&](auto handler) {
                started = true;
                std::move(handler)();
            });
        } catch (misuse const&) {
            refused = true;
        }
    });
    test::settle();
    EXPECT_TRUE(refused);
    EXPECT_FALSE(started);
}

// Interruptions.

TENDRIL_HUB_TEST(use_greenlet, a_cancelled_call_asks_the_operation_to_stop) {
    hanging_operation<void(error_code)> operation;
    auto waiting = spawn([&] { operation(); });
    test::settle();
    waiting.cancel();
    waiting.join();
    EXPECT_TRUE(operation.asked);
    EXPECT_TRUE(waiting.was_cancelled());
}

TENDRIL_HUB_TEST(use_greenlet, a_cancelled_call_waits_for_the_handler) {
    hanging_operation<void(error_code)> operation;
    operation.stops_when_asked = false;
    auto waiting = spawn([&] { operation(); });
    test::settle();
    waiting.cancel();
    sleep_for(1h);
    EXPECT_FALSE(waiting.done());
    operation.finish(asio_error::operation_aborted);
    waiting.join();
    EXPECT_TRUE(waiting.was_cancelled());
}

TENDRIL_HUB_TEST(use_greenlet, an_operation_that_was_done_after_all_returns_its_result) {
    hanging_operation<void(error_code)> operation;
    operation.stops_when_asked = false;
    std::string seen;
    auto waiting = spawn([&] {
        operation();
        seen = "result, then ";
        seen += test::interruption_of([] { yield(); });
    });
    test::settle();
    waiting.cancel();
    operation.finish();
    waiting.join();
    EXPECT_EQ(seen, "result, then cancelled");
}

TENDRIL_HUB_TEST(use_greenlet, an_operation_that_failed_otherwise_throws_its_own_error) {
    hanging_operation<void(error_code)> operation;
    operation.stops_when_asked = false;
    error_code seen;
    auto waiting = spawn([&] { seen = test::code_of([&] { operation(); }); });
    test::settle();
    waiting.cancel();
    operation.finish(asio_error::connection_reset);
    waiting.join();
    EXPECT_EQ(seen, asio_error::connection_reset);
}

TENDRIL_HUB_TEST(use_greenlet, an_abort_that_nobody_here_asked_for_is_an_error) {
    hanging_operation<void(error_code)> operation;
    error_code seen;
    auto waiting = spawn([&] { seen = test::code_of([&] { operation(); }); });
    test::settle();
    operation.finish(asio_error::operation_aborted);
    waiting.join();
    EXPECT_EQ(seen, asio_error::operation_aborted);
}

TENDRIL_HUB_TEST(use_greenlet, an_abort_in_an_exception_pointer_is_the_end_that_was_asked_for) {
    auto waiting = spawn([] {
        operate<void(std::exception_ptr)>([](auto handler) {
            auto slot = boost::asio::get_associated_cancellation_slot(handler);
            auto ended = std::make_shared<decltype(handler)>(std::move(handler));
            slot.assign([ended](boost::asio::cancellation_type) {
                this_hub().call_soon([ended] {
                    std::move (*ended)(
                        std::make_exception_ptr(system_error{asio_error::operation_aborted}));
                });
            });
        });
    });
    test::settle();
    waiting.cancel();
    waiting.join();
    EXPECT_TRUE(waiting.was_cancelled());
}

TENDRIL_HUB_TEST(use_greenlet, obeys_a_timeout_and_says_whose) {
    hanging_operation<void(error_code)> operation;
    timeout const outer{2s};
    bool by_inner = false;
    try {
        timeout const inner{1s};
        try {
            operation();
        } catch (timed_out const& late) {
            by_inner = late.by(inner);
            throw;
        }
    } catch (timed_out const&) {}
    EXPECT_TRUE(by_inner);
    EXPECT_EQ(clock.elapsed(), 1s);
}

TENDRIL_HUB_TEST(use_greenlet, starts_nothing_for_a_greenlet_that_is_to_end) {
    bool started = false;
    task<void> waiting;
    waiting = spawn([&] {
        waiting.cancel();
        operate<void()>([&](auto handler) {
            started = true;
            std::move(handler)();
        });
    });
    waiting.join();
    EXPECT_FALSE(started);
    EXPECT_TRUE(waiting.was_cancelled());
}

TENDRIL_HUB_TEST(use_greenlet, a_hub_that_closes_ends_the_operations_under_way) {
    hanging_operation<void(error_code)> operation;
    spawn([&] { operation(); });
    test::settle();
    this_hub().close();
    EXPECT_TRUE(operation.asked);
}

TENDRIL_HUB_TEST(use_greenlet, a_value_that_cannot_be_moved_is_an_error_of_the_call) {
    struct heavy {
        heavy() = default;
        heavy(heavy const&) { throw std::runtime_error{"too heavy"}; }
    };
    EXPECT_EQ(
        test::text_of([] {
            operate<void(heavy)>([](auto handler) {
                this_hub().call_soon(
                    [handler = std::move(handler)]() mutable { std::move(handler)(heavy{}); });
            });
        }),
        "too heavy");
}
