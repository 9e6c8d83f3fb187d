// SPDX-License-Identifier: BSL-1.0
//
// What is made of several waits: connecting by name, protocols at both ends; and
// what waits for somebody else's code.
#include <harness/blocking_calls.hpp>
#include <tendril/io/async_task.hpp>
#include <tendril/io/await_coroutine.hpp>
#include <tendril/io/context_bound.hpp>
#include <tendril/net/connect.hpp>
#include <tendril/net/resolver.hpp>
#include <tendril/net/tcp_listener.hpp>
#include <tendril/net/tcp_stream.hpp>
#include <tendril/net/udp_socket.hpp>
#include <tendril/protocol/connect_protocol.hpp>
#include <tendril/protocol/protocol_server.hpp>
#include <tendril/server/stream_server.hpp>
#include <tendril/sync/event.hpp>

#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tendril::test {
namespace {

// Names.

// Knows its names when it is told so.
class told_resolver final : public resolver {
public:
    explicit told_resolver(std::vector<ip_address> all) : addresses_{std::move(all)} {}

    std::vector<ip_address> addresses_of(
        std::string const&, deadline limit, error_code& error) override {
        bool const in_time = known.wait_until(limit);
        error = in_time ? error_code{} : io_error(errc::timed_out);
        return in_time ? addresses_ : std::vector<ip_address>{};
    }
    std::string name_of(ip_address const&, deadline limit, error_code& error) override {
        error = known.wait_until(limit) ? error_code{} : io_error(errc::timed_out);
        return "one.test";
    }

    event known;

private:
    std::vector<ip_address> addresses_;
};

ip_address address(char const* text) { return boost::asio::ip::make_address(text); }

// A host by the name of one.test, where somebody listens at some of its addresses.
struct named_host {
    explicit named_host(std::vector<ip_address> addresses)
        : names{std::make_shared<told_resolver>(std::move(addresses))} {
        set_resolver(names);
    }
    std::string port() const { return std::to_string(listener.local_endpoint().port()); }

    std::shared_ptr<told_resolver> names;
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
};

// Says whether a call did it in time; throws what else there was.
template <typename F>
bool done_before(F&& call) {
    error_code error;
    call(error);
    if (error == errc::timed_out) {
        return false;
    }
    detail::throw_if(error, "a connection");
    return true;
}

blocking_call connecting_to(char const* name, std::vector<ip_address> addresses, bool timed) {
    auto const host = std::make_shared<named_host>(std::move(addresses));
    return {
        .name = name,
        .take =
            [=](deadline limit) {
                connect_options options;
                if (timed) {
                    options.limit = limit.moment() - this_hub().now();
                }
                return done_before([&](error_code& error) {
                    tcp_stream::connect("one.test", host->port(), options, error);
                });
            },
        .give = [=] { host->names->known.set(); },
        .to_wishes = answer::given_late,
    };
}

blocking_call connecting_by_name(bool timed) {
    return connecting_to("tcp_stream::connect", {address("127.0.0.1")}, timed);
}

// Nobody listens at the first one, so there is a race, and it is won by the second.
blocking_call connecting_to_one_of_two(bool timed) {
    return connecting_to(
        "tcp_stream::connect, two addresses", {address("127.0.0.2"), address("127.0.0.1")}, timed);
}

blocking_call resolving_an_address(bool timed) {
    auto const host = std::make_shared<named_host>(std::vector<ip_address>{});
    return {
        .name = "resolve_name",
        .take =
            [=](deadline limit) {
                return done_before([&](error_code& error) {
                    tcp_endpoint const peer{address("192.0.2.1"), 80};
                    resolve_name(peer, timed ? limit : deadline::never(), error);
                });
            },
        .give = [=] { host->names->known.set(); },
    };
}

// What looks a name up first, and then does something that never waits.
template <typename Call>
call_maker by_name(char const* name, Call call) {
    return [=] {
        auto const host = std::make_shared<named_host>(std::vector{address("127.0.0.1")});
        return blocking_call{
            .name = name,
            .take =
                [=](deadline) {
                    call(*host);
                    return true;
                },
            .give = [=] { host->names->known.set(); },
        };
    };
}

// Protocols.

class silent_protocol final : public protocol {
    void data_received(std::string_view) override {}
};

call_maker for_connect_protocol() {
    return [] {
        auto const host = std::make_shared<named_host>(std::vector{address("127.0.0.1")});
        return blocking_call{
            .name = "connect_protocol",
            .take =
                [=](deadline) {
                    auto made = connect_protocol("one.test", host->port(), [] {
                        return std::make_shared<silent_protocol>();
                    });
                    made.connection.abort();
                    return true;
                },
            .give = [=] { host->names->known.set(); },
            .to_wishes = answer::given_late,
        };
    };
}

// Code of others.

using word_channel = boost::asio::experimental::channel<void(error_code, int)>;

// A channel of Asio's, which must not outlive its context, for calls that may.
struct owned_channel final : detail::context_bound {
    owned_channel()
        : context_bound{this_hub().context()},
          channel{std::in_place, this_hub().context(), 4U} {}
    void leave_context() noexcept override { channel.reset(); }

