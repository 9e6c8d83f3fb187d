// SPDX-License-Identifier: BSL-1.0
#include "descriptor_set.hpp"
#include "reactor.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>

#include <cerrno>
#include <system_error>

namespace tendril {
namespace {

using detail::direction;

class descriptor_waiter final : public waiter, private detail::descriptor_wait {
public:
    descriptor_waiter(int descriptor, direction wanted)
        : waiter{wanted == direction::reading ? "a descriptor to read" : "a descriptor to write"},
          descriptor_wait{descriptor, wanted} {}
    ~descriptor_waiter() = default;

    // Returns whether the descriptor is ready.
    bool await(deadline limit) {
        if (!begin()) {
            return true;
        }
        bool ready = false;
        try {
            ready = park_until(limit);
        } catch (...) {
            // A wait that was refused has not left the set by itself.
            home().reactor().remove(*this);
            throw;
        }
        if (called_off_) {
            throw std::system_error{
                std::make_error_code(std::errc::operation_canceled),
                "the waits for this descriptor were called off, because it is to be closed"};
        }
        return ready;
    }

private:
    // Returns false when the kernel does not watch such a file, because it is always ready.
    bool begin() {
        try {
            home().reactor().add(*this);
            return true;
        } catch (std::system_error const& error) {
            if (error.code() == std::errc::operation_not_permitted) {
                return false;
            }
            throw;
        }
    }

    void over(bool called_off) noexcept override {
        called_off_ = called_off;
        wake();
    }
    bool withdraw() noexcept override {
        home().reactor().remove(*this);
        return true;
    }

    bool called_off_ = false;
};

bool await(int descriptor, direction wanted, deadline limit) {
    check_interruption();
    return descriptor_waiter{descriptor, wanted}.await(limit);
}

}  // namespace

void wait_readable(int descriptor) { wait_readable_until(descriptor, deadline::never()); }

bool wait_readable_until(int descriptor, deadline limit) {
    return await(descriptor, direction::reading, limit);
}

void wait_writable(int descriptor) { wait_writable_until(descriptor, deadline::never()); }

bool wait_writable_until(int descriptor, deadline limit) {
    return await(descriptor, direction::writing, limit);
}

int call_off_waits(int descriptor) { return this_hub().reactor().call_off(descriptor); }

}  // namespace tendril
