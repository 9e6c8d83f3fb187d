// SPDX-License-Identifier: BSL-1.0
#include <harness/network.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/no_switch.hpp>
#include <tendril/hub/remote.hpp>
#include <tendril/io/token_operation.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

using number_operation = detail::token_operation<int>;

// Keeps a handler until it is told, as Asio does.
struct kept_handler {
    std::optional<number_operation::handler> handler;
    int stops = 0;

    void keep(number_operation& operation) {
        handler.emplace(operation.completion());
        handler->get_cancellation_slot().assign(
            [this](boost::asio::cancellation_type) { ++stops; });
    }
    void call(int value) {
        number_operation::handler called = std::move(*handler);
        handler.reset();
        called(value);
    }
};

}  // namespace

TENDRIL_HUB_TEST(token_operation, keeps_what_the_handler_was_called_with) {
    kept_handler later;
    this_hub().call_soon([&] { later.call(42); });
    number_operation operation;
    operation.start([&] { later.keep(operation); });
    EXPECT_FALSE(operation.values());
    operation.await_end();
    EXPECT_EQ(std::get<0>(*operation.values()), 42);
}

TENDRIL_HUB_TEST(token_operation, has_no_values_when_the_handler_is_destroyed) {
    kept_handler later;
    this_hub().call_soon([&] { later.handler.reset(); });
    number_operation operation;
    operation.start([&] { later.keep(operation); });
    operation.await_end();
    EXPECT_FALSE(operation.values());
}

TENDRIL_HUB_TEST(token_operation, one_that_has_begun_before_starting_threw_is_seen_to_its_end) {
    kept_handler later;
    bool thrown = false;
    auto waiting = spawn([&] {
        number_operation operation;
        try {
            operation.start([&] {
                later.keep(operation);
                throw std::runtime_error{"half started"};
            });
        } catch (std::runtime_error const&) {
            thrown = true;
        }
    });
    test::settle();
    EXPECT_EQ(later.stops, 1);
    EXPECT_FALSE(thrown);
    later.call(0);
    waiting.join();
    EXPECT_TRUE(thrown);
}

TENDRIL_HUB_TEST(token_operation, a_cancel_while_it_is_started_stops_it) {
    kept_handler later;
    task<void> waiting;
    bool asked = false;
    waiting = spawn([&] {
        number_operation operation;
        operation.start([&] {
            later.keep(operation);
            waiting.cancel();
        });
        operation.await_end();
        asked = operation.asked_to_stop();
    });
    test::settle();
    EXPECT_EQ(later.stops, 1);
    later.call(0);
    waiting.join();
    EXPECT_TRUE(asked);
}

TENDRIL_HUB_TEST(token_operation, the_handler_may_be_called_on_another_thread) {
    remote const door = this_hub().remote();
    auto const here = std::this_thread::get_id();
    for (int lap = 0; lap < 100; ++lap) {
        std::thread other;
        number_operation operation;
        operation.start([&] {
            other = std::thread{
                [handler = operation.completion(), lap]() mutable { handler(lap); }};
        });
        operation.await_end();
        EXPECT_EQ(std::get<0>(*operation.values()), lap);
        EXPECT_EQ(std::this_thread::get_id(), here);
        other.join();
    }
}

TENDRIL_HUB_TEST(token_operation, what_stopping_throws_is_reported) {
    test::reported_errors reported;
    kept_handler later;
    auto waiting = spawn([&] {
        number_operation operation;
        operation.start([&] {
            later.keep(operation);
            later.handler->get_cancellation_slot().assign(
                [](boost::asio::cancellation_type) { throw std::runtime_error{"will not"}; });
        });
        operation.await_end();
    });
    test::settle();
    waiting.cancel();
    later.call(0);
    waiting.join();
    ASSERT_EQ(reported.texts.size(), 1U);
    EXPECT_NE(reported.texts[0].find("will not"), std::string::npos);
}

TENDRIL_HUB_TEST(token_operation, is_refused_in_a_callback_and_where_nobody_may_switch) {
    int refused = 0;
    auto const prepare = [&] {
        try {
            number_operation operation;
        } catch (misuse const&) {
            ++refused;
        }
    };
    this_hub().call_soon(prepare);
    test::settle();
    {
        no_switch const alone;
        prepare();
    }
    EXPECT_EQ(refused, 2);
}
