// SPDX-License-Identifier: BSL-1.0
//
// Addresses that do not answer are listeners on this machine whose queue is full: the kernel drops
// what asks for a connection. Time is virtual, so nobody waits for it.
#include <harness/fake_names.hpp>
#include <harness/network.hpp>
#include <harness/no_stacks.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/net/connect.hpp>
#include <tendril/net/tcp_stream.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/error.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::virtual_clock;
using test::fake_names;
using test::run_with_names;
using test::transcript;
namespace asio_error = boost::asio::error;

tcp_endpoint at(char const* address, std::uint16_t port) {
    return {boost::asio::ip::make_address(address), port};
}

// An address that answers nothing, as long as it lives.
class black_hole {
public:
    explicit black_hole(tcp_endpoint const& address)
        : listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)},
          filling_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        auto const size = static_cast<socklen_t>(address.size());
        if (::bind(listener_, address.data(), size) != 0 || ::listen(listener_, 0) != 0 ||
            ::connect(filling_, address.data(), size) != 0) {
            throw std::runtime_error{"no black hole at " + to_string(address)};
        }
        test::await_arrival(listener_);
    }
    black_hole(black_hole const&) = delete;
    black_hole& operator=(black_hole const&) = delete;
    ~black_hole() {
        ::close(listener_);
        ::close(filling_);
    }

private:
    int listener_;
    int filling_;
};

// One that answers at 127.0.0.1, and black holes with the same port at 127.0.0.2 and 127.0.0.3.
struct three_addresses {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    std::uint16_t port = listener.local_endpoint().port();
    black_hole second{at("127.0.0.2", port)};
    black_hole third{at("127.0.0.3", port)};

    std::vector<tcp_endpoint> list(std::initializer_list<char const*> addresses) const {
        std::vector<tcp_endpoint> all;
        for (char const* const each : addresses) {
            all.push_back(at(each, port));
        }
        return all;
    }
};

std::ptrdiff_t open_descriptors() {
    // A hub that has waited for a descriptor has one of its own from then on.
    wait_writable(STDERR_FILENO);
    return std::distance(
        std::filesystem::directory_iterator{"/proc/self/fd"},
        std::filesystem::directory_iterator{});
}

// A kernel that notes who is called and when, and may answer for the network.
struct called {
    struct answer {
        std::string address;
        int error;
    };
    static inline std::vector<answer> answers;
    static inline transcript calls;
    static inline int count = 0;
    static inline bool says_it_is_its_own_peer = false;
    static inline tcp_endpoint last;

    system_calls table = real_kernel();
    replaced_system_calls in_place{table};

    explicit called(std::vector<answer> given = {}) {
        answers = std::move(given);
        calls.clear();
        count = 0;
        says_it_is_its_own_peer = false;
        table.connect = [](int fd, sockaddr const* address, socklen_t size) {
            last.resize(size);
            std::memcpy(last.data(), address, size);
            std::string const text = last.address().to_string();
            auto const since = std::chrono::duration_cast<std::chrono::milliseconds>(
                now().time_since_epoch());
            ++count;
            std::string call = text + " at " + std::to_string(since.count());
            if (calls.empty() || calls.back() != call) {
                // The second one asks what came of the first.
                calls.push_back(std::move(call));
            }
            for (std::size_t each = 0; each < answers.size(); ++each) {
                if (answers[each].address == text) {
                    errno = answers[each].error;
                    answers.erase(answers.begin() + static_cast<std::ptrdiff_t>(each));
                    return -1;
                }
            }
            return real_kernel().connect(fd, address, size);
        };
        table.getsockname = [](int fd, sockaddr* address, socklen_t* size) {
            if (says_it_is_its_own_peer) {
                *size = static_cast<socklen_t>(last.size());
                std::memcpy(address, last.data(), last.size());
                return 0;
            }
            return real_kernel().getsockname(fd, address, size);
        };
    }
};

transcript texts(std::vector<tcp_endpoint> const& endpoints) {
    transcript all;
    for (tcp_endpoint const& each : endpoints) {
        all.push_back(each.address().to_string());
    }
    return all;
}

transcript in_turn(std::vector<char const*> const& addresses) {
    std::vector<tcp_endpoint> all;
    for (char const* const each : addresses) {
        all.push_back(at(each, 80));
    }
    return texts(interleaved(all));
}

}  // namespace

