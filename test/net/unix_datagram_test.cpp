// SPDX-License-Identifier: BSL-1.0
//
// What Unix datagrams add: names that are paths or abstract, and receivers that are full.
#include <harness/datagrams.hpp>
#include <tendril/net/unix_datagram.hpp>
#include <tendril/support/scope_exit.hpp>

#include <boost/asio/error.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::post;
using test::settle;
using test::take;
namespace asio_error = boost::asio::error;

// A folder of the test's own.
class temporary_folder {
public:
    temporary_folder() : path_{"/tmp/tendril-test-XXXXXX"} {
        if (::mkdtemp(path_.data()) == nullptr) {
            throw std::runtime_error{"no temporary folder"};
        }
    }
    temporary_folder(temporary_folder const&) = delete;
    temporary_folder& operator=(temporary_folder const&) = delete;
    ~temporary_folder() {
        ::unlink(socket_path().c_str());
        ::rmdir(path_.c_str());
    }
    std::string socket_path() const { return path_ + "/socket"; }

private:
    std::string path_;
};

std::string abstract_name(std::string_view name) {
    return "@tendril-test-" + std::to_string(::getpid()) + std::string{name};
}

// Two that are not each other's peers, the second of them full.
struct strangers {
    unix_datagram sender = unix_datagram::bind({});
    unix_datagram receiver = unix_datagram::bind({});
    unix_datagram_endpoint address = receiver.local_endpoint();

    strangers() { test::fill_queue(address); }
    error_code send() {
        error_code error;
        sender.send_to(boost::asio::buffer("x", 1), address, error);
        return error;
    }
};

}  // namespace

TENDRIL_HUB_TEST(unix_datagram, a_path_is_an_address) {
    temporary_folder const folder;
    unix_datagram server = unix_datagram::bind(folder.socket_path());
    EXPECT_EQ(server.local_endpoint().path(), folder.socket_path());
    unix_datagram client = unix_datagram::connect(folder.socket_path());
    EXPECT_EQ(client.remote_endpoint().path(), folder.socket_path());
    post(client, "by path");
    EXPECT_EQ(take(server), "by path");
}

TENDRIL_HUB_TEST(unix_datagram, an_abstract_name_is_an_address) {
    std::string const name = abstract_name("abstract");
    unix_datagram server = unix_datagram::bind(name);
    EXPECT_EQ(server.local_endpoint(), unix_datagram::address_of_name(name));
    unix_datagram client = unix_datagram::connect(name);
    post(client, "abstract");
    EXPECT_EQ(take(server), "abstract");
}

TENDRIL_HUB_TEST(unix_datagram, who_has_a_name_is_answered) {
    unix_datagram server = unix_datagram::bind({});
    unix_datagram client = unix_datagram::bind({});
    client.send_to(boost::asio::buffer("question", 8), server.local_endpoint());
    std::array<char, 16> data;
    unix_datagram_endpoint sender;
    EXPECT_EQ(server.receive_from(boost::asio::buffer(data), sender), 8U);
    EXPECT_EQ(sender, client.local_endpoint());
    server.send_to(boost::asio::buffer("answer", 6), sender);
    EXPECT_EQ(take(client), "answer");
}

TENDRIL_HUB_TEST(unix_datagram, who_has_no_name_leaves_none) {
    unix_datagram server = unix_datagram::bind({});
    unix_datagram client = unix_datagram::connect(server.local_endpoint());
    post(client, "x");
    std::array<char, 16> data;
    unix_datagram_endpoint sender{"/left/from/before"};
    server.receive_from(boost::asio::buffer(data), sender);
    EXPECT_EQ(sender.path(), "");
}

TENDRIL_HUB_TEST(unix_datagram, a_pair_hears_each_other) {
    auto [one, other] = unix_datagram::pair();
    post(one, "to the other");
    post(other, "to the one");
    EXPECT_EQ(take(other), "to the other");
    EXPECT_EQ(take(one), "to the one");
    EXPECT_TRUE(one.is_connected());
}

