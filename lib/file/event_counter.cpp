// SPDX-License-Identifier: BSL-1.0
#include <tendril/file/event_counter.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/stream_state.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <fcntl.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <system_error>

namespace tendril {
namespace {

[[noreturn]] void throw_for_counter(char const* what) {
    throw system_error{detail::last_system_error(), what};
}

}  // namespace

event_counter::event_counter(event_counter_options const& options)
    : descriptor_{kernel().eventfd(
          options.initial, EFD_CLOEXEC | EFD_NONBLOCK | (options.semaphore ? EFD_SEMAPHORE : 0))} {
    if (descriptor_ == -1) {
        throw_for_counter("cannot make an event counter");
    }
}

event_counter& event_counter::operator=(event_counter&& other) noexcept {
    event_counter const old{std::move(*this)};
    descriptor_ = std::exchange(other.descriptor_, -1);
    return *this;
}

event_counter::~event_counter() {
    if (descriptor_ != -1) {
        if (hub::of(this_thread()) != nullptr) {
            call_off_waits(descriptor_);
        }
        kernel().close(descriptor_);
    }
}

event_counter event_counter::adopt(int descriptor) {
    event_counter made{adopted{descriptor}};
    int const flags = kernel().fcntl(descriptor, F_GETFL, 0);
    if (flags < 0 || kernel().fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0) {
        throw_for_counter("cannot adopt a descriptor as an event counter");
    }
    return made;
}

void event_counter::add(std::uint64_t number) {
    ssize_t done = 0;
    do {
        done = kernel().write(descriptor_, &number, sizeof number);
    } while (done < 0 && errno == EINTR);
    if (done < 0) {
        throw_for_counter("event_counter::add");
    }
}

std::optional<std::uint64_t> event_counter::try_wait() {
    std::uint64_t number = 0;
    ssize_t done = 0;
    do {
        done = kernel().read(descriptor_, &number, sizeof number);
    } while (done < 0 && errno == EINTR);
    if (done == sizeof number) {
        return number;
    }
    if (!detail::would_block(errno)) {
        throw_for_counter("event_counter::wait");
    }
    return {};
}

std::uint64_t event_counter::wait() { return *wait_until(deadline::never()); }

std::optional<std::uint64_t> event_counter::wait_until(deadline limit) {
    check_interruption();
    while (true) {
        if (auto const number = try_wait()) {
            detail::account_for_success(this_hub(), detail::io_steps);
            return number;
        }
        try {
            if (!wait_readable_until(descriptor_, limit)) {
                return {};
            }
        } catch (std::system_error const& error) {
            bool const closed = error.code() == std::errc::operation_canceled;
            throw system_error{
                closed ? io_error(errc::closed) : error_code{error.code()}, "event_counter::wait"};
        }
    }
}

}  // namespace tendril
