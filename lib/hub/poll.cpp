// SPDX-License-Identifier: BSL-1.0
//
// The kernel is asked first, without waiting: that finds what is ready, and what is not open, for
// the price of one call. Only then does the greenlet stand in the set for each of the descriptors.
// Whichever is ready first wakes it, and then the kernel is asked again, about all of them.
#include "descriptor_set.hpp"
#include "reactor.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/error.hpp>
#include <tendril/support/system_calls.hpp>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <system_error>

namespace tendril {
namespace {

using detail::direction;

constexpr short events_to_read = POLLIN | POLLRDHUP;
constexpr short events_to_write = POLLOUT;
// An immediate answer takes so many steps of the budget.
constexpr int poll_steps = 2;

class poll_waiter final : public waiter {
public:
    explicit poll_waiter(std::span<pollfd> watched) : waiter{"several descriptors"} {
        for (pollfd& each : watched) {
            add(each, events_to_read, direction::reading);
            add(each, events_to_write, direction::writing);
        }
    }
    ~poll_waiter() = default;

    bool await(deadline limit) { return park_until(limit); }

    // Marks those whose waits were called off. Returns how many.
    std::size_t mark_called_off() noexcept {
        std::size_t count = 0;
        for (watch& each : watches_) {
            if (each.called_off && each.what.revents == 0) {
                each.what.revents = POLLNVAL;
                ++count;
            }
        }
        return count;
    }

private:
    // One direction of one descriptor; leaves the set when it goes.
    struct watch final : detail::descriptor_wait {
        watch(poll_waiter& who, pollfd& which, direction wanted)
            : descriptor_wait{which.fd, wanted},
              whole{who},
              what{which} {
            whole.home().reactor().add(*this);
        }
        ~watch() { whole.home().reactor().remove(*this); }

        void over(bool by_call_off) noexcept override {
            called_off = by_call_off;
            whole.wake();
        }

        poll_waiter& whole;
        pollfd& what;
        bool called_off = false;
    };

    void add(pollfd& each, short events, direction wanted) {
        bool const is_here = std::any_of(watches_.begin(), watches_.end(), [&](watch const& other) {
            return other.descriptor() == each.fd && other.wanted() == wanted;
        });
        if (each.fd >= 0 && (each.events & events) != 0 && !is_here) {
            watches_.emplace_back(*this, each, wanted);
        }
    }
    bool withdraw() noexcept override {
        for (watch& each : watches_) {
            home().reactor().remove(each);
        }
        return true;
    }

    std::deque<watch> watches_;
};

// What is ready now.
std::size_t ask(std::span<pollfd> watched) {
    int ready = 0;
    do {
        ready = kernel().poll(watched.data(), watched.size(), 0);
    } while (ready < 0 && errno == EINTR);
    if (ready < 0) {
        throw std::system_error{errno, std::generic_category(), "tendril: poll"};
    }
    return static_cast<std::size_t>(ready);
}

}  // namespace

std::size_t poll(std::span<pollfd> watched) { return poll_until(watched, deadline::never()); }

std::size_t poll_until(std::span<pollfd> watched, deadline limit) {
    check_interruption();
    for (pollfd const& each : watched) {
        TENDRIL_REQUIRE(
            (each.events & ~(events_to_read | events_to_write)) == 0,
            "poll waits for POLLIN, POLLOUT and POLLRDHUP; what else there is it tells unasked");
    }
    hub& home = this_hub();
    while (true) {
        if (std::size_t const ready = ask(watched); ready > 0) {
            if (home.spend(poll_steps) && home.may_park()) {
                home.leave_ready();
            }
            return ready;
        }
        poll_waiter waiting{watched};
        if (!waiting.await(limit)) {
            return 0;
        }
        if (std::size_t const gone = waiting.mark_called_off(); gone > 0) {
            return gone;
        }
    }
}

}  // namespace tendril