TENDRIL_HUB_TEST(unix_datagram, a_peer_that_has_gone_refuses) {
    auto [one, other] = unix_datagram::pair();
    other.close();
    EXPECT_EQ(test::send_error(one), asio_error::connection_refused);
}

TENDRIL_HUB_TEST(unix_datagram, errors_name_the_path) {
    auto const connect = [] { unix_datagram::connect("/no/such/socket"); };
    EXPECT_EQ(test::code_of(connect).value(), ENOENT);
    EXPECT_NE(test::text_of(connect).find("'/no/such/socket'"), std::string::npos);
    unix_datagram const first = unix_datagram::bind(abstract_name("twice"));
    auto const bind = [] { unix_datagram::bind(abstract_name("twice")); };
    EXPECT_EQ(test::code_of(bind), asio_error::address_in_use);
    EXPECT_NE(test::text_of(bind).find("'@tendril-test-"), std::string::npos);
}

TENDRIL_HUB_TEST(unix_datagram, what_is_no_name_is_refused) {
    EXPECT_EQ(
        test::code_of([] { unix_datagram::bind(std::string(200, 'x')); }),
        asio_error::name_too_long);
    EXPECT_EQ(test::code_of([] { unix_datagram::connect(""); }), errc::bad_name);
}

TENDRIL_HUB_TEST(unix_datagram, one_that_is_no_unix_socket_is_not_adopted) {
    int const other = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(
        test::code_of([=] { unix_datagram::adopt(other); }),
        asio_error::address_family_not_supported);
    EXPECT_EQ(::fcntl(other, F_GETFD), -1);
}

// A receiver that is full.

TENDRIL_HUB_TEST(unix_datagram, a_sender_waits_for_its_peer) {
    auto [one, other] = unix_datagram::pair();
    test::fill_peer(one);
    auto sender = spawn([&end = one] { return test::send_error(end, "waited"); });
    settle();
    EXPECT_FALSE(sender.done());
    test::drain(other);
    EXPECT_FALSE(sender.get().failed());
}

TENDRIL_HUB_TEST(unix_datagram, a_sender_waits_for_a_receiver_that_is_not_its_peer) {
    strangers full;
    auto sender = spawn([&] { return full.send(); });
    settle();
    EXPECT_FALSE(sender.done());
    take(full.receiver);
    EXPECT_FALSE(sender.get().failed());
}

TENDRIL_HUB_TEST(unix_datagram, a_receiver_that_is_full_is_waited_for_and_not_asked_all_the_time) {
    strangers full;
    auto sender = spawn([&] { return full.send(); });
    settle();
    auto const turns = this_hub().statistics().turns;
    sleep_for(10ms);
    EXPECT_LT(this_hub().statistics().turns - turns, 10U);
    sender.cancel();
    sender.join();
    EXPECT_TRUE(sender.was_cancelled());
}

TENDRIL_HUB_TEST(unix_datagram, closing_wakes_who_waits_for_a_receiver_that_is_full) {
    strangers full;
    auto sender = spawn([&] { return full.send(); });
    settle();
    full.sender.close();
    EXPECT_EQ(sender.get(), errc::closed);
}

TENDRIL_HUB_TEST(unix_datagram, a_receiver_that_is_full_and_goes_away_ends_the_wait) {
    strangers full;
    auto sender = spawn([&] { return full.send(); });
    settle();
    full.receiver.close();
    EXPECT_EQ(sender.get(), asio_error::connection_refused);
}

TENDRIL_HUB_TEST(unix_datagram, a_limit_ends_the_wait_for_a_receiver_that_is_full) {
    strangers full;
    error_code error;
    full.sender.send_to_for(boost::asio::buffer("x", 1), full.address, error, 1s);
    EXPECT_EQ(error, errc::timed_out);
    take(full.receiver);
    EXPECT_FALSE(full.send().failed());
}
