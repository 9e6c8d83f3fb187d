// SPDX-License-Identifier: BSL-1.0
//
// URLs, and references behind a line feed. What is accepted can be written, and read again as the
// same, and nothing in it ends a line or names somebody else. And paths: whatever they are, they
// name something below a folder.
#include "target.hpp"

#include <tendril/http/file_path.hpp>
#include <tendril/http/url.hpp>
#include <tendril/io/error.hpp>

#include <algorithm>
#include <optional>
#include <string>

namespace {

using namespace tendril;
using fuzz::require;

bool is_plain(std::string_view text, std::string_view unwanted) {
    return std::all_of(text.begin(), text.end(), [&](char c) {
        return c > ' ' && c < '\x7f' && unwanted.find(c) == std::string_view::npos;
    });
}

void judge_path(std::string_view path) {
    std::optional<std::string> const name = http_file_path(path);
    if (!name) {
        return;
    }
    std::string const framed = '/' + *name + (name->empty() || name->ends_with('/') ? "" : "/");
    for (char const* const bad : {"/../", "/./", "//", "\\"}) {
        require(framed.find(bad) == std::string::npos, "a name leads downwards");
    }
    require(
        std::none_of(
            name->begin(), name->end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }),
        "a name has no control bytes");
    require(
        name->find('%') != std::string::npos || http_file_path('/' + *name) == name,
        "a name without an escape is what it says");
}

void judge(http_url const& url) {
    require(!url.host().empty() && is_plain(url.host(), "/@?#[]\\"), "a host is a host");
    require(url.target().starts_with('/') && is_plain(url.target(), "#\\"), "a target is a target");
    require(url.port() != 0, "a port is a number");
    http_url const again{url.text()};
    require(again.text() == url.text() && again.target() == url.target(), "it says the same again");
    require(again.same_origin(url), "and means the same");
    judge_path(url.target());
}

std::optional<http_url> read(std::string_view text) {
    try {
        return http_url{text};
    } catch (system_error const&) {
        return std::nullopt;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const input = fuzz::text_of(data, size);
    judge_path(input);
    std::size_t const end = std::min(input.find('\n'), input.size());
    std::optional<http_url> const url = read(input.substr(0, end));
    if (!url) {
        return 0;
    }
    judge(*url);
    try {
        judge(url->resolve(input.substr(std::min(end + 1, input.size()))));
    } catch (system_error const&) {
        // Not every reference means something.
    }
    return 0;
}
