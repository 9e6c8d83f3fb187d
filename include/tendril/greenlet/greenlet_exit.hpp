// SPDX-License-Identifier: BSL-1.0
#pragma once

// The exception that asks a greenlet to end quietly.
//
// It is thrown into a greenlet by `throw_into()`, when the last handle to it goes away, and when
// its hub closes. It does not derive from `std::exception`, so that `catch (std::exception&)` lets
// it pass. When it leaves the greenlet's function, nothing has failed: the greenlet is dead and its
// parent receives the exit as an ordinary value. A class derived from it counts as it.
//
// A `catch (...)` that must see everything rethrows what it caught.

#include <exception>

namespace tendril {

class greenlet_exit {
public:
    greenlet_exit() noexcept = default;
    greenlet_exit(greenlet_exit const&) noexcept = default;
    greenlet_exit& operator=(greenlet_exit const&) noexcept = default;
    virtual ~greenlet_exit() = default;
};

namespace detail {
/// Says whether an error is a `greenlet_exit`. Switches: never.
bool is_exit(std::exception_ptr const& error) noexcept;
}  // namespace detail

}  // namespace tendril
