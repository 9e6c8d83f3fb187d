// SPDX-License-Identifier: BSL-1.0
#pragma once

// Texts that are used again and again, and numbers in them.

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tendril::detail {

/// The months as headers and logs name them: strftime would use the program's locale.
inline constexpr std::array names_of_months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// Empties a text and lets go of its memory when that is more than `kept`.
inline void clear_text(std::string& text, std::size_t kept) noexcept {
    text.clear();
    if (text.capacity() > kept) {
        std::string{}.swap(text);
    }
}

/// Appends a number in decimal digits.
inline void append_number(std::string& out, std::uint64_t number) {
    char digits[20];
    auto const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    out.append(digits, end);
}

/// Appends the line that begins a chunk.
inline void append_chunk_size(std::string& out, std::uint64_t size) {
    char digits[16];
    auto const end = std::to_chars(digits, digits + sizeof digits, size, 16).ptr;
    out.append(digits, end).append("\r\n");
}

/// Appends a line of a header.
inline void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace tendril::detail
