// SPDX-License-Identifier: BSL-1.0
#include <tendril/greenlet/greenlet_local.hpp>

namespace tendril::detail {

std::uint64_t new_local_variable() noexcept {
    static std::atomic<std::uint64_t> next{0};
    return next.fetch_add(1, std::memory_order_relaxed);
}

local_value& keep_local(control_block& block, std::unique_ptr<local_value> value) noexcept {
    value->older_ = block.locals;
    block.locals = value.release();
    return *block.locals;
}

// A destructor may make new values; those are destroyed too.
void destroy_locals(control_block& block) noexcept {
    while (local_value* const youngest = block.locals) {
        block.locals = youngest->older_;
        delete youngest;
    }
}

void destroy_local(control_block& block, std::uint64_t variable) noexcept {
    for (local_value** link = &block.locals; *link != nullptr; link = &(*link)->older_) {
        if ((*link)->variable_ == variable) {
            std::unique_ptr<local_value> const ended{std::exchange(*link, (*link)->older_)};
            return;
        }
    }
}

control_block& carrier_of_locals(greenlet_ref const& named) {
    TENDRIL_REQUIRE(named.block() != nullptr, "an empty handle names no greenlet and no values");
    TENDRIL_REQUIRE_AS(
        wrong_thread, named.block()->thread == &this_thread(),
        "this greenlet belongs to another thread: its values are used only there");
    TENDRIL_REQUIRE(
        !named.dead(), "this greenlet is dead and its values are destroyed: read them before");
    return *named.block();
}

}  // namespace tendril::detail
