// SPDX-License-Identifier: BSL-1.0
#include <harness/blocking_calls.hpp>
#include <harness/gate.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/hubs/hub_group.hpp>
#include <tendril/server/server_group.hpp>
#include <tendril/sync/shared.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

namespace tendril::test {
namespace {

using namespace std::chrono_literals;

// Floors hubs and server: threads with hubs. What happens there takes no time here, and who comes
// first when both happen in one turn, the threads know.

// Does what a callback of a hub may not: waits.
template <typename F>
void on_a_thread(F&& function) {
    std::thread{std::forward<F>(function)}.join();
}

// Two hubs, the first of which is held up until the gate opens.
struct group_world {
    explicit group_world() {
        on_a_thread([this] {
            hubs.emplace(hub_group_options{.size = 2, .time_to_unwind = 1h});
            servers.emplace(*hubs, "127.0.0.1:0", [](tcp_stream&) {});
        });
    }
    group_world(group_world const&) = delete;
    group_world& operator=(group_world const&) = delete;
    ~group_world() { open(); }

    // From now on its first hub does nothing.
    void hold_up() {
        hubs->spawn_on(0, [this] { held.pass(); });
        held.await(1);
    }
    void open() {
        held.open();
        told.set();
    }
    void serve() {
        on_a_thread([this] { servers->start(); });
    }

    gate held;
    shared_event told;
    std::optional<hub_group> hubs;
    std::optional<server_group> servers;
};

using group_call = void (*)(group_world&);

// `prepare` is what happens before.
call_maker of_groups(char const* name, group_call prepare, group_call call) {
    return [=] {
        auto const in = std::make_shared<group_world>();
        prepare(*in);
        return blocking_call{
            .name = name,
            .take =
                [=](deadline) {
                    call(*in);
                    return true;
                },
            .give = [=] { in->open(); },
            .to_wishes = answer::either,
            .stops_time = true,
        };
    };
}

// As above; one at a time.
call_maker of_server_groups(char const* name, group_call prepare, group_call call) {
    return [=] {
        blocking_call made = of_groups(name, prepare, call)();
        made.alone = true;
        return made;
    };
}

void hold_first_hub(group_world& in) { in.hold_up(); }

// A task that lets the group go on until it is told.
void keep_busy(group_world& in) {
    in.hubs->spawn([&in] { in.told.wait(); });
}

void end_when_told(group_world& in) {
    in.hubs->spawn([&in] {
        in.told.wait();
        in.hubs->close();
    });
}

void serve_and_hold(group_world& in) {
    in.serve();
    in.hold_up();
}

// Threads that have no hub before they are let go. The wait is not interrupted.
call_maker making_a_group() {
    return [] {
        auto const held = std::make_shared<gate>();
        return blocking_call{
            .name = "hub_group::hub_group",
            .take =
                [=](deadline) {
                    hub_group const made{{.size = 2, .options_for = [=](std::size_t) {
                                              held->pass();
                                              return hub_options{};
                                          }}};
                    return made.size() == 2;
                },
            .give = [=] { held->open(); },
            .to_wishes = answer::never_inside,
            .stops_time = true,
        };
    };
}

// A thread that is busy when its group goes.
call_maker destroying_a_group() {
    return [] {
        auto const held = std::make_shared<gate>();
        return blocking_call{
            .name = "hub_group::~hub_group",
            .take =
                [=](deadline) {
                    hub_group made{{.size = 1}};
                    made.spawn([=] { held->pass(); });
                    return true;
                },
            .give = [=] { held->open(); },
            .to_wishes = answer::never_inside,
            .stops_time = true,
        };
    };
}

call_maker destroying_servers() {
    return [] {
        blocking_call made = of_server_groups(
            "server_group::~server_group", serve_and_hold,
            [](group_world& in) { in.servers.reset(); })();
        made.to_wishes = answer::never_inside;
        return made;
    };
}

}  // namespace

void add_calls_of_hubs(calls& all) {
    all.push_back(making_a_group());
    all.push_back(destroying_a_group());
    all.push_back(destroying_servers());
    all.push_back(
        of_groups("hub_group::join", end_when_told, [](group_world& in) { in.hubs->join(); }));
    all.push_back(
        of_groups("hub_group::stop", keep_busy, [](group_world& in) { in.hubs->stop(1h); }));
    all.push_back(
        of_groups("hub_group::close", hold_first_hub, [](group_world& in) { in.hubs->close(); }));
    all.push_back(of_groups("hub_group::for_each_hub", hold_first_hub, [](group_world& in) {
        in.hubs->for_each_hub([](std::size_t) {});
    }));
    all.push_back(of_groups("hub_group::spawn, its result", hold_first_hub, [](group_world& in) {
        auto const result = in.hubs->spawn_on(0, [] { return 7; });
        job_under_way const counted{this_hub()};
        result.get();
    }));
    all.push_back(of_server_groups(
        "server_group::start", hold_first_hub, [](group_world& in) { in.servers->start(); }));
    all.push_back(of_server_groups(
        "server_group::stop", serve_and_hold, [](group_world& in) { in.servers->stop(); }));
    all.push_back(of_groups("server_group::statistics", serve_and_hold, [](group_world& in) {
        in.servers->statistics();
    }));
}

}  // namespace tendril::test
