// SPDX-License-Identifier: BSL-1.0
#pragma once

// A variable whose value flows from a task to the tasks that it spawns.
//
//     tendril::context_var<std::string> request{"none"};
//
//     auto const scope = request.set_in_scope("42");       // until the end of this block
//     auto t = tendril::spawn([] { return request.get(); });
//     t.get();                                             // "42"
//
// Each greenlet carries a set of values. A task begins with the set that its spawner carries at the
// call of `spawn`; later changes of the one are not seen by the other. The set is shared until one
// of them changes it, so inheriting costs the spawner one count, and nothing when no variable is
// set.
//
//     made by                                begins with
//     spawn, and all that spawns tasks       what its spawner carries
//     run_in_thread and pools of threads     the same, while the job runs
//     greenlet by hand, spawn_raw            nothing
//     call_soon, posts, links, handlers      nothing: they run in the hub, which carries nothing
//
// Values are never changed in place: two threads may read one that a job has inherited. A look-up
// walks the values that are set, so it suits a handful of variables. A value that is not inherited
// belongs into a `greenlet_local`. A context is what `context_of` and `set_context` of
// greenlet/context_carrier.hpp give and take.

#include <tendril/greenlet/context_carrier.hpp>
#include <tendril/support/assert.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace tendril {

namespace detail {

using context_value = std::shared_ptr<void const>;

/// A number for a new variable, never used again. Switches: never. Thread: any.
std::uint64_t new_context_variable() noexcept;

/// The value that the running greenlet carries for a variable, or null. Switches: never.
void const* find_in_context(std::uint64_t variable) noexcept;

/// Gives the running greenlet a value to carry, or none, and returns what it was before.
/// Throws: std::bad_alloc; misuse when it carries a set of another kind. Switches: never.
context_value put_in_context(std::uint64_t variable, context_value value);

/// Refuses to leave something in the context of the hub. Throws: misuse in a callback of a hub.
/// Switches: never.
void require_own_context();

}  // namespace detail

/// What a variable was before a `set`, for `reset`.
class context_token {
public:
    context_token(context_token&&) noexcept = default;
    context_token& operator=(context_token&&) noexcept = default;

private:
    template <typename T>
    friend class context_var;

    context_token(std::uint64_t variable, detail::context_value previous)
        : variable_{variable},
          setter_{greenlet::current()},
          previous_{std::move(previous)} {}

    std::uint64_t variable_;
    greenlet_ref setter_;
    detail::context_value previous_;
    bool used_ = false;
};

/// Makes a variable have another value until the end of a block. It stays in the frame of the
/// greenlet that made it.
class [[nodiscard]] context_scope {
public:
    /// Sets it. Throws: std::bad_alloc; misuse when the greenlet carries a set of another kind.
    /// Switches: never.
    context_scope(std::uint64_t variable, detail::context_value value);
    context_scope(context_scope const&) = delete;
    context_scope& operator=(context_scope const&) = delete;
    ~context_scope();

private:
    std::uint64_t variable_;
    // What was carried before, and what is since: unless that changes again, the way back needs no
    // memory.
    carried_context before_;
    context_values* since_;
    detail::context_value previous_;
};

template <typename T>
class context_var {
    static_assert(std::is_copy_constructible_v<T>, "get() returns a copy of the value");

public:
    /// Makes a variable without a default, or with one. Switches: never. Thread: any.
    context_var() noexcept : number_{detail::new_context_variable()} {}
    explicit context_var(T initial)
        : number_{detail::new_context_variable()},
          default_{std::in_place, std::move(initial)} {}
    context_var(context_var const&) = delete;
    context_var& operator=(context_var const&) = delete;

    /// The value here; the default where none is set. Throws: misuse when there is neither; what
    /// copying throws. Switches: never. Thread: any.
    T get() const {
        T const* const found = find();
        TENDRIL_REQUIRE(
            found != nullptr,
            "this context_var has no value here and no default: set it, give it a default, or use "
            "find()");
        return *found;
    }

    /// The value, or the default, where it is; null when there is neither. It stays until the
    /// variable is set or reset here, or the greenlet ends. Switches: never. Thread: any.
    T const* find() const noexcept {
        void const* const found = detail::find_in_context(number_);
        if (found != nullptr) {
            return static_cast<T const*>(found);
        }
        return default_ ? &*default_ : nullptr;
    }

    /// Gives it a value in the running greenlet, until it is set or reset or the greenlet ends.
    /// Returns what undoes that. Throws: std::bad_alloc; misuse in a callback of a hub, whose
    /// values all callbacks would see, and when the greenlet carries a set of another kind.
    /// Switches: never. Thread: any.
    context_token set(T value) {
        detail::require_own_context();
        auto kept = std::make_shared<T const>(std::move(value));
        return context_token{number_, detail::put_in_context(number_, std::move(kept))};
    }

    /// Gives it the value that it had before a `set`. Throws: std::bad_alloc; misuse when that was
    /// undone before, was of another variable, or in another greenlet. Switches: never.
    void reset(context_token& undone) {
        TENDRIL_REQUIRE(undone.variable_ == number_, "the token is of another context_var");
        TENDRIL_REQUIRE(!undone.used_, "a token undoes one set(), once");
        TENDRIL_REQUIRE(
            undone.setter_ == greenlet::current(),
            "a context_var is reset in the greenlet that has set it: values of others are theirs");
        detail::put_in_context(number_, undone.previous_);
        undone.used_ = true;
        undone.previous_ = nullptr;
    }

    /// Gives it a value until the end of the block that keeps what is returned; in a callback too.
    /// Throws: std::bad_alloc; misuse when the greenlet carries a set of another kind.
    /// Switches: never. Thread: any.
    context_scope set_in_scope(T value) {
        return context_scope{number_, std::make_shared<T const>(std::move(value))};
    }

private:
    std::uint64_t number_;
    std::optional<T> default_;
};

/// What the running greenlet carries now. Later changes do not show in it. Switches: never.
/// Thread: any.
carried_context copy_context();

/// Calls a function while the running greenlet carries `context`, and lets it carry what it did
/// before afterwards. What the function sets ends with it; `context` is not changed.
/// Throws: what the function throws. Switches: may, if the function does. Thread: any.
template <typename F>
requires std::is_invocable_v<F>
decltype(auto) run_in_context(carried_context context, F&& function) {
    class restored {
    public:
        explicit restored(carried_context inside)
            : before_{set_context(greenlet::current(), std::move(inside))} {}
        restored(restored const&) = delete;
        restored& operator=(restored const&) = delete;
        ~restored() { set_context(greenlet::current(), std::move(before_)); }

    private:
        carried_context before_;
    };
    restored const at_end{std::move(context)};
    return std::invoke(std::forward<F>(function));
}

}  // namespace tendril