TENDRIL_TEST(connect, families_take_turns_and_the_first_address_stays_the_first) {
    EXPECT_EQ(in_turn({}), transcript{});
    EXPECT_EQ(
        in_turn({"::1", "::2", "::3", "10.0.0.1", "10.0.0.2"}),
        (transcript{"::1", "10.0.0.1", "::2", "10.0.0.2", "::3"}));
    EXPECT_EQ(
        in_turn({"10.0.0.1", "::1", "10.0.0.2", "10.0.0.3"}),
        (transcript{"10.0.0.1", "::1", "10.0.0.2", "10.0.0.3"}));
    EXPECT_EQ(in_turn({"10.0.0.1", "10.0.0.2"}), (transcript{"10.0.0.1", "10.0.0.2"}));
}

TENDRIL_HUB_TEST(connect, an_address_that_does_not_answer_costs_its_head_start_only) {
    three_addresses const net;
    auto const stream = tcp_stream::connect(net.list({"127.0.0.2", "127.0.0.1"}));
    EXPECT_EQ(stream.remote_endpoint(), net.listener.local_endpoint());
    EXPECT_EQ(clock.elapsed(), 250ms);
}

TENDRIL_HUB_TEST(connect, one_that_refuses_costs_no_time) {
    three_addresses const net;
    auto const stream = tcp_stream::connect(net.list({"127.0.0.9", "127.0.0.8", "127.0.0.1"}));
    EXPECT_EQ(stream.remote_endpoint(), net.listener.local_endpoint());
    EXPECT_EQ(clock.elapsed(), 0ms);
}

TENDRIL_HUB_TEST(connect, attempts_begin_one_after_another) {
    three_addresses const net;
    std::chrono::nanoseconds const begun = now().time_since_epoch();
    called const kernel;
    auto const stream = tcp_stream::connect(
        net.list({"127.0.0.2", "127.0.0.3", "127.0.0.1"}), {.attempt_delay = 100ms});
    auto const moment = [&](std::chrono::milliseconds later) {
        return " at " +
            std::to_string(
                   std::chrono::duration_cast<std::chrono::milliseconds>(begun + later).count());
    };
    ASSERT_GE(called::calls.size(), 3U);
    EXPECT_EQ(called::calls[0], "127.0.0.2" + moment(0ms));
    EXPECT_EQ(called::calls[1], "127.0.0.3" + moment(100ms));
    EXPECT_EQ(called::calls[2], "127.0.0.1" + moment(200ms));
    EXPECT_TRUE(stream.is_open());
}

TENDRIL_HUB_TEST(connect, a_refusal_lets_the_next_begin_before_its_time) {
    three_addresses const net;
    auto const stream = tcp_stream::connect(
        net.list({"127.0.0.2", "127.0.0.9", "127.0.0.8", "127.0.0.1"}));
    EXPECT_TRUE(stream.is_open());
    EXPECT_EQ(clock.elapsed(), 250ms);
}

TENDRIL_HUB_TEST(connect, the_losers_have_closed_their_descriptors_when_it_returns) {
    three_addresses const net;
    std::ptrdiff_t const before = open_descriptors();
    std::size_t const greenlets = this_hub().statistics().greenlets;
    auto const stream = tcp_stream::connect(net.list({"127.0.0.2", "127.0.0.3", "127.0.0.1"}));
    EXPECT_EQ(open_descriptors(), before + 1);
    EXPECT_EQ(this_hub().statistics().greenlets, greenlets);
}

TENDRIL_HUB_TEST(connect, when_none_answers_the_error_has_them_all) {
    auto const port = test::deserted_endpoint().port();
    std::vector<tcp_endpoint> const peers{at("127.0.0.7", port), at("127.0.0.8", port)};
    try {
        tcp_stream::connect(peers);
        FAIL();
    } catch (connect_error const& error) {
        ASSERT_EQ(error.failures().size(), 2U);
        EXPECT_EQ(error.failures()[0].peer, peers[0]);
        EXPECT_EQ(error.failures()[1].peer, peers[1]);
        EXPECT_EQ(error.failures()[1].error, asio_error::connection_refused);
        EXPECT_EQ(error.code(), asio_error::connection_refused);
        std::string const text = error.what();
        EXPECT_NE(text.find(to_string(peers[0]) + ": "), std::string::npos) << text;
        EXPECT_NE(text.find(to_string(peers[1]) + ": "), std::string::npos) << text;
    }
}

