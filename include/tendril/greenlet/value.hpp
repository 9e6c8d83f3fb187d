// SPDX-License-Identifier: BSL-1.0
#pragma once

// What a switch carries: nothing, one value, or several.
//
//     value v = g.switch_to(41);
//     int n = v.as<int>();                             // moves it out; v is empty afterwards
//     auto [name, age] = g.switch_to("x").as<std::string, int>();
//
// A value is moved and never copied, exactly once on its way from the sender to the receiver. Up to
// 48 bytes stay in place, so that small values are carried without allocation. The type that is
// asked for must be the type that was sent: an `int` is not a `long` and a literal is not a
// `std::string`; what does not fit throws `bad_value`, which names both types.
//
// Switches: never, unless a constructor or destructor of what is carried does.
//
// Read next: greenlet.hpp.

#include <tendril/support/assert.hpp>
#include <tendril/support/config.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace tendril {

class value {
public:
    /// Makes an empty value.
    value() noexcept {}  // NOLINT: defaulted, `value{}` would clear all 64 bytes at each switch

    /// Takes over one value, or several as a tuple, each decayed.
    /// Throws: std::bad_alloc when it does not fit in place, and what the moves throw.
    template <typename... Args>
    requires(
        sizeof...(Args) > 0 &&
        !(sizeof...(Args) == 1 &&
          (std::is_same_v<std::remove_cvref_t<Args>, value> &&
           ...))) explicit value(Args&&... args) {
        emplace<held_type<std::decay_t<Args>...>>(std::forward<Args>(args)...);
    }

    [[gnu::always_inline]] value(value&& other) noexcept { take(other); }
    value& operator=(value&& other) noexcept {
        if (this != &other) {
            reset();
            take(other);
        }
        return *this;
    }
    ~value() { reset(); }

    /// Says whether it holds nothing.
    bool empty() const noexcept { return operations_ == nullptr; }

    /// Says whether it holds exactly this.
    template <typename... Ts>
    bool holds() const noexcept {
        if constexpr (sizeof...(Ts) == 0) {
            return empty();
        } else {
            using held = held_type<Ts...>;
            // One table of operations per type, but for programs of several shared libraries.
            return operations_ == operations_of<held>() ||
                (operations_ != nullptr && *operations_->type == typeid(held));
        }
    }

    /// Moves the value out: one type gives that type, several give a tuple, `void` or none
    /// nothing. The value is empty afterwards.
    /// Throws: bad_value when it holds something else, and then it is unchanged.
    template <typename... Ts>
    auto as() {
        if constexpr (sizeof...(Ts) == 0 || (std::is_void_v<Ts> && ...)) {
            check(empty(), typeid(void));
        } else {
            using held = held_type<Ts...>;
            check(holds<Ts...>(), typeid(held));
            return move_out<held>();
        }
    }

    /// The type it holds; `void` when it is empty.
    std::type_info const& type() const noexcept {
        return operations_ == nullptr ? typeid(void) : *operations_->type;
    }

private:
    struct operations {
        std::type_info const* type;
        // How many words move a trivial value; 0 when `relocate` must be called.
        std::size_t words;
        // Moves from one storage to another, and ends the source.
        void (*relocate)(void* from, void* to) noexcept;
        // Null when there is nothing to do.
        void (*destroy)(void* storage) noexcept;
        bool in_place;
    };

    template <typename... Ts>
    struct packed {
        using type = std::tuple<Ts...>;
    };
    template <typename T>
    struct packed<T> {
        using type = T;
    };
    template <typename... Ts>
    using held_type = typename packed<Ts...>::type;

    static constexpr std::size_t capacity = 48;
    static constexpr std::size_t word = sizeof(std::uint64_t);

    template <typename T>
    static constexpr bool fits_in_place = sizeof(T) <= capacity &&
        alignof(T) <= alignof(std::max_align_t) && std::is_nothrow_move_constructible_v<T>;
    template <typename T>
    static constexpr bool is_plain = fits_in_place<T>&& std::is_trivially_copyable_v<T>;

    template <typename T>
    static constexpr operations trivial{
        &typeid(T), (sizeof(T) + word - 1) / word, nullptr, nullptr, true};

    template <typename T>
    static constexpr operations movable{
        &typeid(T), 0,
        [](void* from, void* to) noexcept {
            ::new (to) T(std::move(*static_cast<T*>(from)));
            std::destroy_at(static_cast<T*>(from));
        },
        [](void* storage) noexcept { std::destroy_at(static_cast<T*>(storage)); }, true};

    template <typename T>
    static constexpr operations boxed{
        &typeid(T), 1, nullptr, [](void* storage) noexcept { delete *static_cast<T**>(storage); },
        false};

    template <typename T>
    static constexpr operations const* operations_of() noexcept {
        if constexpr (is_plain<T>) {
            return &trivial<T>;
        } else if constexpr (fits_in_place<T>) {
            return &movable<T>;
        } else {
            return &boxed<T>;
        }
    }

    template <typename T, typename... Args>
    void emplace(Args&&... args) {
        if constexpr (is_plain<T>) {
            // Whole words are written, because whole words are read when it moves: a processor
            // cannot forward four written bytes to a load of eight.
            std::uint64_t words[(sizeof(T) + word - 1) / word] = {};
            T const plain(std::forward<Args>(args)...);
            std::memcpy(words, &plain, sizeof(T));
            std::memcpy(storage_, words, sizeof words);
        } else if constexpr (fits_in_place<T>) {
            ::new (static_cast<void*>(storage_)) T(std::forward<Args>(args)...);
        } else {
            ::new (static_cast<void*>(storage_)) T*(new T(std::forward<Args>(args)...));
        }
        operations_ = operations_of<T>();
    }

    [[gnu::always_inline]] void take(value& other) noexcept {
        operations_ = std::exchange(other.operations_, nullptr);
        if (operations_ == nullptr) {
            return;
        }
        if (operations_->words == 1) {
            std::memcpy(storage_, other.storage_, word);
        } else {
            take_more(other);
        }
    }
    TENDRIL_COLD void take_more(value& other) noexcept {
        if (operations_->words == 0) {
            operations_->relocate(other.storage_, storage_);
        } else {
            std::memcpy(storage_, other.storage_, operations_->words * word);
        }
    }
    [[gnu::always_inline]] void reset() noexcept {
        if (operations_ != nullptr && operations_->destroy != nullptr) {
            operations_->destroy(storage_);
        }
        operations_ = nullptr;
    }
    // A function of its own, so that the result is built where the caller wants it: compilers move
    // once more when the returned variable stands in a nested block.
    template <typename T>
    T move_out() {
        T result(std::move(*static_cast<T*>(address())));
        reset();
        return result;
    }
    void* address() noexcept {
        return operations_->in_place ? static_cast<void*>(storage_)
                                     : *reinterpret_cast<void**>(storage_);
    }
    void check(bool fits, std::type_info const& wanted) const {
        if (!fits) [[unlikely]] {
            throw_mismatch(type(), wanted);
        }
    }
    [[noreturn]] TENDRIL_COLD static void throw_mismatch(
        std::type_info const& held, std::type_info const& wanted);

    operations const* operations_ = nullptr;
    alignas(std::max_align_t) std::byte storage_[capacity];
};

}  // namespace tendril
