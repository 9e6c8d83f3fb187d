// SPDX-License-Identifier: BSL-1.0
//
// The forms of the token: what becomes of errors, default tokens, and Asio's adapters over it.
#include <harness/network.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/use_greenlet.hpp>
#include <tendril/time/timeout.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/consign.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prepend.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using boost::asio::ip::tcp;
namespace asio_error = boost::asio::error;

// An operation of any signature that is posted, with any token.
template <typename Signature, typename Token, typename... Values>
auto posted(Token&& token, Values... values) {
    return boost::asio::async_initiate<Token, Signature>(
        [](auto handler, auto given) {
            auto const executor = boost::asio::get_associated_executor(
                handler, this_hub().context().get_executor());
            boost::asio::post(
                executor, [handler = std::move(handler), given = std::move(given)]() mutable {
                    std::apply(std::move(handler), std::move(given));
                });
        },
        token, std::make_tuple(std::move(values)...));
}

// One that is given up, with any token.
template <typename Signature, typename Token>
auto given_up(Token&& token) {
    return boost::asio::async_initiate<Token, Signature>([](auto) {}, token);
}

error_code const reset_by_peer = asio_error::connection_reset;

using greenlet_timer = use_greenlet_t::as_default_on_t<boost::asio::steady_timer>;

// A timer that ends in an hour, in a greenlet that is cancelled before. Returns what it notes.
template <typename F>
std::string cancelled_while(F&& wait_on) {
    std::string seen;
    auto waiting = spawn([&] {
        boost::asio::steady_timer timer{this_hub().context(), 1h};
        seen = test::interruption_of([&] { wait_on(timer); });
    });
    test::settle();
    waiting.cancel();
    waiting.join();
    return seen;
}

}  // namespace

// More signatures.

TENDRIL_HUB_TEST(use_greenlet_forms, an_error_code_of_the_standard_library_is_thrown) {
    auto const failed = std::make_error_code(std::errc::no_such_device);
    EXPECT_EQ((posted<void(std::error_code, int)>(use_greenlet, std::error_code{}, 42)), 42);
    try {
        posted<void(std::error_code, int)>(use_greenlet, failed, 42);
        ADD_FAILURE();
    } catch (std::system_error const& error) {
        EXPECT_EQ(error.code(), failed);
    }
}

TENDRIL_HUB_TEST(use_greenlet_forms, references_are_copied) {
    int given = 42;
    auto const initiate = [&given](auto handler) { std::move(handler)(error_code{}, given); };
    auto const returned = boost::asio::async_initiate<use_greenlet_t const, void(error_code, int&)>(
        initiate, use_greenlet);
    static_assert(std::is_same_v<decltype(returned), int const>);
    given = 0;
    EXPECT_EQ(returned, 42);
}

TENDRIL_HUB_TEST(use_greenlet_forms, several_values_that_can_only_be_moved_are_a_tuple) {
    auto const [first, second] = posted<void(std::unique_ptr<int>, std::unique_ptr<int>)>(
        use_greenlet, std::make_unique<int>(1), std::make_unique<int>(2));
    EXPECT_EQ(*first + *second, 3);
}

// Errors that are handed back.

TENDRIL_HUB_TEST(use_greenlet_forms, an_error_can_be_handed_back) {
    error_code error = asio_error::eof;
    posted<void(error_code)>(use_greenlet[error], error_code{});
    EXPECT_FALSE(error.failed());
    EXPECT_EQ((posted<void(error_code, int)>(use_greenlet[error], reset_by_peer, 7)), 7);
    EXPECT_EQ(error, reset_by_peer);
    auto const [number, text] = posted<void(error_code, int, std::string)>(
        use_greenlet[error], error_code{}, 1, std::string{"x"});
    EXPECT_FALSE(error.failed());
    EXPECT_EQ(number, 1);
    EXPECT_EQ(text, "x");
}

TENDRIL_HUB_TEST(use_greenlet_forms, an_error_of_the_standard_library_is_handed_back_too) {
    error_code error;
    posted<void(std::error_code)>(
        use_greenlet[error], std::make_error_code(std::errc::connection_reset));
    EXPECT_EQ(error, boost::system::errc::connection_reset);
}

