// SPDX-License-Identifier: BSL-1.0
#include <harness/blocking_calls.hpp>
#include <tendril/net/resolver.hpp>
#include <tendril/net/tcp_listener.hpp>
#include <tendril/sync/event.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <utility>
#include <vector>

namespace tendril::test {
namespace {

// Floor net: names and listeners.

// Says whether a call did it in time; throws what else there was.
template <typename F>
bool done_in_time(F&& call) {
    error_code error;
    call(error);
    if (error == errc::timed_out) {
        return false;
    }
    detail::throw_if(error, "names");
    return true;
}

// Knows a name when it is told so.
class slow_resolver final : public resolver {
public:
    std::vector<ip_address> addresses_of(
        std::string const&, deadline limit, error_code& error) override {
        error = known.wait_until(limit) ? error_code{} : io_error(errc::timed_out);
        return error.failed() ? std::vector<ip_address>{}
                              : std::vector{boost::asio::ip::make_address("127.0.0.1")};
    }
    std::string name_of(ip_address const&, deadline, error_code&) override { return "unused"; }

    event known;
};

blocking_call resolving(bool timed) {
    auto const names = std::make_shared<slow_resolver>();
    return {
        .name = "resolve",
        .take =
            [=](deadline limit) {
                set_resolver(names);
                return done_in_time([&](error_code& error) {
                    resolve("one.test", "80", timed ? limit : deadline::never(), error);
                });
            },
        .give = [=] { names->known.set(); },
    };
}

// A listener, and those who have called it.
struct called_listener {
    called_listener() = default;
    called_listener(called_listener const&) = delete;
    called_listener& operator=(called_listener const&) = delete;
    ~called_listener() {
        for (int const each : callers) {
            ::close(each);
        }
    }
    void call() {
        tcp_endpoint const address = here;
        // The place first: a failed allocation must not cost a descriptor.
        callers.push_back(-1);
        callers.back() = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        static_cast<void>(
            ::connect(callers.back(), address.data(), static_cast<socklen_t>(address.size())));
    }

    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    tcp_endpoint here = listener.local_endpoint();
    std::vector<int> callers;
};

blocking_call accepting(bool timed) {
    auto const called = std::make_shared<called_listener>();
    return {
        .name = "tcp_listener::accept",
        .take =
            [=](deadline limit) {
                return done_in_time([&](error_code& error) {
                    called->listener.accept_until(error, timed ? limit : deadline::never());
                });
            },
        .give = [=] { called->call(); },
        .give_on = [=] { called->call(); },
        .close = [=] { called->listener.close(); },
        .to_wishes = answer::given_late,
        .alone = true,
    };
}

}  // namespace

void add_calls_of_names(calls& all) {
    add_both(all, resolving);
    add_both(all, accepting);
}

}  // namespace tendril::test
