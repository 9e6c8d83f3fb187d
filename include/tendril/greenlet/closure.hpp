// SPDX-License-Identifier: BSL-1.0
#pragma once

// From a callable to the function of a greenlet.
//
//     [](int x, std::string s) -> double { … }     the first switch must carry an int and a string
//     [] { … }                                     the first switch must carry nothing
//     [](value first) { … }                        the first switch may carry anything
//
// The parameters are read off the callable's call operator, so there must be exactly one: a generic
// lambda does not say what it wants, and is refused with that explanation.

#include <tendril/greenlet/control_block.hpp>
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/greenlet/value.hpp>
#include <tendril/support/small_memory.hpp>

#include <cstddef>
#include <exception>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

namespace tendril::detail {

template <typename... Args>
struct parameter_list {};

template <typename F>
struct parameters_of_member;
template <typename R, typename C, typename... Args>
struct parameters_of_member<R (C::*)(Args...)> {
    using type = parameter_list<std::decay_t<Args>...>;
};
template <typename R, typename C, typename... Args>
struct parameters_of_member<R (C::*)(Args...) const> : parameters_of_member<R (C::*)(Args...)> {};
template <typename R, typename C, typename... Args>
struct parameters_of_member<R (C::*)(Args...) noexcept> : parameters_of_member<R (C::*)(Args...)> {
};
template <typename R, typename C, typename... Args>
struct parameters_of_member<R (C::*)(Args...) const noexcept>
    : parameters_of_member<R (C::*)(Args...)> {};

template <typename F>
concept has_one_call_operator = requires {
    &F::operator();
};

template <typename F>
struct parameters_of {
    static_assert(
        has_one_call_operator<F>,
        "a greenlet reads the types of its first values off its function: give every parameter a "
        "type (no `auto`), or take a single `tendril::value` and ask it");
    using type = typename parameters_of_member<decltype(&F::operator())>::type;
};
template <typename R, typename... Args>
struct parameters_of<R (*)(Args...)> {
    using type = parameter_list<std::decay_t<Args>...>;
};
template <typename R, typename... Args>
struct parameters_of<R (*)(Args...) noexcept> : parameters_of<R (*)(Args...)> {};

template <typename F>
class closure final : public greenlet_body, public lives_in_small_memory {
public:
    /// Keeps what `function` is moved or copied to.
    template <typename Source>
    requires(!std::is_same_v<std::remove_cvref_t<Source>, closure>) explicit closure(
        Source&& function)
        : function_(std::forward<Source>(function)) {}

    value run(value first) override {
        return call(std::move(first), typename parameters_of<F>::type{});
    }
    void abandon(std::exception_ptr) noexcept override {}
    void dispose() noexcept override { delete this; }

private:
    value call(value first, parameter_list<value>) {
        return returned([&]() -> decltype(auto) { return function_(std::move(first)); });
    }
    value call(value first, parameter_list<>) {
        first.as<>();
        return returned([&]() -> decltype(auto) { return function_(); });
    }
    template <typename Arg>
    value call(value first, parameter_list<Arg>) {
        Arg argument = first.as<Arg>();
        return returned([&]() -> decltype(auto) { return function_(std::move(argument)); });
    }
    template <typename... Args>
    value call(value first, parameter_list<Args...>) {
        std::tuple<Args...> arguments = first.as<Args...>();
        return returned(
            [&]() -> decltype(auto) { return std::apply(function_, std::move(arguments)); });
    }

    template <typename Call>
    static value returned(Call&& call) {
        using result = std::invoke_result_t<Call&>;
        if constexpr (std::is_void_v<result>) {
            call();
            return value{};
        } else if constexpr (std::is_same_v<std::remove_cvref_t<result>, value>) {
            return call();
        } else {
            return value{call()};
        }
    }

    F function_;
};

}  // namespace tendril::detail
