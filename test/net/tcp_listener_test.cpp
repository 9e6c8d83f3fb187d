// SPDX-License-Identifier: BSL-1.0
#include <harness/descriptor_limit.hpp>
#include <harness/network.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/net/tcp_listener.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>

#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using test::descriptors_left;
using test::hear;
using test::say;
namespace asio_error = boost::asio::error;

error_code accept_error(tcp_listener& listener) {
    error_code error;
    EXPECT_FALSE(listener.accept(error).is_open());
    return error;
}

}  // namespace

TENDRIL_HUB_TEST(tcp_listener, port_zero_takes_a_free_port) {
    tcp_listener const one = tcp_listener::bind("127.0.0.1", 0);
    tcp_listener const other = tcp_listener::bind("127.0.0.1", 0);
    EXPECT_NE(one.local_endpoint().port(), 0);
    EXPECT_NE(one.local_endpoint().port(), other.local_endpoint().port());
}

TENDRIL_HUB_TEST(tcp_listener, accepts_connections_in_the_order_they_came) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    std::vector<tcp_stream> clients;
    for (int count = 0; count < 3; ++count) {
        clients.push_back(tcp_stream::connect(listener.local_endpoint()));
    }
    for (tcp_stream const& client : clients) {
        EXPECT_EQ(listener.accept().remote_endpoint(), client.local_endpoint());
    }
}

TENDRIL_HUB_TEST(tcp_listener, waits_for_a_connection) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    auto acceptor = spawn([&] { return listener.accept(); });
    test::settle();
    EXPECT_FALSE(acceptor.done());
    tcp_stream const client = tcp_stream::connect(listener.local_endpoint());
    EXPECT_EQ(acceptor.get().remote_endpoint(), client.local_endpoint());
}

TENDRIL_HUB_TEST(tcp_listener, a_thousand_connections_at_once_are_all_accepted) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    std::vector<tcp_stream> clients;
    for (int count = 0; count < 1000; ++count) {
        clients.push_back(tcp_stream::connect(listener.local_endpoint()));
    }
    std::set<tcp_endpoint> seen;
    for (int count = 0; count < 1000; ++count) {
        seen.insert(listener.accept().remote_endpoint());
    }
    EXPECT_EQ(seen.size(), 1000U);
}

TENDRIL_HUB_TEST(tcp_listener, a_loop_that_always_finds_a_connection_lets_others_run) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    std::vector<tcp_stream> clients;
    for (int count = 0; count < 200; ++count) {
        clients.push_back(tcp_stream::connect(listener.local_endpoint()));
    }
    int turns = 0;
    auto other = spawn([&] {
        while (true) {
            ++turns;
            yield();
        }
    });
    for (int count = 0; count < 200; ++count) {
        listener.accept();
    }
    EXPECT_GT(turns, 0);
    other.cancel();
    other.join();
}

TENDRIL_HUB_TEST(tcp_listener, a_taken_port_is_an_error_that_names_the_address) {
    tcp_listener const taken = tcp_listener::bind("127.0.0.1", 0);
    auto const bind = [&] { tcp_listener::bind("127.0.0.1", taken.local_endpoint().port()); };
    std::string const text = test::text_of(bind);
    EXPECT_EQ(test::code_of(bind), asio_error::address_in_use);
    EXPECT_NE(text.find(to_string(taken.local_endpoint())), std::string::npos) << text;
    EXPECT_FALSE(test::names_a_source(text)) << text;
}

TENDRIL_HUB_TEST(tcp_listener, a_port_that_has_just_been_left_can_be_taken_again) {
    tcp_listener first = tcp_listener::bind("127.0.0.1", 0);
    auto const port = first.local_endpoint().port();
    tcp_stream client = tcp_stream::connect(first.local_endpoint());
    // The end that closes first leaves the address in the state that waits.
    first.accept().close();
    client.close();
    first.close();
    EXPECT_EQ(tcp_listener::bind("127.0.0.1", port).local_endpoint().port(), port);
}

TENDRIL_HUB_TEST(tcp_listener, two_share_a_port_when_both_want_to) {
    listen_options const shared{.reuse_port = true};
    tcp_listener const one = tcp_listener::bind("127.0.0.1", 0, shared);
    auto const port = one.local_endpoint().port();
    EXPECT_TRUE(tcp_listener::bind("127.0.0.1", port, shared).is_open());
    EXPECT_THROW(tcp_listener::bind("127.0.0.1", port), system_error);
}

TENDRIL_HUB_TEST(tcp_listener, without_a_host_serves_both_families) {
    tcp_listener listener = tcp_listener::bind("", 0);
    auto const port = listener.local_endpoint().port();
    auto const four = tcp_stream::connect("127.0.0.1", port);
    EXPECT_EQ(listener.accept().remote_endpoint().port(), four.local_endpoint().port());
    if (listener.local_endpoint().address().is_v6()) {
        auto const six = tcp_stream::connect("::1", port);
        EXPECT_EQ(listener.accept().remote_endpoint().port(), six.local_endpoint().port());
    }
}

