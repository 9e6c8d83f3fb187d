// SPDX-License-Identifier: BSL-1.0
#include <harness/blocking_calls.hpp>
#include <tendril/process/cancel_on_signal.hpp>
#include <tendril/process/signal_handler.hpp>
#include <tendril/process/signal_set.hpp>
#include <tendril/sync/event.hpp>

#include <csignal>
#include <memory>
#include <optional>

namespace tendril::test {
namespace {

// Floor process: signals.

blocking_call for_a_signal(bool timed) {
    auto const signals = std::make_shared<signal_set>(std::initializer_list<int>{SIGUSR1});
    return {
        .name = "signal_set::wait",
        .take =
            [=](deadline limit) {
                return signals->wait_until(timed ? limit : deadline::never()).has_value();
            },
        .give = [] { std::raise(SIGUSR1); },
        .give_on = [] { std::raise(SIGUSR1); },
        .to_wishes = answer::given_late,
    };
}

// The end of a handler waits for its call.
struct called_handler {
    event go;
    std::optional<signal_handler> handler{
        std::in_place, SIGUSR1, [this] { cancel_scope{{.shield = true}}.run([&] { go.wait(); }); }};
};

blocking_call ending_a_handler() {
    auto const called = std::make_shared<called_handler>();
    std::raise(SIGUSR1);
    return {
        .name = "signal_handler::close",
        .take =
            [=](deadline) {
                called->handler->close();
                return true;
            },
        .give = [=] { called->go.set(); },
        .at_rest = [=] { return !called->handler->is_open(); },
        .to_wishes = answer::never_inside,
    };
}

blocking_call a_block_for_signals() {
    auto const go = std::make_shared<event>();
    return {
        .name = "cancel_on_signal",
        .take =
            [=](deadline) {
                cancel_on_signal({SIGUSR1}, [&] { go->wait(); });
                return true;
            },
        .give = [=] { go->set(); },
    };
}

}  // namespace

void add_calls_of_signals(calls& all) {
    add_both(all, for_a_signal);
    all.push_back(ending_a_handler);
    all.push_back(a_block_for_signals);
}

}  // namespace tendril::test
