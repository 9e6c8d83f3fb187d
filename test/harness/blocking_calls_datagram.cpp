// SPDX-License-Identifier: BSL-1.0
#include <harness/blocking_calls.hpp>
#include <harness/datagrams.hpp>
#include <tendril/net/unix_datagram.hpp>

#include <array>
#include <memory>
#include <tuple>
#include <utility>

namespace tendril::test {
namespace {

// Floor net: datagrams. Unix sockets have a sender that waits, and do the rest as UDP does.

struct pair_of_sockets {
    pair_of_sockets() { std::tie(here, there) = unix_datagram::pair(); }
    unix_datagram here;
    unix_datagram there;
};

// Says whether a call did it in time; throws what else there was.
template <typename F>
bool in_time(F&& call) {
    error_code error;
    call(error);
    if (error == errc::timed_out) {
        return false;
    }
    detail::throw_if(error, "a datagram");
    return true;
}

blocking_call receiving(bool timed) {
    auto const pair = std::make_shared<pair_of_sockets>();
    return {
        .name = "datagram_socket::receive",
        .take =
            [=](deadline limit) {
                std::array<char, 8> data;
                return in_time([&](error_code& error) {
                    pair->there.receive_until(
                        boost::asio::buffer(data), error, timed ? limit : deadline::never());
                });
            },
        .give = [=] { fill_peer(pair->here); },
        .close = [=] { pair->there.close(); },
        .to_wishes = answer::given_late,
        .alone = true,
    };
}

blocking_call receiving_from(bool timed) {
    auto const pair = std::make_shared<pair_of_sockets>();
    return {
        .name = "datagram_socket::receive_from",
        .take =
            [=](deadline limit) {
                std::array<char, 8> data;
                return in_time([&](error_code& error) {
                    unix_datagram_endpoint sender;
                    pair->there.receive_from_until(
                        boost::asio::buffer(data), sender, error,
                        timed ? limit : deadline::never());
                });
            },
        .give = [=] { fill_peer(pair->here); },
        .close = [=] { pair->there.close(); },
        .to_wishes = answer::given_late,
        .alone = true,
    };
}

blocking_call receiving_many(bool timed) {
    auto const pair = std::make_shared<pair_of_sockets>();
    return {
        .name = "datagram_socket::receive_batch",
        .take =
            [=](deadline limit) {
                std::array<char, 8> data;
                std::array<datagram_place<unix_datagram_endpoint>, 1> places{};
                places[0].room = boost::asio::buffer(data);
                return in_time([&](error_code& error) {
                    pair->there.receive_batch_until(
                        places, error, timed ? limit : deadline::never());
                });
            },
        .give = [=] { fill_peer(pair->here); },
        .close = [=] { pair->there.close(); },
        .to_wishes = answer::given_late,
        .alone = true,
    };
}

blocking_call sending(bool timed) {
    auto const pair = std::make_shared<pair_of_sockets>();
    fill_peer(pair->here);
    return {
        .name = "datagram_socket::send",
        .take =
            [=](deadline limit) {
                return in_time([&](error_code& error) {
                    pair->here.send_until(
                        boost::asio::buffer("x", 1), error, timed ? limit : deadline::never());
                });
            },
        .give = [=] { drain(pair->there); },
        .close = [=] { pair->here.close(); },
        .to_wishes = answer::given_late,
        .alone = true,
    };
}

blocking_call sending_many(bool timed) {
    auto const pair = std::make_shared<pair_of_sockets>();
    fill_peer(pair->here);
    return {
        .name = "datagram_socket::send_batch",
        .take =
            [=](deadline limit) {
                return in_time([&](error_code& error) {
                    std::array<outgoing_datagram<unix_datagram_endpoint>, 1> datagrams{};
                    datagrams[0].data = boost::asio::buffer("x", 1);
                    pair->here.send_batch_until(
                        datagrams, error, timed ? limit : deadline::never());
                });
            },
        .give = [=] { drain(pair->there); },
        .close = [=] { pair->here.close(); },
        .to_wishes = answer::given_late,
        .alone = true,
    };
}

blocking_call sending_to_a_stranger(bool timed) {
    struct strangers {
        unix_datagram here = unix_datagram::bind({});
        unix_datagram there = unix_datagram::bind({});
        unix_datagram_endpoint address = there.local_endpoint();
    };
    auto const both = std::make_shared<strangers>();
    fill_queue(both->address);
    return {
        .name = "datagram_socket::send_to",
        .take =
            [=](deadline limit) {
                return in_time([&](error_code& error) {
                    both->here.send_to_until(
                        boost::asio::buffer("x", 1), both->address, error,
                        timed ? limit : deadline::never());
                });
            },
        .give = [=] { drain(both->there); },
        .close = [=] { both->here.close(); },
        .to_wishes = answer::given_late,
        .alone = true,
    };
}

}  // namespace

void add_calls_of_datagrams(calls& all) {
    add_both(all, receiving);
    add_both(all, receiving_from);
    add_both(all, receiving_many);
    add_both(all, sending);
    add_both(all, sending_many);
    add_both(all, sending_to_a_stranger);
}

}  // namespace tendril::test
