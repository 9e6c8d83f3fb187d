// SPDX-License-Identifier: BSL-1.0
#pragma once

// Lines of an access log.
//
//     tendril::http_server web{address, handler, {
//         .on_exchange = [](tendril::http_exchange const& done) {
//             std::clog << tendril::combined_log_line(done) << '\n';
//         },
//     }};
//
//     common      127.0.0.1 - - [30/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5
//     combined    … "http://referer/" "user agent"
//     json        {"time":"2026-11-30T12:00:00.123Z","client":"127.0.0.1","method":"GET", …}
//
// What a client has sent stands in quotes, with `\x` for what could end them or the line: nobody
// writes lines of his own into the log. Times are in UTC.
//
// A function that writes to a disk blocks the hub while it does: hand lines to a thread, or to the
// collector of the system, where that matters.

#include <chrono>
#include <cstdint>
#include <string>

namespace tendril {

class http_request;

/// A request and what has become of it.
struct http_exchange {
    /// The request, as far as it could be parsed.
    http_request const& request;
    /// The status that was sent; zero when none was.
    int status = 0;
    /// How many bytes of a body have left.
    std::uint64_t body_bytes = 0;
    /// From the last byte of the head to the last of the response.
    std::chrono::nanoseconds duration{0};
    /// When it ended.
    std::chrono::system_clock::time_point at{};
};

/// Make a line, without its end. Throws: std::bad_alloc. Switches: never. Thread: any.
std::string common_log_line(http_exchange const& done);
std::string combined_log_line(http_exchange const& done);
std::string json_log_line(http_exchange const& done);

}  // namespace tendril
