// SPDX-License-Identifier: BSL-1.0
#pragma once

// The fields of a header, or of trailers: a flat table in the order in which they came.
//
//     tendril::http_fields fields;
//     fields.add("Content-Type", "text/plain");
//     fields.get("content-type");                        // "text/plain"
//
// All names and values stand in one text, so that a table costs two allocations however many fields
// it has, and none when it is used again. A look-up compares names one after the other: there are
// few, and no name that a peer chooses can make it slow.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tendril {

/// Header fields in order; names are compared without regard to case.
class http_fields {
public:
    struct field {
        std::string_view name;
        std::string_view value;
    };

    /// Adds a field at the end. Throws: std::bad_alloc. Switches: never.
    void add(std::string_view name, std::string_view value);

    /// The value of the first field of that name; empty when there is none. Switches: never.
    std::string_view get(std::string_view name) const noexcept;

    /// How many fields have that name. Switches: never.
    std::size_t count(std::string_view name) const noexcept;

    /// How many fields there are, and each of them. Switches: never.
    std::size_t size() const noexcept { return spans_.size(); }
    field operator[](std::size_t index) const noexcept;

    /// Removes all, and keeps the memory unless there is more than `kept` bytes of it.
    /// Switches: never.
    void clear(std::size_t kept = std::string::npos) noexcept;

private:
    struct span {
        std::uint32_t start;
        std::uint32_t name_size;
        std::uint32_t value_size;
    };

    std::string text_;
    std::vector<span> spans_;
};

/// Says whether a text is a token of RFC 9110: what names of fields and methods are.
/// Switches: never. Thread: any.
bool is_http_token(std::string_view text) noexcept;

/// Says whether two names of fields, or words of a list, are the same without regard to case.
/// Switches: never. Thread: any.
bool same_http_name(std::string_view a, std::string_view b) noexcept;

/// Says whether a list with commas, which the values of some fields are, has this word in it.
/// Switches: never. Thread: any.
bool is_in_http_list(std::string_view list, std::string_view word) noexcept;

}  // namespace tendril
