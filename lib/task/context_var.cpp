// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. A set of values is never changed after it was given to a greenlet: others may share it.
// 2. A set has at most one value for a variable, and is not empty.
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/task/context_var.hpp>

#include <atomic>
#include <exception>
#include <vector>

namespace tendril {
namespace detail {
namespace {

struct context_entry {
    std::uint64_t variable;
    context_value value;
};

class variable_set final : public context_values {
public:
    explicit variable_set(std::vector<context_entry> entries) noexcept
        : entries_{std::move(entries)} {}

    std::vector<context_entry> const& entries() const noexcept { return entries_; }

private:
    std::vector<context_entry> const entries_;
};

context_values* carried_here() noexcept { return this_thread().current->context; }

std::vector<context_entry> entries_without(context_values const* carried, std::uint64_t variable) {
    std::vector<context_entry> kept;
    if (carried == nullptr) {
        return kept;
    }
    auto const* const set = dynamic_cast<variable_set const*>(carried);
    TENDRIL_REQUIRE(
        set != nullptr,
        "this greenlet was given a set of values that is not made of context variables, and would "
        "lose it: let it carry one or the other");
    kept.reserve(set->entries().size() + 1);
    for (context_entry const& each : set->entries()) {
        if (each.variable != variable) {
            kept.push_back(each);
        }
    }
    return kept;
}

}  // namespace

std::uint64_t new_context_variable() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

void const* find_in_context(std::uint64_t variable) noexcept {
    context_values const* const carried = carried_here();
    if (carried == nullptr) {
        return nullptr;
    }
    if (auto const* const set = dynamic_cast<variable_set const*>(carried)) {
        for (context_entry const& each : set->entries()) {
            if (each.variable == variable) {
                return each.value.get();
            }
        }
    }
    return nullptr;
}

context_value put_in_context(std::uint64_t variable, context_value value) {
    context_value previous;
    context_values* const carried = carried_here();
    std::vector<context_entry> entries = entries_without(carried, variable);
    if (carried != nullptr) {
        for (context_entry const& each : static_cast<variable_set const*>(carried)->entries()) {
            if (each.variable == variable) {
                previous = each.value;
            }
        }
    }
    if (value != nullptr) {
        entries.push_back({variable, std::move(value)});
    }
    carried_context changed;
    if (!entries.empty()) {
        changed = carried_context{new variable_set{std::move(entries)}};
    }
    set_context(greenlet::current(), std::move(changed));
    return previous;
}

void require_own_context() {
    hub const* const present = hub::of(this_thread());
    TENDRIL_REQUIRE(
        present == nullptr || !present->in_callback(),
        "a callback that sets a context_var would set it for all callbacks of the hub: use "
        "set_in_scope(), or set it in a task");
}

}  // namespace detail

context_scope::context_scope(std::uint64_t variable, detail::context_value value)
    : variable_{variable},
      before_{copy_context()},
      previous_{detail::put_in_context(variable, std::move(value))} {
    since_ = copy_context().get();
}

context_scope::~context_scope() {
    if (copy_context().get() != since_) {
        try {
            detail::put_in_context(variable_, std::move(previous_));
            return;
        } catch (std::exception const&) {
            // Without memory, or with a set of another kind, all becomes what it was before.
        }
    }
    set_context(greenlet::current(), std::move(before_));
}

carried_context copy_context() { return carried_context{this_thread().current->context}; }

}  // namespace tendril
