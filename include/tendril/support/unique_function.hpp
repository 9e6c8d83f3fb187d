// SPDX-License-Identifier: BSL-1.0
#pragma once

// A callable that is moved and never copied, small enough to stand in a stack frame.
//
//     tendril::unique_function<void()> f = [p = std::make_unique<int>(7)] { … };
//
// It holds what `std::function` refuses: callables that own something. Three pointers' worth of
// captures stay in place; a larger callable, or one whose move may throw, goes to the heap.

#include <tendril/support/assert.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace tendril {

template <typename Signature>
class unique_function;

template <typename Result, typename... Args>
class unique_function<Result(Args...)> {
public:
    /// Makes one that holds nothing.
    unique_function() noexcept = default;
    unique_function(std::nullptr_t) noexcept {}

    /// Takes over `callable`. Throws: std::bad_alloc when it does not fit in place.
    template <typename F>
    requires(
        !std::is_same_v<std::remove_cvref_t<F>, unique_function> &&
        std::is_invocable_r_v<Result, std::decay_t<F>&, Args...>) unique_function(F&& callable) {
        using stored = std::decay_t<F>;
        if constexpr (fits_in_place<stored>) {
            ::new (static_cast<void*>(storage_)) stored(std::forward<F>(callable));
            operations_ = &in_place<stored>;
        } else {
            ::new (static_cast<void*>(storage_)) stored*(new stored(std::forward<F>(callable)));
            operations_ = &on_heap<stored>;
        }
    }

    unique_function(unique_function&& other) noexcept { take(other); }
    unique_function& operator=(unique_function&& other) noexcept {
        if (this != &other) {
            reset();
            take(other);
        }
        return *this;
    }
    ~unique_function() { reset(); }

    /// Says whether it holds a callable.
    explicit operator bool() const noexcept { return operations_ != nullptr; }

    /// Calls it. Throws: misuse when there is no callable, and whatever the callable throws.
    Result operator()(Args... args) {
        TENDRIL_REQUIRE(operations_ != nullptr, "an empty unique_function cannot be called");
        return operations_->call(storage_, std::forward<Args>(args)...);
    }

private:
    struct operations {
        Result (*call)(void* storage, Args&&... args);
        void (*relocate)(void* from, void* to) noexcept;
        void (*destroy)(void* storage) noexcept;
    };

    static constexpr std::size_t capacity = 3 * sizeof(void*);

    template <typename F>
    static constexpr bool fits_in_place = sizeof(F) <= capacity &&
        alignof(F) <= alignof(std::max_align_t) && std::is_nothrow_move_constructible_v<F>;

    template <typename F>
    static constexpr operations in_place{
        [](void* storage, Args&&... args) -> Result {
            return static_cast<Result>((*static_cast<F*>(storage))(std::forward<Args>(args)...));
        },
        [](void* from, void* to) noexcept {
            ::new (to) F(std::move(*static_cast<F*>(from)));
            std::destroy_at(static_cast<F*>(from));
        },
        [](void* storage) noexcept { std::destroy_at(static_cast<F*>(storage)); }};

    template <typename F>
    static constexpr operations on_heap{
        [](void* storage, Args&&... args) -> Result {
            return static_cast<Result>((**static_cast<F**>(storage))(std::forward<Args>(args)...));
        },
        [](void* from, void* to) noexcept { ::new (to) F*(*static_cast<F**>(from)); },
        [](void* storage) noexcept { delete *static_cast<F**>(storage); }};

    void take(unique_function& other) noexcept {
        if (other.operations_ != nullptr) {
            other.operations_->relocate(other.storage_, storage_);
            operations_ = std::exchange(other.operations_, nullptr);
        }
    }
    void reset() noexcept {
        if (operations_ != nullptr) {
            std::exchange(operations_, nullptr)->destroy(storage_);
        }
    }

    operations const* operations_ = nullptr;
    alignas(std::max_align_t) std::byte storage_[capacity];
};

}  // namespace tendril
