// SPDX-License-Identifier: BSL-1.0
#pragma once

// A function that the hub calls later, and the handle that takes the call back.
//
//     auto again = hub.call_later(1s, [] { … });
//     again.cancel();
//
// The function runs on the hub's stack, between greenlets, and must not park. Dropping the handle
// changes nothing: the hub holds the call until it is made or cancelled.

#include <tendril/hub/alarm.hpp>
#include <tendril/support/intrusive_list.hpp>
#include <tendril/support/unique_function.hpp>

#include <cstdint>
#include <source_location>
#include <utility>

namespace tendril {

/// One call to come. It is in the ready queue, or its alarm is armed, or it is over.
class callback final : public list_hook<>, private alarm {
public:
    /// Keeps the function until the call. Switches: never.
    explicit callback(
        unique_function<void()> function, std::source_location const& origin = {}) noexcept
        : function_{std::move(function)},
          origin_{origin} {}

private:
    friend class callback_handle;
    friend class hub;
    friend class ready_queue;
    ~callback() = default;
    void expire() noexcept override;

    unique_function<void()> function_;
    std::source_location origin_;
    // How many greenlets had been queued when this was queued.
    std::uint64_t position_ = 0;
    // One for the hub while the call is to come, one for each handle.
    std::uint32_t references_ = 0;
};

/// Takes a call back. Copies are handles to the same call. Thread: the hub's.
class callback_handle {
public:
    /// Makes a handle to nothing.
    callback_handle() noexcept = default;
    explicit callback_handle(callback& named) noexcept;
    callback_handle(callback_handle const& other) noexcept;
    callback_handle(callback_handle&& other) noexcept;
    callback_handle& operator=(callback_handle other) noexcept;
    ~callback_handle();

    /// Makes sure that the function is not called from now on, and frees it. Returns false when it
    /// has been called or cancelled before. Switches: never.
    bool cancel() noexcept;

    /// Says whether the call is still to come. Switches: never.
    bool pending() const noexcept;

    /// Says whether the hub goes on for the sake of this call, as it does unless told otherwise.
    /// Does nothing for a call that is queued already: that will be made. Switches: never.
    void set_reference(reference kind) noexcept;

    /// Where the call was asked for; line 0 for a handle to nothing. Switches: never.
    std::source_location origin() const noexcept;

private:
    callback* named_ = nullptr;
};

}  // namespace tendril
