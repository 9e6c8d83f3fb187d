// SPDX-License-Identifier: BSL-1.0
#include "mailbox.hpp"

#include <tendril/hub/remote.hpp>
#include <tendril/support/system_calls.hpp>

#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

namespace tendril {
namespace detail {

mailbox::mailbox() : bell_{kernel().eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
    if (bell_ < 0) {
        throw std::system_error{
            errno, std::generic_category(), "tendril: no descriptor left for a hub's wake-up"};
    }
}

mailbox::~mailbox() { close_bell(); }

// Turns them round on the way.
void mailbox::letter_list::append_newest_first(letter* newest) noexcept {
    letter* const last = newest;
    letter* oldest = nullptr;
    while (newest != nullptr) {
        letter* const older = std::exchange(newest->next_, oldest);
        oldest = std::exchange(newest, older);
    }
    if (oldest != nullptr) {
        (empty() ? first_ : last_->next_) = oldest;
        last_ = last;
    }
}

letter* mailbox::letter_list::pop_front() noexcept {
    letter* const first = first_;
    if (first != nullptr) {
        first_ = first->next_;
    }
    return first;
}

// Once it is in the word the letter belongs to the hub, which may have destroyed it already.
bool mailbox::post(letter& added) noexcept {
    std::uintptr_t seen = word_.load();
    do {
        if ((seen & closed) != 0) {
            return false;
        }
        added.next_ = newest_in(seen);
    } while (!word_.compare_exchange_weak(seen, reinterpret_cast<std::uintptr_t>(&added)));
    if ((seen & asleep) != 0) {
        write_bell();
    }
    return true;
}

void mailbox::drop_remote() noexcept {
    if (remotes_.fetch_sub(1) == 1) {
        // The hub may have slept only because of this remote.
        ring();
    }
}

void mailbox::forked() noexcept {
    closed_ = true;
    word_.store(closed);
}

void mailbox::close_bell() noexcept {
    if (bell_ >= 0) {
        kernel().close(std::exchange(bell_, -1));
    }
}

void mailbox::ring() noexcept {
    rung_.store(true);
    if ((word_.fetch_and(~asleep) & asleep) != 0) {
        write_bell();
    }
}

void mailbox::write_bell() const noexcept {
    std::uint64_t const one = 1;
    if (kernel().write(bell_, &one, sizeof one) < 0) {
        // The last resort, also where a test lets every call fail: who is not woken sleeps for
        // ever.
        static_cast<void>(real_kernel().write(bell_, &one, sizeof one));
    }
}

// Leaves the marks that are given. Returns what was in the word.
std::uintptr_t mailbox::take_all(std::uintptr_t left) noexcept {
    std::uintptr_t const taken = word_.exchange(left);
    collected_.append_newest_first(newest_in(taken));
    return taken;
}

void mailbox::collect() noexcept {
    if (newest_in(word_.load(std::memory_order_relaxed)) != nullptr) {
        take_all(closed_ ? closed : 0);
    }
}

bool mailbox::fall_asleep() noexcept {
    std::uintptr_t awake = closed_ ? closed : 0;
    if (!collected_.empty() || rung_.exchange(false) ||
        !word_.compare_exchange_strong(awake, awake | asleep)) {
        return false;
    }
    // Whoever rings says so first and then looks for the mark: one of the two sees the other.
    if (!rung_.load()) {
        return true;
    }
    wake_up();
    return false;
}

bool mailbox::wake_up() noexcept {
    // The turn that follows looks at whatever the ring was for.
    static_cast<void>(rung_.exchange(false));
    return (take_all(closed_ ? closed : 0) & asleep) == 0;
}

bool mailbox::close() noexcept {
    closed_ = true;
    take_all(closed);
    return !collected_.empty();
}

void mailbox::close_for_good() noexcept {
    static_cast<void>(close());
    while (letter* const left = take()) {
        left->discard();
    }
}

}  // namespace detail

remote::remote(std::shared_ptr<detail::mailbox> box) noexcept : box_{std::move(box)} {
    box_->add_remote();
}

remote::remote(remote const& other) noexcept : box_{other.box_} {
    if (box_) {
        box_->add_remote();
    }
}

remote::~remote() {
    if (box_) {
        box_->drop_remote();
    }
}

bool remote::post(letter& added) const noexcept { return box_ != nullptr && box_->post(added); }

}  // namespace tendril
