// SPDX-License-Identifier: BSL-1.0
#pragma once

// A set of values that a greenlet carries and that others can be given: the carrier of context
// variables, which have their home on floor `task`.
//
// This floor does not look into the set. It keeps one counted pointer for each greenlet, which can
// be read and replaced whether the greenlet has begun, is suspended, or has ended. A new greenlet
// carries nothing: inheriting is a decision of whoever makes it.
//
//     struct request_values : tendril::context_values { std::string id; };
//     tendril::carried_context shared{new request_values};
//     tendril::set_context(worker, shared);          // both now carry the same set
//     auto* values = static_cast<request_values*>(tendril::context_of(worker).get());

#include <tendril/greenlet/greenlet.hpp>

#include <atomic>
#include <cstdint>
#include <utility>

namespace tendril {

/// A counted set of values: the base of what is carried. The last holder destroys it, on its own
/// thread.
class context_values {
public:
    context_values(context_values const&) = delete;
    context_values& operator=(context_values const&) = delete;
    virtual ~context_values() = default;

protected:
    context_values() noexcept = default;

private:
    friend class carried_context;
    friend void detail::drop(context_values& values) noexcept;
    std::atomic<std::uint32_t> holders_{0};
};

/// A handle that keeps a set of values, or none. Copies name the same set. Switches: never, unless
/// the destructor of the set does. Thread: any.
class carried_context {
public:
    /// Keeps nothing.
    carried_context() noexcept = default;
    /// Keeps a set, which is destroyed with its last holder. Null means none.
    explicit carried_context(context_values* values) noexcept : values_{values} { keep(); }
    carried_context(carried_context const& other) noexcept : values_{other.values_} { keep(); }
    carried_context(carried_context&& other) noexcept
        : values_{std::exchange(other.values_, nullptr)} {}
    carried_context& operator=(carried_context other) noexcept {
        std::swap(values_, other.values_);
        return *this;
    }
    ~carried_context() {
        if (values_ != nullptr) {
            detail::drop(*values_);
        }
    }

    /// The set, or null. Switches: never.
    context_values* get() const noexcept { return values_; }

    /// Gives the holder's share away. Switches: never.
    context_values* release() noexcept { return std::exchange(values_, nullptr); }

private:
    void keep() const noexcept {
        if (values_ != nullptr) {
            values_->holders_.fetch_add(1, std::memory_order_relaxed);
        }
    }

    context_values* values_ = nullptr;
};

/// What a greenlet carries; also after its death. Throws: misuse for an empty handle; wrong_thread.
/// Switches: never. Thread: its own.
carried_context context_of(greenlet_ref const& carrier);

/// Gives a greenlet another set to carry, or none, and returns what it carried before. It may be
/// unstarted, suspended, dead, or the one that calls.
/// Throws: misuse for an empty handle; wrong_thread. Switches: never. Thread: its own.
carried_context set_context(greenlet_ref const& carrier, carried_context context);

}  // namespace tendril
