// SPDX-License-Identifier: BSL-1.0
//
// Bodies in chunks, behind a head that is always the same. What is accepted is compared with what a
// second decoder says, which knows nothing but sizes, line ends and data.
#include "read_request.hpp"
#include "target.hpp"

#include <optional>
#include <string>

namespace {

using namespace tendril;
using fuzz::require;

struct decoded {
    std::string body;
    std::size_t size = 0;
};

// Takes a line off, without its end. Empty when it has none, or a lone CR or LF.
std::optional<std::string_view> line_of(std::string_view& rest) {
    std::size_t const end = rest.find("\r\n");
    if (end == rest.npos || rest.substr(0, end).find_first_of("\r\n") != rest.npos) {
        return std::nullopt;
    }
    std::string_view const line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    return line;
}

std::optional<std::size_t> size_in(std::string_view line) {
    std::size_t number = 0;
    std::size_t digits = 0;
    for (char const c : line) {
        std::size_t const digit = std::string_view{"0123456789abcdef"}.find(
            static_cast<char>(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c));
        if (digit == std::string_view::npos) {
            break;
        }
        if (number > (SIZE_MAX >> 4)) {
            return std::nullopt;
        }
        number = number << 4 | digit;
        ++digits;
    }
    bool const ends_well = digits == line.size() ||
        std::string_view{"; \t"}.find(line[digits]) != std::string_view::npos;
    return digits > 0 && ends_well ? std::optional{number} : std::nullopt;
}

std::optional<decoded> decode(std::string_view input) {
    decoded made;
    std::string_view rest = input;
    while (true) {
        auto const line = line_of(rest);
        std::optional<std::size_t> const size = line ? size_in(*line) : std::nullopt;
        if (!size) {
            return std::nullopt;
        }
        if (*size == 0) {
            break;
        }
        if (rest.size() < 2 || *size > rest.size() - 2 || rest.substr(*size, 2) != "\r\n") {
            return std::nullopt;
        }
        made.body += rest.substr(0, *size);
        rest.remove_prefix(*size + 2);
    }
    for (auto line = line_of(rest); !line || !line->empty(); line = line_of(rest)) {
        if (!line) {
            return std::nullopt;
        }
    }
    made.size = input.size() - rest.size();
    return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    std::string const input = head + std::string{fuzz::text_of(data, size)};
    fuzz::read_outcome const whole = fuzz::read_request(input, head.size());
    std::size_t const cut = size == 0 ? 0 : (size * 31 + data[size - 1]) % size;
    require(
        fuzz::read_request(input, head.size() + cut).agrees_with(whole),
        "however it is cut, it is the same");
    if (whole.status == 200) {
        std::optional<decoded> const second = decode(std::string_view{input}.substr(head.size()));
        require(second.has_value(), "what is accepted is well framed");
        require(second->body == whole.body, "and has the same body");
        require(head.size() + second->size == whole.size, "and the same end");
    }
    return 0;
}
