// SPDX-License-Identifier: BSL-1.0
#pragma once

// The beginning and the end of a program of greenlets.
//
//     int main() {
//         return tendril::run([] {
//             tendril::sleep_for(1s);
//             return 0;
//         });
//     }
//
// The function is the main greenlet of its hub. It runs on the caller's own stack and may do all
// that greenlets do. When it returns, or throws, every other greenlet of the thread is ended with
// the loop turning, and only then does `run` return, or throw on.

#include <tendril/hub/hub.hpp>

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace tendril {

namespace detail {

// Opens a hub, and closes it again.
class run_scope {
public:
    explicit run_scope(hub_options const* options);
    run_scope(run_scope const&) = delete;
    run_scope& operator=(run_scope const&) = delete;
    ~run_scope();

private:
    std::unique_ptr<hub> own_;
};

}  // namespace detail

/// Runs `main` with a hub and returns what it returns. Everything else that still lives on this
/// thread is ended before. Uses the hub that the thread has made by itself, if there is one.
/// Throws: what `main` throws; misuse when a `run` is under way on this thread. Switches: may.
template <typename F>
std::invoke_result_t<F> run(F&& main) {
    detail::run_scope const scope{nullptr};
    return std::invoke(std::forward<F>(main));
}

/// As above, with a hub that is made as told. Throws: also misuse when the thread has a hub.
template <typename F>
std::invoke_result_t<F> run(hub_options const& options, F&& main) {
    detail::run_scope const scope{&options};
    return std::invoke(std::forward<F>(main));
}

}  // namespace tendril
