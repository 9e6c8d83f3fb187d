// SPDX-License-Identifier: BSL-1.0
#pragma once

// One deep call on a large stack, made by a greenlet that has a small one.
//
//     std::smatch found;
//     bool matches = tendril::on_big_stack([&] { return std::regex_match(text, found, pattern); });
//
// Regular expressions, name look-ups, interpreters and other C libraries may need more stack than a
// greenlet has. The call is made on a pooled stack of 8 MiB, and is an ordinary call in every other
// way: the same greenlet is running, it may switch and wait in there, what it throws is caught by
// its caller, and being ended unwinds the large stack first and the small one then.

#include <tendril/greenlet/thread_record.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace tendril {

/// How much room `on_big_stack` gives, unless told otherwise, in bytes.
inline constexpr std::size_t big_stack_size = std::size_t{8} * 1024 * 1024;

namespace detail {

void call_on_big_stack(std::size_t size, void (*call)(void*), void* argument);

template <typename F>
void call_it(void* function) {
    static_cast<void>((*static_cast<F*>(function))());
}

}  // namespace detail

/// Calls `function` on a stack with room for `size` bytes and returns what it returns.
/// Throws: stack_exhausted, and then nothing was called; misuse for more than 1 GiB; what the
/// function throws. Switches: may, if the function does. Thread: any that runs greenlets.
template <typename F>
std::invoke_result_t<F&> on_big_stack(F&& function, std::size_t size = big_stack_size) {
    using result = std::invoke_result_t<F&>;
    if constexpr (std::is_void_v<result>) {
        using callable = std::remove_reference_t<F>;
        auto* const called = const_cast<std::remove_const_t<callable>*>(std::addressof(function));
        detail::call_on_big_stack(size, &detail::call_it<callable>, called);
    } else if constexpr (std::is_reference_v<result>) {
        std::remove_reference_t<result>* answer = nullptr;
        auto keep = [&] { answer = std::addressof(function()); };
        detail::call_on_big_stack(size, &detail::call_it<decltype(keep)>, &keep);
        return static_cast<result>(*answer);
    } else {
        std::optional<result> answer;
        auto keep = [&] { answer.emplace(function()); };
        detail::call_on_big_stack(size, &detail::call_it<decltype(keep)>, &keep);
        return *std::move(answer);
    }
}

}  // namespace tendril
