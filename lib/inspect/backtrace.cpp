// SPDX-License-Identifier: BSL-1.0
//
// How a suspended stack is made to tell where it stands:
//
//     before                 during                     after
//     │ frames of the   │    │ frames of the     │      │ as before       │
//     │ greenlet        │    │ greenlet          │      │                 │
//     ├─────────────────┤    ├───────────────────┤      ├─────────────────┤ ← resume_point
//     │ saved registers │    │ collect()         │      │ saved registers │   put back from
//     └─────────────────┘    │ ::backtrace()     │      └─────────────────┘   a copy
//                            └───────────────────┘
//
// Boost's `ontop_fcontext` pops the saved registers and enters `collect` as if the greenlet had
// called it, so an ordinary unwinder walks on into the greenlet's frames. `collect` jumps back and
// is never continued. It has overwritten nothing but the saved registers and what lies below them,
// where nobody lives; they are put back from a copy, and the resume point is as good as before.
#include "symbols.hpp"

#include <tendril/context/machine_context.hpp>
#include <tendril/greenlet/switch.hpp>
#include <tendril/hub/errors.hpp>
#include <tendril/inspect/backtrace.hpp>
#include <tendril/support/assert.hpp>

#include <execinfo.h>

#include <algorithm>
#include <cstdint>
#include <ostream>

namespace tendril {
namespace {

// More than any architecture's saved registers take.
constexpr std::size_t most_registers = 256;
// What an unwinder takes, with room to spare.
constexpr std::size_t needed_room = std::size_t{16} * 1024;

struct collection {
    sanitizer_record* observer;
    sanitizer_record* observed;
    void** frames;
    int count = 0;
};

TENDRIL_NEVER_LEFT arrival collect(arrival from) {
    collection& mine = *static_cast<collection*>(from.data);
    sanitizer::arrive(*mine.observed);
    mine.count = ::backtrace(mine.frames, static_cast<int>(backtrace::most_frames));
    sanitizer::leave(*mine.observed, *mine.observer);
    return boost::context::detail::jump_fcontext(from.fctx, nullptr);
}

// Copies another stack's memory as it is, with the marks that sanitizers keep around its variables.
[[gnu::no_sanitize_address, gnu::no_sanitize_thread]] void copy_bytes(
    std::byte const volatile* from, std::byte volatile* to, std::size_t size) noexcept {
    for (std::size_t index = 0; index < size; ++index) {
        to[index] = from[index];
    }
}

std::size_t room_below(control_block const& block) noexcept {
    auto* const where = static_cast<std::byte*>(block.machine.resume_point);
    return block.memory == nullptr ? needed_room
                                   : static_cast<std::size_t>(where - block.memory->limit);
}

bool has_frames(greenlet_state state) noexcept {
    return state == greenlet_state::suspended || state == greenlet_state::parked ||
        state == greenlet_state::ready;
}

// Says whether a function is ours or the C++ library's, as far as its name tells.
bool is_inner(std::string const& function) {
    // Not its parameters: a function of the program may take a `std::string`.
    std::string const name = ' ' + function.substr(0, function.find('('));
    for (char const* const inner :
         {" tendril::", " tendril_jump_", " jump_fcontext", " make_fcontext",
          " std::", " boost::"}) {
        if (name.find(inner) != name.npos) {
            return true;
        }
    }
    return function.empty();
}

// Lets the hub say where somebody waits.
std::string place_of_parked(control_block& parked) {
    return backtrace{greenlet_ref{parked}}.position();
}

}  // namespace

bool detail::tell_the_hub_of_places() noexcept {
    set_place_finder(&place_of_parked);
    return true;
}

backtrace::backtrace(greenlet_ref const& of) {
    control_block* const block = of.block();
    TENDRIL_REQUIRE(block != nullptr, "an empty handle names no greenlet and no frames");
    TENDRIL_REQUIRE_AS(
        wrong_thread, block->thread == &this_thread(),
        "this greenlet belongs to another thread: its frames are taken only there");
    who_ = "greenlet " + std::to_string(block->id) +
        (name_of(*block) == nullptr ? "" : std::string{" '"} + name_of(*block) + '\'') + ' ' +
        to_string(block->state);
    // The first use loads the unwinder, which takes more room than a greenlet may have.
    count_ = static_cast<std::size_t>(::backtrace(frames_.data(), most_frames));
    if (block != this_thread().current) {
        take(*block);
    }
}

void backtrace::take(control_block& block) {
    count_ = 0;
    if (!has_frames(block.state) || block.machine.resume_point == nullptr ||
        room_below(block) < needed_room) {
        return;
    }
    auto* const where = static_cast<std::byte*>(block.machine.resume_point);
    std::size_t const above = block.memory == nullptr
        ? most_registers
        : static_cast<std::size_t>(block.memory->top - where);
    std::size_t const size = std::min(most_registers, above);
    std::array<std::byte, most_registers> registers;
    copy_bytes(where, registers.data(), size);

    thread_record& thread = this_thread();
    collection mine{
        &detail::sanitizer_of(*thread.current), &detail::sanitizer_of(block), frames_.data()};
    sanitizer::leave(*mine.observer, *mine.observed);
    boost::context::detail::ontop_fcontext(where, &mine, &collect);
    sanitizer::arrive(*mine.observer);

    copy_bytes(registers.data(), where, size);
    sanitizer::forget_frames_below(*mine.observed, where);
    // The innermost is `collect` itself.
    if (mine.count > 0) {
        std::move(frames_.begin() + 1, frames_.begin() + mine.count, frames_.begin());
        count_ = static_cast<std::size_t>(mine.count) - 1;
    }
}

std::string backtrace::position() const {
    for (void* const frame : frames()) {
        detail::symbol const found = detail::find_symbol(frame);
        if (!is_inner(found.function)) {
            return found.function + (found.place.empty() ? "" : " at " + found.place);
        }
    }
    return {};
}

std::ostream& operator<<(std::ostream& out, backtrace const& printed) {
    out << printed.who_ << '\n';
    for (std::size_t index = 0; index < printed.count_; ++index) {
        detail::symbol const found = detail::find_symbol(printed.frames_[index]);
        out << "  " << index << "  " << (found.function.empty() ? "?" : found.function) << "  "
            << found.place << '\n';
    }
    return out;
}

}  // namespace tendril
