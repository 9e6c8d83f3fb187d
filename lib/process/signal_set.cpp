// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. Who waits has the turn, which is given on in the order in which they came. So one greenlet at
//    a time waits for the bell, and takes.
// 2. What has come stays with the listener until somebody takes it. An interruption takes nothing.
#include "signal_listener.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/context_bound.hpp>
#include <tendril/io/error.hpp>
#include <tendril/io/stream_state.hpp>
#include <tendril/process/signal_set.hpp>
#include <tendril/sync/mutex.hpp>

#include <mutex>
#include <system_error>

namespace tendril {
namespace {

hub& usable_hub() {
    hub& here = this_hub();
    here.require_not_forked();
    return here;
}

}  // namespace

struct signal_set::implementation {
    implementation(std::span<int const> numbers, detail::listening until)
        : home{usable_hub()},
          listener{std::in_place, numbers, until} {}

    void require_usable() const {
        home.require_own_thread(
            "this signal_set belongs to another thread: wait for signals there, and tell the "
            "others by a shared_event or a remote");
        require_open();
    }
    void require_open() const {
        if (!listener || !home.exists()) {
            throw system_error{
                io_error(errc::closed), "a signal_set that is gone, or whose hub is"};
        }
    }

    std::optional<int> wait_in_turn(deadline limit);
    bool await_bell(deadline limit);

    detail::home_hub const home;
    // None when the set has gone.
    std::optional<detail::signal_listener> listener;
    mutex turn;
};

std::optional<int> signal_set::implementation::wait_in_turn(deadline limit) {
    while (true) {
        require_open();
        if (auto const number = listener->take()) {
            return number;
        }
        static_cast<void>(listener->silent_bell());
        if (auto const number = listener->take()) {
            return number;
        }
        if (!await_bell(limit)) {
            return listener->take();
        }
    }
}

// Returns whether it has been rung.
bool signal_set::implementation::await_bell(deadline limit) {
    try {
        return wait_readable_until(listener->bell(), limit);
    } catch (std::system_error const& error) {
        require_open();
        throw system_error{error_code{error.code()}, "signal_set::wait"};
    }
}

signal_set::signal_set(std::initializer_list<int> numbers)
    : signal_set{std::span<int const>{numbers.begin(), numbers.size()}} {}

signal_set::signal_set(std::span<int const> numbers)
    : signal_set{numbers, detail::listening::always} {}

signal_set::signal_set(std::span<int const> numbers, detail::listening until)
    : implementation_{std::make_shared<implementation>(numbers, until)} {}

signal_set::~signal_set() {
    implementation& ending = *implementation_;
    ending.home.require_own_thread_to_destroy("a signal_set");
    if (ending.home.exists()) {
        call_off_waits(ending.listener->bell());
    }
    ending.listener.reset();
}

bool signal_set::contains(int number) const noexcept {
    return implementation_->listener->contains(number);
}

std::optional<int> signal_set::wait_until(deadline limit) {
    auto const kept = implementation_;
    kept->require_usable();
    check_interruption();
    if (!kept->turn.try_lock_until(limit)) {
        return {};
    }
    std::unique_lock const turn{kept->turn, std::adopt_lock};
    auto const number = kept->wait_in_turn(limit);
    if (number) {
        detail::account_for_success(this_hub(), detail::io_steps);
    }
    return number;
}

std::optional<int> signal_set::try_wait() {
    implementation_->require_usable();
    return implementation_->listener->take();
}

}  // namespace tendril
