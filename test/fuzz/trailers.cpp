// SPDX-License-Identifier: BSL-1.0
//
// Trailers, behind a head and a body that are always the same. None of them gets into the header,
// and none with a lone CR or LF, a NUL, or a name that is no token is accepted.
#include "read_request.hpp"
#include "target.hpp"

#include <string>

namespace {

using namespace tendril;
using fuzz::require;

void judge_lines(std::string_view trailers) {
    while (trailers != "\r\n") {
        std::size_t const end = trailers.find("\r\n");
        require(end != trailers.npos && end > 0, "trailers are lines, and then an empty one");
        std::string_view const line = trailers.substr(0, end);
        require(line.find_first_of(std::string_view{"\r\n\0", 3}) == line.npos, "lines are whole");
        require(is_http_token(line.substr(0, line.find(':'))), "a trailer has a name");
        trailers.remove_prefix(end + 2);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string const before =
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n";
    std::string const input = before + std::string{fuzz::text_of(data, size)};
    fuzz::read_outcome const whole = fuzz::read_request(input, before.size());
    std::size_t const cut = size == 0 ? 0 : (size * 31 + data[size - 1]) % size;
    require(
        fuzz::read_request(input, before.size() + cut).agrees_with(whole),
        "however it is cut, it is the same");
    if (whole.status == 200) {
        require(whole.request.fields().size() == 2, "trailers are no part of the header");
        require(whole.body == "hi", "and none of the body");
        judge_lines(std::string_view{input}.substr(before.size(), whole.size - before.size()));
    }
    return 0;
}
