// SPDX-License-Identifier: BSL-1.0
#include "append_text.hpp"
#include "grammar.hpp"

#include <tendril/http/fields.hpp>

// Boost's string_view needs it and does not say so.
#include <ostream>

#include <boost/beast/core/string.hpp>

#include <algorithm>

namespace tendril {
bool same_http_name(std::string_view a, std::string_view b) noexcept {
    return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

bool is_http_token(std::string_view text) noexcept {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            marks.find(c) != std::string_view::npos;
    });
}

bool is_in_http_list(std::string_view list, std::string_view word) noexcept {
    while (!list.empty()) {
        std::size_t const comma = std::min(list.find(','), list.size());
        if (same_http_name(detail::trimmed(list.substr(0, comma)), word)) {
            return true;
        }
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return false;
}

void http_fields::add(std::string_view name, std::string_view value) {
    auto const start = static_cast<std::uint32_t>(text_.size());
    std::size_t const needed = text_.size() + name.size() + value.size();
    if (needed > text_.capacity()) {
        // Name and value may be views of the present text: it goes only when they are copied.
        std::string larger;
        larger.reserve(std::max(needed, 2 * text_.capacity()));
        larger.append(text_).append(name).append(value);
        text_.swap(larger);
    } else {
        text_.append(name).append(value);
    }
    spans_.push_back(
        {start, static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(value.size())});
}

http_fields::field http_fields::operator[](std::size_t index) const noexcept {
    span const& at = spans_[index];
    std::string_view const text = text_;
    return {
        text.substr(at.start, at.name_size), text.substr(at.start + at.name_size, at.value_size)};
}

std::string_view http_fields::get(std::string_view name) const noexcept {
    for (std::size_t index = 0; index < size(); ++index) {
        if (field const at = (*this)[index]; same_http_name(at.name, name)) {
            return at.value;
        }
    }
    return {};
}

std::size_t http_fields::count(std::string_view name) const noexcept {
    std::size_t found = 0;
    for (std::size_t index = 0; index < size(); ++index) {
        found += same_http_name((*this)[index].name, name) ? 1U : 0U;
    }
    return found;
}

void http_fields::clear(std::size_t kept) noexcept {
    detail::clear_text(text_, kept);
    spans_.clear();
    if (spans_.capacity() * sizeof(span) > kept) {
        std::vector<span>{}.swap(spans_);
    }
}

}  // namespace tendril
