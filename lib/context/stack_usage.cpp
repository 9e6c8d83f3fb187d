// SPDX-License-Identifier: BSL-1.0
#include "valgrind.hpp"

#include <tendril/context/stack_usage.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace tendril {
namespace {

constexpr std::size_t page = 4096;

// The lowest page between the addresses that is in memory, or the end.
std::byte* lowest_resident(std::byte* from, std::byte* end) noexcept {
    constexpr std::size_t step = 256;
    std::array<unsigned char, step> resident{};
    while (from < end) {
        auto const left = static_cast<std::size_t>(end - from) / page;
        std::size_t const pages = std::min(left, step);
        if (::mincore(from, pages * page, resident.data()) != 0) {
            return from;
        }
        auto const last = resident.begin() + static_cast<std::ptrdiff_t>(pages);
        auto const found = std::find_if(
            resident.begin(), last, [](unsigned char each) { return (each & 1) != 0; });
        from += static_cast<std::size_t>(found - resident.begin()) * page;
        if (found != last) {
            return from;
        }
    }
    return end;
}

// Reads dead frames and the marks between their variables, which AddressSanitizer forbids.
[[gnu::no_sanitize_address, gnu::no_sanitize_thread]] std::byte const* lowest_written(
    std::byte const* from, std::byte const* end) noexcept {
    while (from < end && *reinterpret_cast<std::uint64_t const volatile*>(from) == 0) {
        from += sizeof(std::uint64_t);
    }
    return from;
}

}  // namespace

std::size_t stack_usage(stack const& measured) noexcept {
    auto const above = reinterpret_cast<std::uintptr_t>(measured.top) % page;
    std::byte* const end = measured.top + (above == 0 ? 0 : page - above);
    std::byte const* lowest = lowest_resident(measured.limit, end);
    if (!RUNNING_ON_VALGRIND) {
        lowest = lowest_written(lowest, measured.top);
    }
    return lowest < measured.top ? static_cast<std::size_t>(measured.top - lowest) : 0;
}

}  // namespace tendril
