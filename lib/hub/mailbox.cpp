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

bool mailbox::post(unique_function<void()> function) {
    std::lock_guard const lock{mutex_};
    if (closed_) {
        return false;
    }
    mail_.push_back(std::move(function));
    has_mail_.store(true, std::memory_order_relaxed);
    ring_locked();
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
    std::lock_guard const lock{mutex_};
    ring_locked();
}

void mailbox::ring_locked() noexcept {
    bool const first = !std::exchange(rung_, true);
    if (asleep_ && first) {
        std::uint64_t const one = 1;
        static_cast<void>(kernel().write(bell_, &one, sizeof one));
    }
}

std::vector<unique_function<void()>> mailbox::take_mail() noexcept {
    std::lock_guard const lock{mutex_};
    has_mail_.store(false, std::memory_order_relaxed);
    return std::exchange(mail_, {});
}

bool mailbox::fall_asleep() noexcept {
    std::lock_guard const lock{mutex_};
    asleep_ = mail_.empty() && !std::exchange(rung_, false);
    return asleep_;
}

void mailbox::wake_up() noexcept {
    std::lock_guard const lock{mutex_};
    asleep_ = false;
}

bool mailbox::close() noexcept {
    std::lock_guard const lock{mutex_};
    closed_ = true;
    return !mail_.empty();
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

bool remote::post(unique_function<void()> function) const {
    return box_ != nullptr && box_->post(std::move(function));
}

}  // namespace tendril
