// SPDX-License-Identifier: BSL-1.0
#pragma once

// A variable of which every greenlet has its own, as every thread has its own of a `thread_local`.
//
//     tendril::greenlet_local<std::vector<std::string>> log;
//
//     log->push_back("began");             // in the running greenlet; made at its first use there
//     log.of(worker).push_back("noted");   // in another greenlet of this thread, by name
//
// Values are made at first use and destroyed when their greenlet ends, the youngest first, on its
// own stack and before its parent hears of the end; those of a thread's main greenlet when the
// thread ends. A destructor may use other variables, and may switch. A variable that is destroyed
// before the greenlets leaves their values to them.
//
// A look-up walks the greenlet's own values, so it suits a handful of variables.

#include <tendril/greenlet/greenlet.hpp>
#include <tendril/support/assert.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace tendril {

namespace detail {

/// A value of one variable in one greenlet, in the list of that greenlet.
class local_value {
public:
    explicit local_value(std::uint64_t variable) noexcept : variable_{variable} {}
    local_value(local_value const&) = delete;
    local_value& operator=(local_value const&) = delete;
    virtual ~local_value() = default;

    std::uint64_t variable() const noexcept { return variable_; }
    local_value* older() const noexcept { return older_; }

private:
    friend local_value& keep_local(control_block&, std::unique_ptr<local_value>) noexcept;
    friend void destroy_locals(control_block&) noexcept;
    friend void destroy_local(control_block&, std::uint64_t) noexcept;

    // A number and not the variable's address: another variable may come to live there.
    std::uint64_t variable_;
    local_value* older_ = nullptr;
};

std::uint64_t new_local_variable() noexcept;
local_value& keep_local(control_block& block, std::unique_ptr<local_value> value) noexcept;
void destroy_locals(control_block& block) noexcept;
void destroy_local(control_block& block, std::uint64_t variable) noexcept;
control_block& carrier_of_locals(greenlet_ref const& named);

}  // namespace detail

template <typename T>
class greenlet_local {
public:
    /// Makes a variable whose values are made by `T{}`. Switches: never. Thread: any.
    greenlet_local() noexcept = default;
    greenlet_local(greenlet_local const&) = delete;
    greenlet_local& operator=(greenlet_local const&) = delete;

    /// The running greenlet's value, which is made if there is none.
    /// Throws: std::bad_alloc, what making it throws. Switches: never, unless making it does.
    T& get() { return in(*this_thread().current); }
    T& operator*() { return get(); }
    T* operator->() { return &get(); }

    /// The value of another greenlet of this thread, which is made if there is none.
    /// Throws: as `get`; misuse for an empty handle or a dead greenlet; wrong_thread.
    /// Switches: never, unless making it does. Thread: the greenlet's.
    T& of(greenlet_ref const& named) { return in(detail::carrier_of_locals(named)); }

    /// The running greenlet's value, or null if it has none. Switches: never.
    T* find() const { return find_in(*this_thread().current); }

    /// Destroys the running greenlet's value; the next use makes a new one.
    /// Switches: never, unless the destructor does.
    void reset() { detail::destroy_local(*this_thread().current, variable_); }

private:
    struct held final : detail::local_value {
        explicit held(std::uint64_t variable) : local_value{variable}, value{} {}
        T value;
    };

    T* find_in(control_block const& block) const noexcept {
        for (auto* each = block.locals; each != nullptr; each = each->older()) {
            if (each->variable() == variable_) {
                return &static_cast<held*>(each)->value;
            }
        }
        return nullptr;
    }
    T& in(control_block& block) {
        if (T* const found = find_in(block)) {
            return *found;
        }
        auto made = std::make_unique<held>(variable_);
        return static_cast<held&>(detail::keep_local(block, std::move(made))).value;
    }

    std::uint64_t const variable_ = detail::new_local_variable();
};

}  // namespace tendril
