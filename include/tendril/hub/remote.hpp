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
// A post allocates one block, which holds the function, and nothing else. How many functions may
// wait is not limited: who can post faster than the hub works needs a bound of its own, for example
// a `shared_semaphore` that the posted function releases. However many there are, the hub calls as
// many in a turn as its budget has steps, and then lets greenlets run.
//
// While a remote exists, the hub believes that it may still be woken, and a main greenlet that
// waits is not told that it would wait for ever.

#include <tendril/support/unique_function.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace tendril {

class hub;

namespace detail {
class mailbox;
}

/// What can be posted without an allocation: it lives in the object of whoever posts. For
/// primitives between threads (sync/shared.hpp); everybody else posts functions.
class letter {
public:
    letter(letter const&) = delete;
    letter& operator=(letter const&) = delete;

protected:
    letter() noexcept = default;
    ~letter() = default;

private:
    friend class detail::mailbox;
    friend class hub;

    /// Is called once, in the hub, and must not park. The hub does not touch the letter any more.
    /// What it throws is reported.
    virtual void open() = 0;
    /// Is called in place of `open` when the hub has ended before. Thread: any.
    virtual void discard() noexcept = 0;

    letter* next_ = nullptr;
};

namespace detail {

template <typename F>
concept callable_without_arguments = std::is_invocable_v < std::decay_t<F>
& > ;

// A posted function, with the one allocation that a post makes.
template <typename F>
class posted_function final : public letter {
public:
    template <typename Given>
    explicit posted_function(Given&& given) : function_(std::forward<Given>(given)) {}

private:
    void open() override {
        std::unique_ptr<posted_function> const until_called{this};
        function_();
    }
    void discard() noexcept override { delete this; }

    F function_;
};

}  // namespace detail

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
    template <detail::callable_without_arguments F>
    bool post(F&& function) const {
        if (box_ == nullptr) {
            return false;
        }
        using posted = detail::posted_function<std::decay_t<F>>;
        auto added = std::make_unique<posted>(std::forward<F>(function));
        if (!post(static_cast<letter&>(*added))) {
            return false;
        }
        static_cast<void>(added.release());
        return true;
    }

    /// Makes the hub open `added` soon. Returns whether it will; false once the hub has closed, and
    /// then the letter is still the caller's. Requires: not posted, and alive until it is opened or
    /// discarded. Switches: never. Thread: any.
    bool post(letter& added) const noexcept;

private:
    friend class hub;
    explicit remote(std::shared_ptr<detail::mailbox> box) noexcept;

    std::shared_ptr<detail::mailbox> box_;
};

}  // namespace tendril
