// SPDX-License-Identifier: BSL-1.0
#pragma once

// The one door into a hub that other threads may use.
//
//     tendril::remote door = tendril::this_hub().remote();
//     std::thread{[door] { door.post([] { … }); }}.detach();
//
// Posted functions run in the hub, in the order in which they were posted, and must not park. A
// post wakes a sleeping hub; a burst of posts wakes it once. After the hub has closed a post
// returns false and the function is dropped.
//
// While a remote exists, the hub believes that it may still be woken, and a main greenlet that
// waits is not told that it would wait for ever.

#include <tendril/support/unique_function.hpp>

#include <memory>
#include <utility>

namespace tendril {

namespace detail {
class mailbox;
}

class remote {
public:
    /// Makes a door to nowhere: every post returns false.
    remote() noexcept = default;
    remote(remote const& other) noexcept;
    remote(remote&& other) noexcept = default;
    remote& operator=(remote other) noexcept {
        std::swap(box_, other.box_);
        return *this;
    }
    ~remote();

    /// Makes the hub call `function` soon. Returns whether it will be called; false once the hub
    /// has closed. Throws: std::bad_alloc. Switches: never. Thread: any.
    bool post(unique_function<void()> function) const;

private:
    friend class hub;
    explicit remote(std::shared_ptr<detail::mailbox> box) noexcept;

    std::shared_ptr<detail::mailbox> box_;
};

}  // namespace tendril
