// SPDX-License-Identifier: BSL-1.0
//
// Where a listener listens, and how it came by its descriptor.
#include <harness/fake_names.hpp>
#include <harness/network.hpp>
#include <tendril/net/tcp_listener.hpp>

#include <boost/asio/error.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::fake_names;
using test::run_with_names;
namespace asio_error = boost::asio::error;

int option_of(tcp_listener const& listener, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    ::getsockopt(listener.native_handle(), level, name, &value, &size);
    return value;
}

bool has_ipv6() {
    error_code error;
    tcp_listener::bind("::1", 0, {}, error);
    return !error.failed();
}

bool is_open_descriptor(int descriptor) { return ::fcntl(descriptor, F_GETFD) >= 0; }

}  // namespace

TENDRIL_HUB_TEST(tcp_listener, binding_has_a_form_that_hands_the_error_back) {
    error_code error = io_error(errc::busy);
    tcp_listener const taken = tcp_listener::bind("127.0.0.1", 0, {}, error);
    EXPECT_FALSE(error.failed());
    EXPECT_TRUE(taken.is_open());
    EXPECT_FALSE(tcp_listener::bind(taken.local_endpoint(), {}, error).is_open());
    EXPECT_EQ(error, asio_error::address_in_use);
    auto const port = taken.local_endpoint().port();
    EXPECT_FALSE(tcp_listener::bind("127.0.0.1", port, {}, error).is_open());
    EXPECT_EQ(error, asio_error::address_in_use);
    EXPECT_FALSE(tcp_listener::bind("203.0.113.1", 0, {}, error).is_open());
    EXPECT_EQ(error.value(), EADDRNOTAVAIL);
    EXPECT_FALSE(tcp_listener::bind("no name", 0, {}, error).is_open());
    EXPECT_EQ(error, errc::bad_name);
}

TENDRIL_TEST(tcp_listener, of_the_addresses_of_a_name_the_first_that_is_ours_is_taken) {
    run_with_names([](fake_names& names) {
        names.add("two.test", {"203.0.113.1", "127.0.0.2"});
        tcp_listener const listener = tcp_listener::bind("two.test", 0);
        EXPECT_EQ(listener.local_endpoint().address().to_string(), "127.0.0.2");
        names.add("none.test", {"203.0.113.1", "203.0.113.2"});
        auto const bind = [] { tcp_listener::bind("none.test", 7); };
        EXPECT_EQ(test::code_of(bind).value(), EADDRNOTAVAIL);
        EXPECT_NE(test::text_of(bind).find("203.0.113.2:7"), std::string::npos);
        auto const unknown = [] { tcp_listener::bind("nobody.test", 7); };
        EXPECT_EQ(test::code_of(unknown), asio_error::host_not_found);
        EXPECT_NE(test::text_of(unknown).find("nobody.test"), std::string::npos);
    });
}

TENDRIL_HUB_TEST(tcp_listener, one_of_ipv6_only_leaves_ipv4_to_others) {
    if (!has_ipv6()) {
        GTEST_SKIP() << "this machine has no IPv6";
    }
    error_code error;
    tcp_listener four;
    // A port that nobody has of IPv6 may be somebody's of IPv4.
    for (int attempt = 0; attempt < 20 && !four.is_open(); ++attempt) {
        tcp_listener const six = tcp_listener::bind("", 0, {.v6_only = true});
        EXPECT_EQ(option_of(six, IPPROTO_IPV6, IPV6_V6ONLY), 1);
        four = tcp_listener::bind("0.0.0.0", six.local_endpoint().port(), {}, error);
    }
    EXPECT_TRUE(four.is_open());
    tcp_listener const both = tcp_listener::bind("", 0);
    EXPECT_EQ(option_of(both, IPPROTO_IPV6, IPV6_V6ONLY), 0);
    tcp_listener::bind("0.0.0.0", both.local_endpoint().port(), {.reuse_address = false}, error);
    EXPECT_EQ(error, asio_error::address_in_use);
}

TENDRIL_HUB_TEST(tcp_listener, how_many_may_wait_in_the_kernel_is_an_option) {
    // There is room for one more than the number says, and then none.
    test::full_listener const small;
    error_code error;
    auto const next = tcp_stream::connect(std::vector{small.endpoint()}, {.limit = 100ms}, error);
    EXPECT_EQ(error, errc::timed_out);
}

TENDRIL_HUB_TEST(tcp_listener, takes_over_a_descriptor_that_listens) {
    int const raw = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::listen(raw, 8), 0);
    tcp_listener listener = tcp_listener::adopt(raw);
    EXPECT_EQ(listener.native_handle(), raw);
    EXPECT_NE(::fcntl(raw, F_GETFL) & O_NONBLOCK, 0);
    auto const here = tcp_stream::connect("127.0.0.1", listener.local_endpoint().port());
    EXPECT_EQ(listener.accept().remote_endpoint(), here.local_endpoint());
    listener.close();
    EXPECT_EQ(listener.native_handle(), -1);
    EXPECT_FALSE(is_open_descriptor(raw));
}

TENDRIL_HUB_TEST(tcp_listener, what_does_not_listen_is_not_taken_over_but_closed) {
    error_code error;
    int const silent = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_FALSE(tcp_listener::adopt(silent, error).is_open());
    EXPECT_EQ(error, asio_error::invalid_argument);
    EXPECT_FALSE(is_open_descriptor(silent));
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    EXPECT_THROW(tcp_listener::adopt(ends[0]), system_error);
    EXPECT_FALSE(is_open_descriptor(ends[0]));
    ::close(ends[1]);
    int const local = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::listen(local, 8);
    tcp_listener::adopt(local, error);
    EXPECT_TRUE(error.failed());
    EXPECT_FALSE(is_open_descriptor(local));
    tcp_listener::adopt(-1, error);
    EXPECT_EQ(error, asio_error::bad_descriptor);
}

TENDRIL_HUB_TEST(tcp_listener, accepting_has_a_limit_if_it_is_given_one) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    error_code error;
    EXPECT_FALSE(listener.accept_until(error, deadline::after(2s)).is_open());
    EXPECT_EQ(error, errc::timed_out);
    EXPECT_EQ(clock.elapsed(), 2s);
    EXPECT_EQ(test::code_of([&] { listener.accept_for(1s); }), errc::timed_out);
    auto const here = tcp_stream::connect(listener.local_endpoint());
    // What is there beats a limit that is over.
    EXPECT_TRUE(listener.accept_until(deadline::at(time_point::min())).is_open());
}

TENDRIL_HUB_TEST(tcp_listener, after_a_limit_accepting_goes_on) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    error_code error;
    listener.accept_until(error, deadline::after(1s));
    auto acceptor = spawn([&] { return listener.accept(); });
    test::settle();
    auto const here = tcp_stream::connect(listener.local_endpoint());
    EXPECT_EQ(acceptor.get().remote_endpoint(), here.local_endpoint());
}

TENDRIL_HUB_TEST(tcp_listener, what_it_accepts_does_not_block_and_has_no_limits_of_the_listeners) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    tcp_stream here = tcp_stream::connect(listener.local_endpoint());
    tcp_stream there = listener.accept_for(1s);
    EXPECT_NE(::fcntl(there.native_handle(), F_GETFL) & O_NONBLOCK, 0);
    auto reader = test::spawn_reader(there);
    sleep_for(1h);
    EXPECT_FALSE(reader.done());
    here.close();
    EXPECT_EQ(reader.get(), asio_error::eof);
}