TENDRIL_HUB_TEST(tcp_listener, speaks_ipv6) {
    tcp_listener listener;
    try {
        listener = tcp_listener::bind("::1", 0);
    } catch (system_error const&) {
        GTEST_SKIP() << "this machine has no IPv6";
    }
    tcp_stream here = tcp_stream::connect(listener.local_endpoint());
    tcp_stream there = listener.accept();
    say(here, "six");
    EXPECT_EQ(hear(there), "six");
    EXPECT_EQ(there.remote_endpoint(), here.local_endpoint());
}

TENDRIL_HUB_TEST(tcp_listener, a_connection_that_was_reset_before_it_is_accepted_harms_nobody) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    tcp_stream gone = tcp_stream::connect(listener.local_endpoint());
    test::reset(gone);
    tcp_stream here = tcp_stream::connect(listener.local_endpoint());
    tcp_stream first = listener.accept();
    EXPECT_EQ(test::read_error(first), asio_error::connection_reset);
    EXPECT_EQ(listener.accept().remote_endpoint(), here.local_endpoint());
}

TENDRIL_HUB_TEST(tcp_listener, one_that_was_never_bound_is_as_a_closed_one) {
    tcp_listener none;
    none.close();
    EXPECT_FALSE(none.is_open());
    EXPECT_EQ(accept_error(none), errc::closed);
    EXPECT_EQ(test::code_of([&] { none.local_endpoint(); }), errc::closed);
}

TENDRIL_HUB_TEST(tcp_listener, a_closed_one_refuses_and_its_port_is_free) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    tcp_endpoint const address = listener.local_endpoint();
    listener.close();
    listener.close();
    EXPECT_EQ(accept_error(listener), errc::closed);
    EXPECT_THROW(tcp_stream::connect(address), system_error);
}

TENDRIL_HUB_TEST(tcp_listener, can_be_moved) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    tcp_endpoint const address = listener.local_endpoint();
    tcp_listener moved = std::move(listener);
    EXPECT_EQ(accept_error(listener), errc::closed);
    auto const here = tcp_stream::connect(address);
    EXPECT_EQ(moved.accept().remote_endpoint(), here.local_endpoint());
}

TENDRIL_HUB_TEST(tcp_listener, assignment_closes_the_one_that_was_there) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    tcp_endpoint const former = listener.local_endpoint();
    listener = tcp_listener::bind("127.0.0.1", 0);
    EXPECT_THROW(tcp_stream::connect(former), system_error);
    EXPECT_TRUE(tcp_stream::connect(listener.local_endpoint()).is_open());
}

TENDRIL_HUB_TEST(tcp_listener, refuses_another_thread) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    bool refused = false;
    std::thread{[&] {
        try {
            listener.accept();
        } catch (wrong_thread const&) {
            refused = true;
        }
    }}.join();
    EXPECT_TRUE(refused);
}

TENDRIL_HUB_TEST(tcp_listener, a_callback_may_accept_what_has_come_but_not_wait) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    tcp_stream const client = tcp_stream::connect(listener.local_endpoint());
    bool accepted = false;
    bool refused = false;
    this_hub().call_soon([&] {
        accepted = listener.accept().is_open();
        try {
            listener.accept();
        } catch (misuse const&) {
            refused = true;
        }
    });
    test::settle();
    EXPECT_TRUE(accepted);
    EXPECT_TRUE(refused);
}

TENDRIL_HUB_TEST(tcp_listener, without_descriptors_accepting_fails_and_later_goes_on) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    tcp_stream const client = tcp_stream::connect(listener.local_endpoint());
    {
        descriptors_left const none{0};
        EXPECT_EQ(accept_error(listener), asio_error::no_descriptors);
    }
    EXPECT_EQ(listener.accept().remote_endpoint(), client.local_endpoint());
}

TENDRIL_HUB_TEST(tcp_listener, without_descriptors_connecting_and_binding_name_the_address) {
    tcp_listener const listener = tcp_listener::bind("127.0.0.1", 0);
    tcp_endpoint const address = listener.local_endpoint();
    descriptors_left const none{0};
    std::string const connecting = test::text_of([&] { tcp_stream::connect(address); });
    std::string const binding = test::text_of([] { tcp_listener::bind("127.0.0.1", 0); });
    EXPECT_NE(connecting.find(to_string(address)), std::string::npos) << connecting;
    EXPECT_NE(binding.find("127.0.0.1:0"), std::string::npos) << binding;
    EXPECT_FALSE(test::names_a_source(connecting)) << connecting;
    EXPECT_FALSE(test::names_a_source(binding)) << binding;
}

TENDRIL_HUB_TEST(tcp_listener, an_endpoint_is_as_good_as_a_host_and_a_port) {
    tcp_endpoint const anywhere{boost::asio::ip::address_v4::loopback(), 0};
    tcp_listener const taken = tcp_listener::bind(anywhere);
    auto const bind = [&] { tcp_listener::bind(taken.local_endpoint()); };
    EXPECT_EQ(test::code_of(bind), asio_error::address_in_use);
    EXPECT_NE(test::text_of(bind).find(to_string(taken.local_endpoint())), std::string::npos);
}
