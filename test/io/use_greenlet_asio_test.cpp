// SPDX-License-Identifier: BSL-1.0
//
// The token with operations of Asio itself, on the hub's context and on others.
#include <harness/network.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/use_greenlet.hpp>
#include <tendril/time/timeout.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect_pipe.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/writable_pipe.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using boost::asio::ip::tcp;
namespace asio_error = boost::asio::error;

struct socket_pair {
    tcp::socket here{this_hub().context()};
    tcp::socket there{this_hub().context()};

    socket_pair() {
        tcp::acceptor acceptor{this_hub().context(), {tcp::v4(), 0}};
        tcp::endpoint const address{
            boost::asio::ip::address_v4::loopback(), acceptor.local_endpoint().port()};
        here.async_connect(address, use_greenlet);
        there = acceptor.async_accept(use_greenlet);
    }
};

// A context that another thread runs.
class other_context {
public:
    ~other_context() {
        busy_.reset();
        thread_.join();
    }
    boost::asio::io_context& context() { return context_; }

private:
    boost::asio::io_context context_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> busy_ =
        boost::asio::make_work_guard(context_);
    std::thread thread_{[this] { context_.run(); }};
};

}  // namespace

TENDRIL_HUB_TEST(use_greenlet, a_timer_of_asio_can_be_waited_for) {
    boost::asio::steady_timer timer{this_hub().context(), 1us};
    timer.async_wait(use_greenlet);
    EXPECT_LE(timer.expiry(), std::chrono::steady_clock::now());
}

TENDRIL_HUB_TEST(use_greenlet, a_timer_of_asio_stops_when_the_greenlet_is_cancelled) {
    boost::asio::steady_timer timer{this_hub().context(), 1h};
    auto waiting = spawn([&] { timer.async_wait(use_greenlet); });
    test::settle();
    waiting.cancel();
    waiting.join();
    EXPECT_TRUE(waiting.was_cancelled());
}

TENDRIL_HUB_TEST(use_greenlet, composed_operations_read_and_write_all) {
    socket_pair ends;
    std::string const sent(1'000'000, 's');
    auto writer = spawn([&] {
        return boost::asio::async_write(ends.here, boost::asio::buffer(sent), use_greenlet);
    });
    std::string received(sent.size(), '\0');
    EXPECT_EQ(
        boost::asio::async_read(ends.there, boost::asio::buffer(received), use_greenlet),
        sent.size());
    EXPECT_EQ(writer.get(), sent.size());
    EXPECT_EQ(received, sent);
}

TENDRIL_HUB_TEST(use_greenlet, a_composed_read_that_is_cancelled_ends) {
    socket_pair ends;
    std::string received(100, '\0');
    auto reader = spawn(
        [&] { boost::asio::async_read(ends.there, boost::asio::buffer(received), use_greenlet); });
    boost::asio::async_write(ends.here, boost::asio::buffer("half", 4), use_greenlet);
    test::settle();
    reader.cancel();
    reader.join();
    EXPECT_TRUE(reader.was_cancelled());
}

TENDRIL_HUB_TEST(use_greenlet, the_text_of_an_error_of_asio_names_no_source) {
    tcp::socket socket{this_hub().context()};
    std::string const text = test::text_of(
        [&] { socket.async_connect(test::deserted_endpoint(), use_greenlet); });
    EXPECT_NE(text, "");
    EXPECT_FALSE(test::names_a_source(text)) << text;
}

TENDRIL_HUB_TEST(use_greenlet, adapts_with_the_adapters_of_asio) {
    tcp::socket socket{this_hub().context()};
    auto const [error] = socket.async_connect(
        test::deserted_endpoint(), boost::asio::as_tuple(use_greenlet));
    EXPECT_EQ(error, asio_error::connection_refused);
}

TENDRIL_HUB_TEST(use_greenlet, any_object_of_asio_can_be_waited_for) {
    boost::asio::readable_pipe out{this_hub().context()};
    boost::asio::writable_pipe in{this_hub().context()};
    boost::asio::connect_pipe(out, in);
    boost::asio::async_write(in, boost::asio::buffer("hello", 5), use_greenlet);
    std::string received(5, '\0');
    boost::asio::async_read(out, boost::asio::buffer(received), use_greenlet);
    EXPECT_EQ(received, "hello");
}

TENDRIL_HUB_TEST(use_greenlet, takes_turns_over_a_channel_of_asio) {
    boost::asio::experimental::channel<void(error_code, int)> channel{this_hub().context(), 0};
    auto sender = spawn([&] {
        for (int number = 1; number <= 3; ++number) {
            channel.async_send(error_code{}, number, use_greenlet);
        }
    });
    int sum = 0;
    for (int count = 0; count < 3; ++count) {
        sum += channel.async_receive(use_greenlet);
    }
    EXPECT_EQ(sum, 6);
    sender.join();
}

TENDRIL_HUB_TEST(use_greenlet, waits_for_the_first_of_a_parallel_group) {
    namespace experimental = boost::asio::experimental;
    boost::asio::steady_timer soon{this_hub().context(), 1us};
    boost::asio::steady_timer late{this_hub().context(), 1h};
    auto const [order, first, second] =
        experimental::make_parallel_group(
            [&](auto token) { return late.async_wait(std::move(token)); },
            [&](auto token) { return soon.async_wait(std::move(token)); })
            .async_wait(experimental::wait_for_one(), use_greenlet);
    EXPECT_EQ(order[0], 1U);
    EXPECT_EQ(first, asio_error::operation_aborted);
    EXPECT_FALSE(second.failed());
}

TENDRIL_HUB_TEST(use_greenlet, an_operation_of_another_threads_context_completes_here) {
    other_context other;
    auto const here = std::this_thread::get_id();
    for (int count = 0; count < 100; ++count) {
        boost::asio::steady_timer timer{other.context(), 1us};
        timer.async_wait(use_greenlet);
        ASSERT_EQ(std::this_thread::get_id(), here);
    }
}

TENDRIL_HUB_TEST(use_greenlet, many_greenlets_wait_for_another_threads_context) {
    other_context other;
    std::vector<task<int>> waiting;
    for (int number = 0; number < 100; ++number) {
        waiting.push_back(spawn([&other, number] {
            boost::asio::post(other.context(), use_greenlet);
            return number;
        }));
    }
    int sum = 0;
    for (auto& each : waiting) {
        sum += each.get();
    }
    EXPECT_EQ(sum, 4950);
}
