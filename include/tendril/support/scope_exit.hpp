// SPDX-License-Identifier: BSL-1.0
#pragma once

// Run a piece of code when the scope ends, however it ends.
//
//     tendril::scope_exit restore{[&] { current = previous; }};
//
// Use it where a class with a destructor would have one user. The code must not throw.

#include <utility>

namespace tendril {

template <typename F>
class scope_exit {
public:
    /// Keeps `action` and runs it once, when this object is destroyed.
    explicit scope_exit(F action) : action_{std::move(action)} {}
    scope_exit(scope_exit const&) = delete;
    scope_exit& operator=(scope_exit const&) = delete;
    ~scope_exit() {
        if (armed_) {
            action_();
        }
    }

    /// Forgets the action: the scope now ends without it.
    void dismiss() noexcept { armed_ = false; }

private:
    F action_;
    bool armed_ = true;
};

}  // namespace tendril
