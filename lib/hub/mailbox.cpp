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

mailbox::~mailbox() { kernel().close(bell_); }

void mailbox::letter_list::push_back(letter& added) noexcept {
    added.next_ = nullptr;
    (empty() ? first_ : last_->next_) = &added;
    last_ = &added;
}

void mailbox::letter_list::append_all_of(letter_list& other) noexcept {
    if (!other.empty()) {
        (empty() ? first_ : last_->next_) = other.first_;
        last_ = other.last_;
        other = {};
    }
}

letter* mailbox::letter_list::pop_front() noexcept {
    letter* const first = first_;
    if (first != nullptr) {
        first_ = first->next_;
    }
    return first;
}

// Once the mutex is free the letter belongs to the hub, which may have destroyed it already.
bool mailbox::post(letter& added) noexcept {
    bool write = false;
    {
        std::lock_guard const lock{mutex_};
        if (closed_) {
            return false;
        }
        mail_.push_back(added);
        has_mail_.store(true, std::memory_order_relaxed);
        write = asleep_ && must_write();
    }
    if (write) {
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
    ::new (static_cast<void*>(&mutex_)) std::mutex;
    closed_ = true;
    asleep_ = false;
}

void mailbox::ring() noexcept {
    bool write = false;
    {
        std::lock_guard const lock{mutex_};
        write = must_write();
    }
    if (write) {
        write_bell();
    }
}

// The first to ring since the hub fell asleep writes. It does so without the mutex: the hub, which
// wakes at once, would find it locked.
bool mailbox::must_write() noexcept {
    bool const first = !std::exchange(rung_, true);
    return asleep_ && first;
}

void mailbox::write_bell() const noexcept {
    std::uint64_t const one = 1;
    static_cast<void>(kernel().write(bell_, &one, sizeof one));
}

void mailbox::collect() noexcept {
    if (has_mail_.load(std::memory_order_relaxed)) {
        std::lock_guard const lock{mutex_};
        collect_locked();
    }
}

// Requires: the mutex.
void mailbox::collect_locked() noexcept {
    has_mail_.store(false, std::memory_order_relaxed);
    collected_.append_all_of(mail_);
}

bool mailbox::fall_asleep() noexcept {
    std::lock_guard const lock{mutex_};
    asleep_ = collected_.empty() && mail_.empty() && !std::exchange(rung_, false);
    return asleep_;
}

void mailbox::wake_up() noexcept {
    std::lock_guard const lock{mutex_};
    asleep_ = false;
    // The turn that follows looks at whatever the ring was for.
    rung_ = false;
    collect_locked();
}

bool mailbox::close() noexcept {
    std::lock_guard const lock{mutex_};
    closed_ = true;
    return !collected_.empty() || !mail_.empty();
}

void mailbox::close_for_good() noexcept {
    static_cast<void>(close());
    collect();
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