    std::optional<word_channel> channel;
};

boost::asio::awaitable<int> received_from(word_channel& channel) {
    co_return co_await channel.async_receive(boost::asio::use_awaitable);
}

call_maker for_await() {
    return [] {
        auto const bound = std::make_shared<owned_channel>();
        auto const give = [=] { bound->channel->try_send(error_code{}, 7); };
        return blocking_call{
            .name = "await",
            .take = [=](deadline) { return await(received_from(*bound->channel)) == 7; },
            .give = give,
            .give_on = give,
            .to_wishes = answer::either,
            .stops_later = true,
        };
    };
}

// A task that ends when it is told to. It may begin when this is gone.
struct told_task {
    std::shared_ptr<event> told = std::make_shared<event>();
    task<int> waiting = spawn([told = told] {
        told->wait();
        return 7;
    });

    told_task() = default;
    told_task(told_task const&) = delete;
    told_task& operator=(told_task const&) = delete;
    ~told_task() { told->set(); }
};

template <typename Take>
call_maker for_task_of_asio(char const* name, Take take) {
    return [=] {
        auto const one = std::make_shared<told_task>();
        return blocking_call{
            .name = name,
            .take = [=](deadline) { return take(one->waiting); },
            .give = [=] { one->told->set(); },
            .to_wishes = answer::given_late,
            .stops_later = true,
        };
    };
}

}  // namespace

void add_calls_of_connections(calls& all) {
    add_both(all, connecting_by_name);
    add_both(all, connecting_to_one_of_two);
    add_both(all, resolving_an_address);
    all.push_back(
        by_name("tcp_listener::bind", [](named_host&) { tcp_listener::bind("one.test", 0); }));
    all.push_back(
        by_name("udp_socket::bind", [](named_host&) { udp_socket::bind("one.test", 0); }));
    all.push_back(by_name("udp_socket::connect", [](named_host& host) {
        udp_socket::connect("one.test", host.listener.local_endpoint().port());
    }));
    all.push_back(by_name("serve_protocol", [](named_host&) {
        serve_protocol("one.test:0", [] { return std::make_shared<silent_protocol>(); });
    }));
    all.push_back(by_name("stream_server::start", [](named_host&) {
        stream_server{"one.test:0", [](tcp_stream&) {}}.start();
    }));
    all.push_back(for_connect_protocol());
    all.push_back(for_await());
    all.push_back(for_task_of_asio(
        "async_get", [](task<int> const& one) { return async_get(one, use_greenlet) == 7; }));
    all.push_back(for_task_of_asio("async_join", [](task<int> const& one) {
        async_join(one, use_greenlet);
        return true;
    }));
}

}  // namespace tendril::test