TENDRIL_HUB_TEST(use_greenlet_forms, a_system_error_in_a_pointer_is_handed_back_as_its_code) {
    error_code error;
    auto const thrown = std::make_exception_ptr(system_error{reset_by_peer});
    EXPECT_EQ((posted<void(std::exception_ptr, int)>(use_greenlet[error], thrown, 7)), 7);
    EXPECT_EQ(error, reset_by_peer);
    posted<void(std::exception_ptr)>(use_greenlet[error], std::exception_ptr{});
    EXPECT_FALSE(error.failed());
    auto const other = std::make_exception_ptr(std::runtime_error{"other"});
    EXPECT_EQ(
        test::text_of([&] { posted<void(std::exception_ptr)>(use_greenlet[error], other); }),
        "other");
}

TENDRIL_HUB_TEST(use_greenlet_forms, without_an_error_in_the_signature_there_is_none) {
    error_code error = asio_error::eof;
    EXPECT_EQ(posted<void(int)>(use_greenlet[error], 42), 42);
    EXPECT_FALSE(error.failed());
}

TENDRIL_HUB_TEST(
    use_greenlet_forms, an_operation_that_was_given_up_hands_back_that_it_was_aborted) {
    error_code error;
    EXPECT_EQ((given_up<void(error_code, int)>(use_greenlet[error])), 0);
    EXPECT_EQ(error, asio_error::operation_aborted);
    struct no_default {
        explicit no_default(int) {}
    };
    EXPECT_THROW((given_up<void(error_code, no_default)>(use_greenlet[error])), system_error);
}

TENDRIL_HUB_TEST(use_greenlet_forms, an_interruption_is_thrown_and_not_handed_back) {
    error_code error = asio_error::eof;
    EXPECT_EQ(
        cancelled_while([&](auto& timer) { timer.async_wait(use_greenlet[error]); }), "cancelled");
    EXPECT_EQ(error, asio_error::eof);
}

// The default token.

TENDRIL_HUB_TEST(use_greenlet_forms, is_the_default_token_of_an_object_made_for_it) {
    auto acceptor = use_greenlet.as_default_on(
        tcp::acceptor{this_hub().context(), {boost::asio::ip::address_v4::loopback(), 0}});
    auto socket = use_greenlet.as_default_on(tcp::socket{this_hub().context()});
    auto serving = spawn([&acceptor] {
        auto accepted = acceptor.async_accept();
        accepted.async_write_some(boost::asio::buffer("hello", 5));
    });
    socket.async_connect(acceptor.local_endpoint());
    std::string heard(5, '\0');
    EXPECT_EQ(socket.async_read_some(boost::asio::buffer(heard)), 5U);
    EXPECT_EQ(heard, "hello");
    serving.join();
}

TENDRIL_HUB_TEST(use_greenlet_forms, is_the_default_token_of_an_executor) {
    using executor = use_greenlet_t::executor_with_default<boost::asio::io_context::executor_type>;
    executor const here = this_hub().context().get_executor();
    boost::asio::basic_waitable_timer<
        std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, executor>
        timer{here, 1us};
    timer.async_wait();
    greenlet_timer other{this_hub().context(), 1us};
    other.async_wait();
    EXPECT_LE(other.expiry(), std::chrono::steady_clock::now());
}

// Asio's adapters.

TENDRIL_HUB_TEST(use_greenlet_forms, as_tuple_gives_everything) {
    auto const [error, number] = posted<void(error_code, int)>(
        boost::asio::as_tuple(use_greenlet), reset_by_peer, 7);
    EXPECT_EQ(error, reset_by_peer);
    EXPECT_EQ(number, 7);
    EXPECT_EQ(
        cancelled_while([](auto& timer) { timer.async_wait(boost::asio::as_tuple(use_greenlet)); }),
        "cancelled");
}

