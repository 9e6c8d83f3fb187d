// SPDX-License-Identifier: BSL-1.0
#pragma once

// The results of several tasks at once.
//
//     auto [x, y] = tendril::gather(t, u);                     // tasks of different types
//     auto [a, b] = tendril::gather([] { return load(1); }, [] { return load(2); });
//     std::vector<int> all = tendril::gather(tasks);           // a range of task<int>
//
//                     a child fails or was cancelled      the one who gathers is interrupted
//     gather          throws what the first failure in    cancels every child, waits for one of
//                     time has for a `get`, at once; the  those to end, and is interrupted
//                     others go on
//     gather_results  has it in its place                 the same, but waits for all of them
//
// What is given is a task, or a function that is spawned as one. Results stand in the order of the
// arguments, `std::monostate` where there is none; a task that is given twice runs once and fills
// both places. A result is copied from a handle that stays, and moved from one that does not and
// from a function's. Errors that nobody was told of, because another was thrown, count as asked
// for. Children that `gather` has not waited for may outlive the caller, so they must own what they
// use.

#include <tendril/task/completion_watch.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/task/task.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace tendril {

/// How one of several tasks has ended: with a value, or with an error. Switches: never.
template <typename T>
class gathered {
public:
    using value_type = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

    gathered(std::in_place_t, value_type value) : how_{std::in_place_index<0>, std::move(value)} {}
    explicit gathered(std::exception_ptr error) noexcept
        : how_{std::in_place_index<1>, std::move(error)} {}

    /// Says whether it has a value. Switches: never.
    bool succeeded() const noexcept { return how_.index() == 0; }

    /// The value. Throws: the error, when it has that. Switches: never.
    value_type& value() & {
        require_value();
        return *std::get_if<0>(&how_);
    }
    value_type const& value() const& {
        require_value();
        return *std::get_if<0>(&how_);
    }
    value_type value() && {
        require_value();
        return std::move(*std::get_if<0>(&how_));
    }

    /// The error, which is task_cancelled for a task that was cancelled; null when it has a value.
    /// Switches: never.
    std::exception_ptr error() const noexcept {
        return succeeded() ? nullptr : *std::get_if<1>(&how_);
    }

private:
    void require_value() const {
        if (!succeeded()) {
            std::rethrow_exception(error());
        }
    }

    std::variant<value_type, std::exception_ptr> how_;
};

namespace detail {

// Waits until all have returned, or throws what the first failure has.
void await_results(completion_watch& watch);
// Waits until all have ended.
void await_ends(completion_watch& watch);

template <typename T>
struct gather_part {
    static_assert(std::is_invocable_v<T>, "gather() takes tasks, and functions without parameters");
    using result = std::invoke_result_t<T>;
};
template <typename T>
struct gather_part<task<T>> {
    using result = T;
};
template <typename Given>
using gather_result_t = typename gather_part<std::remove_cvref_t<Given>>::result;

// A handle to what is given, and whether its result may be moved out.
template <typename T, bool Moves>
struct gather_child {
    using value_type = typename gathered<T>::value_type;
    static_assert(
        Moves || std::is_copy_constructible_v<value_type>,
        "this result cannot be copied: hand the task over, as in gather(std::move(t))");

    // Requires: it has returned.
    value_type take(bool is_last) {
        auto& result = static_cast<task_result<T>&>(handle.state()).result();
        if constexpr (!Moves) {
            return result;
        } else if constexpr (std::is_copy_constructible_v<value_type>) {
            return is_last ? value_type{std::move(result)} : value_type{result};
        } else {
            return value_type{std::move(result)};
        }
    }
    gathered<T> take_how(bool is_last) {
        if (std::exception_ptr error = handle.state().failure()) {
            return gathered<T>{std::move(error)};
        }
        return gathered<T>{std::in_place, take(is_last)};
    }

