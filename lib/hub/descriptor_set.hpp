// SPDX-License-Identifier: BSL-1.0
#pragma once

// The descriptors of user programs that somebody waits for: an epoll instance inside the reactor's.
//
// Asio could watch such a descriptor itself, but would make it non-blocking, refuse one that it
// watches already for somebody else, and answer a cancelled wait only later. A set of our own does
// neither: adding and removing are one system call each, and a wait that has been removed hears
// nothing any more. The set is a descriptor too, which is readable when any in it is ready, and
// Asio waits for that.
//
// Invariants:
// 1. A descriptor is in the kernel's set exactly while a wait for it is here, for the directions
//    that are waited for.
// 2. At most one wait is here for a direction of a descriptor.

#include <cstdint>
#include <unordered_map>

namespace tendril::detail {

enum class direction : std::uint8_t { reading, writing };

/// One wait for one direction of a descriptor.
class descriptor_wait {
public:
    descriptor_wait(int descriptor, direction wanted) noexcept
        : descriptor_{descriptor},
          wanted_{wanted} {}
    descriptor_wait(descriptor_wait const&) = delete;
    descriptor_wait& operator=(descriptor_wait const&) = delete;

    int descriptor() const noexcept { return descriptor_; }
    direction wanted() const noexcept { return wanted_; }

protected:
    ~descriptor_wait() = default;

private:
    friend class descriptor_set;

    /// The wait is over and no longer in the set. Must not park.
    virtual void over(bool called_off) noexcept = 0;

    int descriptor_;
    direction wanted_;
};

class descriptor_set {
public:
    descriptor_set() noexcept = default;
    descriptor_set(descriptor_set const&) = delete;
    descriptor_set& operator=(descriptor_set const&) = delete;
    ~descriptor_set();

    /// Throws: std::system_error, and then nothing has changed; std::bad_alloc.
    void add(descriptor_wait& added);
    void remove(descriptor_wait& removed) noexcept;
    int call_off(int descriptor) noexcept;
    bool empty() const noexcept { return waits_.empty(); }

    /// The kernel's set. Requires: something has been added since the beginning or the last fork.
    int descriptor() const noexcept { return set_; }

    /// Tells those whose descriptor is ready, a bounded number of them, and removes them.
    void tell_ready() noexcept;

    /// The set is the parent's: forgets everything.
    void forked() noexcept;

private:
    struct pair {
        descriptor_wait* reader = nullptr;
        descriptor_wait* writer = nullptr;
        descriptor_wait*& of(direction wanted) noexcept {
            return wanted == direction::reading ? reader : writer;
        }
        bool empty() const noexcept { return reader == nullptr && writer == nullptr; }
    };

    int change(int operation, int descriptor, pair const& wanted) noexcept;
    void end(int descriptor, direction which, bool called_off) noexcept;
    void tell_all() noexcept;

    int set_ = -1;
    std::unordered_map<int, pair> waits_;
};

}  // namespace tendril::detail
