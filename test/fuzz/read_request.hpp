// SPDX-License-Identifier: BSL-1.0
#pragma once

// The one place where the fuzz targets touch the server's parser. Its header is private, and put in
// reach by meson.build.

#include <request_parser.hpp>

#include <tendril/http/http_error.hpp>
#include <tendril/http/request.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace tendril::fuzz {

/// What became of some input.
struct read_outcome {
    read_outcome(std::string_view input, std::size_t first);

    /// 0 when the request is not complete, 200 when it is, or the status that refuses it.
    int status = 0;
    /// How long the request is, when it is complete, and its body.
    std::size_t size = 0;
    std::string body{};
    http_request request{};

    /// Says whether both may come from the same bytes, cut in different ways. What is wrong may be
    /// noticed earlier when more has come.
    bool agrees_with(read_outcome const& other) const {
        bool const one_waits = status == 0 || other.status == 0;
        bool const none_serves = status != 200 && other.status != 200;
        bool const same = status == other.status && size == other.size && body == other.body;
        return none_serves ? one_waits || status == other.status : same;
    }
};

inline read_outcome::read_outcome(std::string_view input, std::size_t first) {
    constexpr std::size_t most_body = 1024 * 1024;
    detail::request_parser parser{request, {.head = 64 * 1024, .target = 8 * 1024, .fields = 100}};
    bool in_body = false;
    for (std::size_t const end : {std::min(first, input.size()), input.size()}) {
        for (std::size_t consumed = 1; consumed > 0 && !parser.is_done();) {
            error_code error;
            consumed = parser.parse(input.substr(size, end - size), error);
            size += consumed;
            body += parser.part();
            if (!error.failed() && !in_body && parser.is_header_done()) {
                in_body = true;
                error = parser.limit_body(most_body) ? error_code{}
                                                     : error_code{413, http_category()};
            }
            if (error.failed()) {
                status = error.value();
                return;
            }
        }
    }
    status = parser.is_done() ? 200 : 0;
}

/// Gives input to the parser of the server, first so many bytes of it and then all.
inline read_outcome read_request(std::string_view input, std::size_t first) {
    return read_outcome{input, first};
}

}  // namespace tendril::fuzz