TENDRIL_HUB_TEST(connect, a_limit_ends_it_all) {
    three_addresses const net;
    std::ptrdiff_t const before = open_descriptors();
    auto const peers = net.list({"127.0.0.2", "127.0.0.9", "127.0.0.3"});
    try {
        tcp_stream::connect(peers, {.limit = 2s});
        FAIL();
    } catch (connect_error const& error) {
        EXPECT_EQ(error.code(), errc::timed_out);
        EXPECT_EQ(error.failures().size(), 1U) << "one has refused";
    }
    EXPECT_EQ(clock.elapsed(), 2s);
    EXPECT_EQ(open_descriptors(), before);
}

TENDRIL_HUB_TEST(connect, a_limit_holds_for_a_single_address) {
    three_addresses const net;
    error_code error;
    EXPECT_FALSE(tcp_stream::connect(net.list({"127.0.0.2"}), {.limit = 2s}, error).is_open());
    EXPECT_EQ(error, errc::timed_out);
    EXPECT_EQ(clock.elapsed(), 2s);
}

TENDRIL_TEST(connect, the_look_up_of_the_name_counts) {
    run_with_names([](fake_names&, virtual_clock& time) {
        auto const passing = spawn([&] {
            idle();
            time.advance(3s);
        });
        error_code error;
        EXPECT_FALSE(tcp_stream::connect("slow.hang", "80", {.limit = 3s}, error).is_open());
        EXPECT_EQ(error, errc::timed_out);
    });
}

TENDRIL_HUB_TEST(connect, one_that_is_interrupted_leaves_nothing_behind) {
    three_addresses const net;
    std::ptrdiff_t const before = open_descriptors();
    std::size_t const greenlets = this_hub().statistics().greenlets;
    for (auto const pause : {0ms, 100ms, 250ms, 300ms}) {
        auto connecting = spawn([&] { tcp_stream::connect(net.list({"127.0.0.2", "127.0.0.3"})); });
        sleep_for(pause);
        test::settle();
        connecting.cancel();
        connecting.join();
        EXPECT_TRUE(connecting.was_cancelled());
        EXPECT_EQ(open_descriptors(), before);
        EXPECT_EQ(this_hub().statistics().greenlets, greenlets);
    }
}

TENDRIL_HUB_TEST(connect, a_timeout_around_it_is_thrown) {
    three_addresses const net;
    auto const connect = [&] {
        timeout const limit{1s};
        error_code error;
        tcp_stream::connect(net.list({"127.0.0.2", "127.0.0.3"}), {}, error);
    };
    EXPECT_EQ(test::interruption_of(connect), "timed out");
    EXPECT_EQ(clock.elapsed(), 1s);
}

TENDRIL_HUB_TEST(connect, only_the_family_that_is_wanted_is_called) {
    three_addresses const net;
    std::vector<tcp_endpoint> peers{at("::1", net.port), at("127.0.0.1", net.port)};
    called const kernel;
    auto const four = tcp_stream::connect(peers, {.family = address_family::ipv4});
    EXPECT_TRUE(four.remote_endpoint().address().is_v4());
    EXPECT_EQ(called::calls.size(), 1U);
    error_code error;
    peers.erase(peers.begin());
    tcp_stream::connect(peers, {.family = address_family::ipv6}, error);
    EXPECT_EQ(error, asio_error::no_data);
    EXPECT_EQ(called::calls.size(), 1U);
}

TENDRIL_HUB_TEST(connect, a_stream_may_come_from_an_address_of_ones_own) {
    three_addresses net;
    std::vector<tcp_endpoint> const peers{at("::1", net.port), at("127.0.0.1", net.port)};
    auto const stream = tcp_stream::connect(peers, {.local = at("127.0.0.5", 0)});
    EXPECT_EQ(stream.local_endpoint().address().to_string(), "127.0.0.5");
    EXPECT_EQ(net.listener.accept().remote_endpoint(), stream.local_endpoint());
    // An address of somebody else.
    error_code error;
    tcp_stream::connect(peers, {.local = at("203.0.113.1", 0)}, error);
    EXPECT_EQ(error.value(), EADDRNOTAVAIL);
}