    task<T> handle;
};

template <typename Given>
auto make_gather_child(Given&& given) {
    using plain = std::remove_cvref_t<Given>;
    using result = gather_result_t<Given>;
    if constexpr (is_task<plain>) {
        // The handle is copied: it stays with whoever has it, if the wait fails.
        return gather_child<result, !std::is_lvalue_reference_v<Given>>{task<result>{given}};
    } else {
        return gather_child<result, true>{spawn(std::forward<Given>(given))};
    }
}

// Moving out of a task that stands in a later place as well would leave nothing for that.
template <std::size_t Index, typename Children>
bool is_last_place(Children const& children) {
    task_core const* const own = &std::get<Index>(children).handle.state();
    return [&]<std::size_t... Later>(std::index_sequence<Later...>) {
        return (... && (&std::get<Index + 1 + Later>(children).handle.state() != own));
    }
    (std::make_index_sequence<std::tuple_size_v<Children> - Index - 1>{});
}

template <typename... Given>
auto make_gather_children(Given&&... given) {
    // In braces, so that functions are spawned in the order in which they are written.
    return std::tuple<decltype(make_gather_child(std::forward<Given>(given)))...>{
        make_gather_child(std::forward<Given>(given))...};
}

template <typename Children>
void add_children(completion_watch& watch, Children const& children) {
    std::apply([&](auto const&... each) { (watch.add(each.handle.state()), ...); }, children);
}

// A range of tasks, or of functions.
template <typename Range>
class gather_row {
public:
    using given = std::ranges::range_reference_t<Range>;
    using result = gather_result_t<given>;
    // What is in a range that goes away may be moved out.
    static constexpr bool moves = !is_task<std::remove_cvref_t<given>> ||
        !std::is_lvalue_reference_v<Range>;

    gather_row(Range&& range, completion_watch& watch) {
        for (auto&& each : range) {
            if constexpr (is_task<std::remove_cvref_t<given>>) {
                children_.push_back({task<result>{each}});
            } else {
                children_.push_back({spawn(std::forward<decltype(each)>(each))});
            }
        }
        for (auto const& each : children_) {
            watch.add(each.handle.state());
        }
    }

    template <typename Take>
    auto take_all(completion_watch const& watch, Take take) {
        // Few ranges have a task twice; then all are copied.
        bool const each_once = watch.size() == watch.positions();
        std::vector<decltype(take(children_.front(), true))> all;
        all.reserve(children_.size());
        for (auto& each : children_) {
            all.push_back(take(each, each_once));
        }
        return all;
    }

private:
    std::vector<gather_child<result, moves>> children_;
};

template <typename... Given>
inline constexpr bool is_one_range = false;
template <typename Range>
inline constexpr bool is_one_range<Range> = std::ranges::input_range<Range> &&
    !std::is_invocable_v<Range>;

}  // namespace detail

/// Waits for the results of tasks, and of functions that it spawns in order, and returns them in
/// the order of the arguments: a `std::tuple`.
/// Throws: what the first of them that fails has for a `get`, without waiting for the others; what
/// was requested for the caller, and then every one is cancelled; wrong_thread for a task of
/// another thread; misuse for an empty handle and for the caller itself. Switches: may.
template <typename... Given>
requires(!detail::is_one_range<Given...>) auto gather(Given&&... given) {
    auto children = detail::make_gather_children(std::forward<Given>(given)...);
    detail::completion_watch watch{"gather"};
    detail::add_children(watch, children);
    detail::await_results(watch);
    return [&]<std::size_t... Index>(std::index_sequence<Index...>) {
        return std::tuple<typename gathered<detail::gather_result_t<Given>>::value_type...>{
            std::get<Index>(children).take(detail::is_last_place<Index>(children))...};
    }
    (std::index_sequence_for<Given...>{});
}

/// As above, for a range of tasks, or of functions: a `std::vector`. Switches: may.
template <typename Range>
requires detail::is_one_range<Range>
auto gather(Range&& range) {
    detail::completion_watch watch{"gather"};
    detail::gather_row<Range> row{std::forward<Range>(range), watch};
    detail::await_results(watch);
    return row.take_all(watch, [](auto& child, bool is_last) { return child.take(is_last); });
}

/// Waits until all have ended, and returns how each of them has: a tuple of `gathered<T>`. It
/// throws no error of a task; the others as above. Switches: may.
template <typename... Given>
requires(!detail::is_one_range<Given...>) auto gather_results(Given&&... given) {
    auto children = detail::make_gather_children(std::forward<Given>(given)...);
    detail::completion_watch watch{"gather_results"};
    detail::add_children(watch, children);
    detail::await_ends(watch);
    return [&]<std::size_t... Index>(std::index_sequence<Index...>) {
        return std::tuple<gathered<detail::gather_result_t<Given>>...>{
            std::get<Index>(children).take_how(detail::is_last_place<Index>(children))...};
    }
    (std::index_sequence_for<Given...>{});
}

/// As above, for a range: a vector of `gathered<T>`. Switches: may.
template <typename Range>
requires detail::is_one_range<Range>
auto gather_results(Range&& range) {
    detail::completion_watch watch{"gather_results"};
    detail::gather_row<Range> row{std::forward<Range>(range), watch};
    detail::await_ends(watch);
    return row.take_all(watch, [](auto& child, bool is_last) { return child.take_how(is_last); });
}

}  // namespace tendril
