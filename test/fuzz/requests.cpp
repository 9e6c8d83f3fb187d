// SPDX-License-Identifier: BSL-1.0
//
// Whole requests. However one is cut, the same becomes of it; and what is accepted has lines that
// end as they must, one Host, and one way to say how long it is.
#include "read_request.hpp"
#include "target.hpp"

#include <algorithm>

namespace {

using namespace tendril;
using fuzz::require;

bool has_lone(std::string_view text, char c) {
    for (std::size_t at = text.find(c); at != text.npos; at = text.find(c, at + 1)) {
        bool const paired = c == '\r' ? text.substr(at, 2) == "\r\n"
                                      : at > 0 && text[at - 1] == '\r';
        if (!paired) {
            return true;
        }
    }
    return false;
}

void judge_accepted(std::string_view input, fuzz::read_outcome const& outcome) {
    std::string_view const head = input.substr(0, input.find("\r\n\r\n") + 4);
    require(head.size() <= outcome.size, "the head is a part of the request");
    require(!has_lone(head, '\r') && !has_lone(head, '\n'), "no lone CR or LF in a head");
    require(head.find('\0') == head.npos, "no NUL in a head");
    http_fields const& fields = outcome.request.fields();
    std::size_t const lengths = fields.count("Content-Length");
    std::size_t const codings = fields.count("Transfer-Encoding");
    std::size_t const hosts = fields.count("Host");
    require(lengths + codings <= 1, "a length or a coding, and once");
    require(hosts == 1 || (hosts == 0 && outcome.request.version() == 10), "one Host");
    require(codings == 0 || outcome.request.version() == 11, "no coding in the old version");
    require(
        codings == 1 || outcome.size == head.size() + outcome.body.size(),
        "without a coding, all behind the head is the body");
    require(lengths + codings == 1 || outcome.body.empty(), "no body without a length");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const input = fuzz::text_of(data, size);
    fuzz::read_outcome const whole = fuzz::read_request(input, 0);
    std::size_t const cut = size == 0 ? 0 : (size * 31 + data[size - 1]) % size;
    for (std::size_t const first : {cut, size / 2, std::max<std::size_t>(size, 1) - 1}) {
        require(
            fuzz::read_request(input, first).agrees_with(whole),
            "however it is cut, it is the same");
    }
    if (whole.status == 200) {
        judge_accepted(input, whole);
    } else {
        require(whole.status == 0 || whole.status >= 400, "a refusal has a status");
    }
    return 0;
}
