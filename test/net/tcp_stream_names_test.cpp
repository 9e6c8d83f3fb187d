// SPDX-License-Identifier: BSL-1.0
//
// Connecting and listening by name.
#include <harness/fake_names.hpp>
#include <harness/network.hpp>
#include <tendril/net/tcp_stream.hpp>

#include <boost/asio/error.hpp>

#include <chrono>
#include <string>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::fake_names;
using test::run_with_names;
namespace asio_error = boost::asio::error;

}  // namespace

TENDRIL_TEST(tcp, connects_by_name) {
    run_with_names([](fake_names& names) {
        names.add("one.test", {"127.0.0.1"});
        tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
        auto const here = tcp_stream::connect("one.test", listener.local_endpoint().port());
        EXPECT_EQ(here.remote_endpoint(), listener.local_endpoint());
    });
}

TENDRIL_TEST(tcp, tries_the_addresses_of_a_name_until_one_answers) {
    run_with_names([](fake_names& names) {
        names.add("three.test", {"127.0.0.2", "127.0.0.1", "127.0.0.3"});
        tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
        auto const here = tcp_stream::connect("three.test", listener.local_endpoint().port());
        EXPECT_EQ(here.remote_endpoint(), listener.local_endpoint());
    });
}

TENDRIL_TEST(tcp, when_no_address_answers_the_error_names_the_host_and_the_last_one) {
    run_with_names([](fake_names& names) {
        names.add("two.test", {"127.0.0.2", "127.0.0.3"});
        auto const port = test::deserted_endpoint().port();
        auto const connect = [&] { tcp_stream::connect("two.test", port); };
        std::string const text = test::text_of(connect);
        EXPECT_EQ(test::code_of(connect), asio_error::connection_refused);
        EXPECT_NE(text.find("two.test"), std::string::npos) << text;
        EXPECT_NE(text.find("127.0.0.3:" + std::to_string(port)), std::string::npos) << text;
        EXPECT_FALSE(test::names_a_source(text)) << text;
    });
}

TENDRIL_TEST(tcp, connecting_to_an_unknown_name_is_an_error_that_names_it) {
    run_with_names([](fake_names&) {
        auto const connect = [] { tcp_stream::connect("nobody.test", "80"); };
        EXPECT_EQ(test::code_of(connect), asio_error::host_not_found);
        EXPECT_NE(test::text_of(connect).find("nobody.test"), std::string::npos);
    });
}

TENDRIL_TEST(tcp, listens_by_name) {
    run_with_names([](fake_names& names) {
        names.add("one.test", {"127.0.0.2"});
        tcp_listener const listener = tcp_listener::bind("one.test", 0);
        EXPECT_EQ(listener.local_endpoint().address().to_string(), "127.0.0.2");
    });
}

TENDRIL_TEST(tcp, a_cancelled_look_up_ends_the_connecting) {
    run_with_names([](fake_names& names) {
        auto connecting = spawn([] { tcp_stream::connect("slow.hang", "80"); });
        test::settle();
        ASSERT_TRUE(names.wait_for_hanging(1));
        connecting.cancel();
        connecting.join();
        EXPECT_TRUE(connecting.was_cancelled());
    });
}
