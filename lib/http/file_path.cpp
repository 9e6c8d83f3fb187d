// SPDX-License-Identifier: BSL-1.0
//
// 1. Nothing is decoded twice, and nothing is judged before it is decoded.
// 2. A slash in the result stood in the path as a slash.
#include <tendril/http/file_path.hpp>

#include <algorithm>
#include <charconv>

namespace tendril {
namespace {

// Says whether a text begins with an escape, and which byte that stands for.
bool read_escape(std::string_view text, char& byte) noexcept {
    unsigned value = 0;
    if (text.size() < 3 || text.front() != '%') {
        return false;
    }
    char const* const end = text.data() + 3;
    auto const read = std::from_chars(text.data() + 1, end, value, 16);
    byte = static_cast<char>(value);
    return read.ec == std::errc{} && read.ptr == end;
}

bool has_no_place_in_a_name(char byte) noexcept {
    return (byte >= 0 && byte < ' ') || byte == '\x7f' || byte == '\\';
}

// Decodes all escapes. Nothing for half an escape, and for one of a slash.
std::optional<std::string> without_escapes(std::string_view path) {
    std::string out;
    out.reserve(path.size());
    for (std::size_t at = 0; at < path.size(); ++at) {
        char byte = path[at];
        if (byte == '%') {
            if (!read_escape(path.substr(at), byte) || byte == '/') {
                return std::nullopt;
            }
            at += 2;
        }
        out += byte;
    }
    return out;
}

// How many bytes the character has with which a text begins; none when it is no UTF-8.
std::size_t size_of_character(std::string_view text) noexcept {
    constexpr unsigned least_of_size[] = {0, 0, 0x80, 0x800, 0x10000};
    auto const first = static_cast<unsigned char>(text.front());
    if (first < 0x80) {
        return 1;
    }
    std::size_t const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc0 || first > 0xf7 || text.size() < size) {
        return 0;
    }
    unsigned code = first & (0x7fU >> size);
    for (char const each : text.substr(1, size - 1)) {
        auto const byte = static_cast<unsigned char>(each);
        if ((byte & 0xc0U) != 0x80) {
            return 0;
        }
        code = code << 6U | (byte & 0x3fU);
    }
    bool const surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < least_of_size[size] || code > 0x10ffff || surrogate ? 0 : size;
}

bool is_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        std::size_t const size = size_of_character(text);
        if (size == 0) {
            return false;
        }
        text.remove_prefix(size);
    }
    return true;
}

bool could_be_decoded_again(std::string_view text) noexcept {
    char byte;
    for (std::size_t at = text.find('%'); at < text.size(); at = text.find('%', at + 1)) {
        if (read_escape(text.substr(at), byte)) {
            return true;
        }
    }
    return false;
}

// Says whether each part between slashes is a name; the last one may be missing.
bool has_only_names(std::string_view path) noexcept {
    while (!path.empty()) {
        std::string_view const name = path.substr(0, path.find('/'));
        if (name.empty() || name == "." || name == "..") {
            return false;
        }
        path.remove_prefix(std::min(name.size() + 1, path.size()));
    }
    return true;
}

}  // namespace

std::optional<std::string> http_file_path(std::string_view path) {
    if (path.empty() || path.front() != '/') {
        return std::nullopt;
    }
    auto const decoded = without_escapes(path.substr(1));
    bool const good = decoded && has_only_names(*decoded) && is_utf8(*decoded) &&
        std::none_of(decoded->begin(), decoded->end(), has_no_place_in_a_name) &&
        !could_be_decoded_again(*decoded);
    return good ? decoded : std::nullopt;
}

}  // namespace tendril
