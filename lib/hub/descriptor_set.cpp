// SPDX-License-Identifier: BSL-1.0
#include "descriptor_set.hpp"

#include <tendril/support/error.hpp>
#include <tendril/support/system_calls.hpp>

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace tendril::detail {
namespace {

constexpr int most_events = 64;

std::system_error failure(int code, char const* what) {
    return std::system_error{code, std::generic_category(), what};
}

}  // namespace

descriptor_set::~descriptor_set() {
    if (set_ >= 0) {
        kernel().close(set_);
    }
}

// Returns 0, or the code of the error.
int descriptor_set::change(int operation, int descriptor, pair const& wanted) noexcept {
    epoll_event event{};
    event.events = (wanted.reader != nullptr ? std::uint32_t{EPOLLIN | EPOLLRDHUP} : 0u) |
        (wanted.writer != nullptr ? std::uint32_t{EPOLLOUT} : 0u);
    event.data.fd = descriptor;
    return kernel().epoll_ctl(set_, operation, descriptor, &event) == 0 ? 0 : errno;
}

void descriptor_set::add(descriptor_wait& added) {
    if (set_ < 0) {
        set_ = kernel().epoll_create1(EPOLL_CLOEXEC);
        if (set_ < 0) {
            throw failure(errno, "tendril: no descriptor left to wait for others");
        }
    }
    int const descriptor = added.descriptor();
    auto const [found, is_new] = waits_.try_emplace(descriptor);
    pair& present = found->second;
    if (present.of(added.wanted()) != nullptr) {
        throw std::system_error{
            make_error_code(errc::busy), "wait for descriptor " + std::to_string(descriptor)};
    }
    present.of(added.wanted()) = &added;
    int error = change(is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, present);
    if (error == ENOENT && !is_new) {
        // It was closed while somebody waited for it, and the number stands for another file, which
        // is not what that one waits for.
        direction const other = added.wanted() == direction::reading ? direction::writing
                                                                     : direction::reading;
        end(descriptor, other, true);
        error = change(EPOLL_CTL_ADD, descriptor, present);
    } else if (error == EEXIST) {
        // A file that was closed under this number is still open elsewhere.
        error = change(EPOLL_CTL_MOD, descriptor, present);
    }
    if (error != 0) {
        present.of(added.wanted()) = nullptr;
        if (present.empty()) {
            waits_.erase(found);
        }
        throw failure(error, "tendril: this descriptor cannot be waited for");
    }
}

void descriptor_set::remove(descriptor_wait& removed) noexcept {
    int const descriptor = removed.descriptor();
    auto const found = waits_.find(descriptor);
    if (found == waits_.end() || found->second.of(removed.wanted()) != &removed) {
        return;
    }
    found->second.of(removed.wanted()) = nullptr;
    // It may have been closed meanwhile, and then it has left the kernel's set by itself.
    if (found->second.empty()) {
        static_cast<void>(change(EPOLL_CTL_DEL, descriptor, found->second));
        waits_.erase(found);
    } else {
        static_cast<void>(change(EPOLL_CTL_MOD, descriptor, found->second));
    }
}

void descriptor_set::end(int descriptor, direction which, bool called_off) noexcept {
    auto const found = waits_.find(descriptor);
    if (found != waits_.end() && found->second.of(which) != nullptr) {
        descriptor_wait& over = *found->second.of(which);
        remove(over);
        over.over(called_off);
    }
}

int descriptor_set::call_off(int descriptor) noexcept {
    auto const found = waits_.find(descriptor);
    if (found == waits_.end()) {
        return 0;
    }
    int const waiting = (found->second.reader != nullptr ? 1 : 0) +
        (found->second.writer != nullptr ? 1 : 0);
    end(descriptor, direction::reading, true);
    end(descriptor, direction::writing, true);
    return waiting;
}

void descriptor_set::tell_ready() noexcept {
    std::array<epoll_event, most_events> events;
    int const ready = kernel().epoll_wait(set_, events.data(), most_events, 0);
    if (ready < 0 && errno != EINTR) {
        // The set stays readable and says nothing: whoever waits asks for himself.
        tell_all();
    }
    for (int index = 0; index < ready; ++index) {
        epoll_event const& event = events[static_cast<std::size_t>(index)];
        // An error or a hang-up ends both waits: the read or write that follows reports it.
        bool const broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
        if (broken || (event.events & (EPOLLIN | EPOLLRDHUP)) != 0) {
            end(event.data.fd, direction::reading, false);
        }
        if (broken || (event.events & EPOLLOUT) != 0) {
            end(event.data.fd, direction::writing, false);
        }
    }
}

void descriptor_set::tell_all() noexcept {
    while (!waits_.empty()) {
        int const descriptor = waits_.begin()->first;
        end(descriptor, direction::reading, false);
        end(descriptor, direction::writing, false);
    }
}

void descriptor_set::forked() noexcept {
    waits_.clear();
    if (set_ >= 0) {
        kernel().close(std::exchange(set_, -1));
    }
}

}  // namespace tendril::detail
