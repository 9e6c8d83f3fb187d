// SPDX-License-Identifier: BSL-1.0
//
// Answers, as a client reads them: however an answer is cut, and however little room there is for
// its body, it is the same answer with the same end.
#include "target.hpp"

#include <client_response_parser.hpp>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

namespace {

using namespace tendril;
using fuzz::require;

constexpr detail::client_head_limits most{65536, 256};

struct taken_answer {
    bool refused = false;
    bool complete = false;
    int status = 0;
    std::size_t size = 0;
    std::size_t trailers = 0;
    std::string body{};

    bool operator==(taken_answer const&) const = default;
};

// Reads the head, which must be there as a whole.
std::size_t read_head(std::string_view input, std::size_t first, detail::client_head& head) {
    std::size_t scanned = 0;
    std::size_t size = detail::find_head(input.substr(0, first), scanned, most);
    size = size == 0 ? detail::find_head(input, scanned, most) : size;
    if (size > 0) {
        head = detail::parse_head(input.substr(0, size), detail::client_method::other, most);
        std::string_view const text = input.substr(0, size);
        require(text.substr(size - 4) == "\r\n\r\n", "a head ends with an empty line");
        require(text.find('\0') == text.npos, "a head has no NUL");
        require(
            std::count(text.begin(), text.end(), '\r') ==
                std::count(text.begin(), text.end(), '\n'),
            "a head has no lone CR or LF");
    }
    return size;
}

void read_body(
    std::string_view input, std::size_t first, std::size_t room, taken_answer& made,
    detail::client_head const& head) {
    detail::body_decoder decoder;
    decoder.begin(head);
    std::string part(room, '\0');
    for (std::size_t const end : {std::max(first, made.size), input.size()}) {
        while (!decoder.done()) {
            auto const step = decoder.decode(
                input.substr(made.size, end - made.size), std::span<char>{part});
            made.size += step.consumed;
            made.body.append(part, 0, step.produced);
            if (step.consumed == 0) {
                break;
            }
        }
    }
    if (!decoder.done()) {
        decoder.end_of_input();
    }
    made.complete = decoder.done();
    made.trailers = decoder.trailers().size();
}

// Reads one answer, of which a part comes first, up to the end of the connection.
taken_answer read_answer(std::string_view input, std::size_t first, std::size_t room) {
    taken_answer made;
    try {
        detail::client_head head;
        made.size = read_head(input, std::min(first, input.size()), head);
        made.status = head.status;
        if (made.size > 0) {
            read_body(input, std::min(first, input.size()), room, made, head);
        }
    } catch (detail::client_refusal const&) {
        made = {};
        made.refused = true;
    }
    return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const input = fuzz::text_of(data, size);
    taken_answer const whole = read_answer(input, input.size(), 4096);
    std::size_t const cut = size == 0 ? 0 : (size * 31 + data[size - 1]) % size;
    require(read_answer(input, cut, 4096) == whole, "however it is cut, it is the same");
    require(read_answer(input, input.size(), 1) == whole, "and however little room there is");
    return 0;
}
