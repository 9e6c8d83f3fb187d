// SPDX-License-Identifier: BSL-1.0
#include <harness/blocking_calls.hpp>
#include <tendril/coroutine/generator.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/sync/wait_queue.hpp>
#include <tendril/time.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <stdexcept>

namespace tendril::test {
namespace {

using namespace std::chrono_literals;

// Floor hub.

class open_pair {
public:
    open_pair() {
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) !=
            0) {
            throw std::runtime_error{"no socket pair"};
        }
    }
    open_pair(open_pair const&) = delete;
    open_pair& operator=(open_pair const&) = delete;
    ~open_pair() {
        ::close(ends[0]);
        ::close(ends[1]);
    }
    void fill() const {
        std::array<char, 4096> const bytes{};
        while (::write(ends[0], bytes.data(), bytes.size()) > 0) {}
    }
    void drain() const {
        std::array<char, 4096> bytes;
        while (::read(ends[1], bytes.data(), bytes.size()) > 0) {}
    }
    std::array<int, 2> ends{};
};

blocking_call readable(bool timed) {
    auto const pair = std::make_shared<open_pair>();
    return {
        .name = "wait_readable",
        .take =
            [=](deadline limit) {
                if (timed) {
                    return wait_readable_until(pair->ends[1], limit);
                }
                wait_readable(pair->ends[1]);
                return true;
            },
        .give = [=] { pair->fill(); },
        .close = [=] { call_off_waits(pair->ends[1]); },
        .to_wishes = answer::given_late,
        .alone = true,
    };
}

blocking_call writable(bool timed) {
    auto const pair = std::make_shared<open_pair>();
    pair->fill();
    return {
        .name = "wait_writable",
        .take =
            [=](deadline limit) {
                if (timed) {
                    return wait_writable_until(pair->ends[0], limit);
                }
                wait_writable(pair->ends[0]);
                return true;
            },
        .give = [=] { pair->drain(); },
        .close = [=] { call_off_waits(pair->ends[0]); },
        .to_wishes = answer::given_late,
        .alone = true,
    };
}

blocking_call parked(bool timed) {
    auto const queue = std::make_shared<wait_queue>("a test");
    return {
        .name = timed ? "waiter::park_until" : "waiter::park",
        .take =
            [=](deadline limit) {
                plain_waiter me{"a test"};
                queue->push(me);
                if (timed) {
                    return me.park_until(limit);
                }
                me.park();
                return true;
            },
        .give = [=] { queue->wake_one(); },
        .give_on = [=] { queue->wake_one(); },
        .at_rest = [=] { return queue->empty(); },
    };
}

void add_hub(calls& all) {
    add_both(all, parked);
    add_both(all, readable);
    add_both(all, writable);
}

// Floor time.

template <typename F>
call_maker by_time(char const* name, F wait, answer to_wishes = answer::given_late) {
    return [=] {
        return blocking_call{
            .name = name,
            .take =
                [=](deadline) {
                    wait();
                    return true;
                },
            .to_wishes = to_wishes,
        };
    };
}

template <typename F>
call_maker on_timer(char const* name, F end_waits, answer to_wishes) {
    return [=] {
        auto const t = std::make_shared<timer>(1s);
        return blocking_call{
            .name = name,
            .take =
                [=](deadline) {
                    t->wait();
                    return true;
                },
            .give = [=] { end_waits(*t); },
            .to_wishes = to_wishes,
        };
    };
}

void add_time(calls& all) {
    all.push_back(by_time("sleep_for", [] { sleep_for(1s); }));
    all.push_back(by_time("sleep_until", [] { sleep_until(deadline::after(1s)); }));
    all.push_back(
        by_time("sleep_for, unreferenced", [] { sleep_for(1s, reference::unreferenced); }));
    all.push_back(by_time(
        "sleep_for zero", [] { sleep_for(0s); }, answer::over_soon));
    all.push_back(by_time(
        "yield", [] { yield(); }, answer::over_soon));
    all.push_back(by_time(
        "idle", [] { idle(); }, answer::ends_before_time));
    all.push_back(by_time("ticker::wait", [] { ticker{1s}.wait(); }));
    all.push_back(on_timer(
        "timer::wait", [](timer&) {}, answer::given_late));
    all.push_back(on_timer("timer::wait, set", [](timer& t) { t.expires_after(1h); }, {}));
    all.push_back(on_timer("timer::wait, cancelled", [](timer& t) { t.cancel(); }, {}));
    all.push_back(by_time(
        "generator that sleeps",
        [] {
            generator<int> numbers{[](auto&& out) {
                sleep_for(1ms);
                out(1);
            }};
            for (int const number : numbers) {
                static_cast<void>(number);
            }
        },
        answer::never_inside));
}

}  // namespace

calls every_blocking_call() {
    calls all;
    add_hub(all);
    add_time(all);
    add_calls_of_sync(all);
    add_calls_of_channel(all);
    add_calls_of_children(all);
    add_calls_of_datagrams(all);
    add_calls_of_future(all);
    add_calls_of_scopes(all);
    add_calls_of_together(all);
    add_calls_of_signals(all);
    add_calls_of_spawn(all);
    add_calls_of_streams(all);
    add_calls_of_io(all);
    add_calls_of_protocol(all);
    add_calls_of_names(all);
    add_calls_of_files(all);
    add_calls_of_connections(all);
    add_calls_of_servers(all);
    add_calls_of_http(all);
    return all;
}

calls every_call_that_stops_time() {
    calls all;
    add_calls_of_disks(all);
    add_calls_of_hubs(all);
    add_calls_of_runs(all);
    return all;
}

}  // namespace tendril::test