TENDRIL_HUB_TEST(connect, a_port_of_ones_own_serves_for_several_attempts) {
    three_addresses net;
    auto const port = test::deserted_endpoint().port();
    auto const stream = tcp_stream::connect(
        net.list({"127.0.0.2", "127.0.0.9", "127.0.0.1"}), {.local = at("127.0.0.5", port)});
    EXPECT_EQ(stream.local_endpoint(), at("127.0.0.5", port));
}

TENDRIL_HUB_TEST(connect, delays_that_would_call_everybody_at_once_are_refused) {
    auto const connect = [] { tcp_stream::connect("127.0.0.1", "1", {.attempt_delay = 9ms}); };
    EXPECT_THROW(connect(), misuse);
    EXPECT_THROW(tcp_stream::connect(std::vector<tcp_endpoint>{}), misuse);
}

TENDRIL_HUB_TEST(connect, a_call_that_was_disturbed_is_made_again) {
    tcp_listener const listener = tcp_listener::bind("127.0.0.1", 0);
    called const kernel{{{"127.0.0.1", EINTR}, {"127.0.0.1", EINTR}}};
    std::vector<tcp_endpoint> const peers{listener.local_endpoint()};
    EXPECT_TRUE(tcp_stream::connect(peers).is_open());
    EXPECT_GE(called::count, 3);
}

TENDRIL_HUB_TEST(connect, what_the_network_says_of_an_address_is_kept) {
    three_addresses const net;
    for (int const failure : {ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL, EACCES, ENOBUFS}) {
        called const kernel{{{"127.0.0.8", failure}, {"127.0.0.9", failure}}};
        try {
            tcp_stream::connect(net.list({"127.0.0.8", "127.0.0.9"}));
            FAIL();
        } catch (connect_error const& error) {
            EXPECT_EQ(error.code().value(), failure);
        }
        EXPECT_EQ(clock.elapsed(), 0ms);
    }
}

TENDRIL_HUB_TEST(connect, a_socket_that_is_connected_with_itself_is_no_connection) {
    tcp_listener const listener = tcp_listener::bind("127.0.0.1", 0);
    called const kernel;
    called::says_it_is_its_own_peer = true;
    error_code error;
    tcp_stream::connect(std::vector{listener.local_endpoint()}, {}, error);
    EXPECT_EQ(error, asio_error::connection_refused);
    EXPECT_FALSE(tcp_stream::connect(listener.local_endpoint(), error).is_open());
    EXPECT_EQ(error, asio_error::connection_refused);
}

TENDRIL_HUB_TEST(connect, without_descriptors_it_fails_and_leaves_nothing_behind) {
    three_addresses const net;
    std::ptrdiff_t const before = open_descriptors();
    {
        called kernel;
        kernel.table.socket = [](int, int, int) {
            errno = EMFILE;
            return -1;
        };
        error_code error;
        tcp_stream::connect(net.list({"127.0.0.2", "127.0.0.1"}), {}, error);
        EXPECT_EQ(error, asio_error::no_descriptors);
    }
    EXPECT_EQ(open_descriptors(), before);
}

TENDRIL_TEST(connect, a_name_of_both_families_connects_to_the_one_that_answers) {
    run_with_names([](fake_names& names, virtual_clock& time) {
        three_addresses const net;
        names.add("four.test", {"127.0.0.2", "127.0.0.3", "::1", "127.0.0.1"});
        auto const stream = tcp_stream::connect("four.test", net.port);
        EXPECT_EQ(stream.remote_endpoint(), net.listener.local_endpoint());
        // After 127.0.0.2 comes ::1, which refuses.
        EXPECT_EQ(time.elapsed(), 500ms);
    });
}

TENDRIL_TEST(connect, attempts_that_get_no_stack_are_failures) {
    test::with_no_stack_left([] {
        std::vector<tcp_endpoint> const two{at("127.0.0.1", 1), at("127.0.0.2", 1)};
        error_code error;
        tcp_stream::connect(two, {}, error);
        EXPECT_EQ(error, asio_error::operation_aborted);
    });
}
