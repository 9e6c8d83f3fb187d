// SPDX-License-Identifier: BSL-1.0
#include <tendril/greenlet/context_carrier.hpp>
#include <tendril/support/assert.hpp>

namespace tendril {
namespace {

control_block& checked(greenlet_ref const& carrier) {
    TENDRIL_REQUIRE(carrier.block() != nullptr, "an empty handle names no greenlet and no context");
    TENDRIL_REQUIRE_AS(
        wrong_thread, carrier.block()->thread == &this_thread(),
        "this greenlet belongs to another thread: its context is read and set only there");
    return *carrier.block();
}

}  // namespace

void detail::drop(context_values& values) noexcept {
    if (values.holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        delete &values;
    }
}

carried_context context_of(greenlet_ref const& carrier) {
    return carried_context{checked(carrier).context};
}

carried_context set_context(greenlet_ref const& carrier, carried_context context) {
    control_block& block = checked(carrier);
    carried_context previous{block.context};
    if (context_values* const old = std::exchange(block.context, context.release())) {
        detail::drop(*old);
    }
    return previous;
}

}  // namespace tendril