TENDRIL_HUB_TEST(use_greenlet_forms, redirect_error_is_the_form_that_hands_back) {
    error_code error;
    EXPECT_EQ(
        (posted<void(error_code, int)>(
            boost::asio::redirect_error(use_greenlet, error), reset_by_peer, 7)),
        7);
    EXPECT_EQ(error, reset_by_peer);
    EXPECT_EQ(
        cancelled_while([&](auto& timer) {
            timer.async_wait(boost::asio::redirect_error(use_greenlet, error));
        }),
        "cancelled");
}

TENDRIL_HUB_TEST(use_greenlet_forms, append_and_prepend_add_values) {
    EXPECT_EQ(
        (posted<void(error_code, int)>(
            boost::asio::append(use_greenlet, std::string{"x"}), error_code{}, 7)),
        (std::tuple{7, std::string{"x"}}));
    EXPECT_EQ(
        (posted<void(int)>(boost::asio::prepend(use_greenlet, std::string{"x"}), 7)),
        (std::tuple{std::string{"x"}, 7}));
}

TENDRIL_HUB_TEST(use_greenlet_forms, consign_keeps_what_it_is_given_until_the_end) {
    auto const kept = std::make_shared<int>();
    posted<void()>(boost::asio::consign(use_greenlet, kept));
    EXPECT_EQ(kept.use_count(), 1);
}

TENDRIL_HUB_TEST(use_greenlet_forms, a_deferred_operation_starts_when_it_gets_the_token) {
    boost::asio::steady_timer timer{this_hub().context(), 1us};
    auto operation = timer.async_wait(boost::asio::deferred);
    std::move(operation)(use_greenlet);
    auto chain = posted<void(int)>(
        boost::asio::deferred([](int number) { return boost::asio::deferred.values(number + 1); }),
        41);
    EXPECT_EQ(std::move(chain)(use_greenlet), 42);
}

TENDRIL_HUB_TEST(use_greenlet_forms, a_bound_executor_runs_the_handler) {
    auto const strand = boost::asio::make_strand(this_hub().context());
    EXPECT_EQ(posted<void(int)>(boost::asio::bind_executor(strand, use_greenlet), 42), 42);
    boost::asio::steady_timer timer{this_hub().context(), 1us};
    timer.async_wait(boost::asio::bind_executor(strand, use_greenlet));
}

TENDRIL_HUB_TEST(use_greenlet_forms, a_type_erased_handler_can_be_made_of_it) {
    int const returned = boost::asio::async_initiate<use_greenlet_t const, void(int)>(
        [](boost::asio::any_completion_handler<void(int)> handler) {
            boost::asio::post(this_hub().context(), [handler = std::move(handler)]() mutable {
                std::move(handler)(42);
            });
        },
        use_greenlet);
    EXPECT_EQ(returned, 42);
}

TENDRIL_HUB_TEST(use_greenlet_forms, a_bound_slot_stops_the_operation) {
    boost::asio::cancellation_signal signal;
    auto const bound = boost::asio::bind_cancellation_slot(signal.slot(), use_greenlet);
    boost::asio::steady_timer timer{this_hub().context(), 1h};
    auto waiting = spawn([&] { return test::code_of([&] { timer.async_wait(bound); }); });
    test::settle();
    signal.emit(boost::asio::cancellation_type::terminal);
    EXPECT_EQ(waiting.get(), asio_error::operation_aborted);
    EXPECT_FALSE(signal.slot().has_handler());
}

TENDRIL_HUB_TEST(use_greenlet_forms, a_bound_slot_does_not_keep_an_interruption_out) {
    boost::asio::cancellation_signal signal;
    EXPECT_EQ(
        cancelled_while([&](auto& timer) {
            timer.async_wait(boost::asio::bind_cancellation_slot(signal.slot(), use_greenlet));
        }),
        "cancelled");
    EXPECT_EQ(
        cancelled_while([&](auto& timer) {
            timer.async_wait(boost::asio::as_tuple(
                boost::asio::bind_cancellation_slot(signal.slot(), use_greenlet)));
        }),
        "cancelled");
    EXPECT_FALSE(signal.slot().has_handler());
}
