// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the path of a request names below a folder.
//
//     auto const name = tendril::http_file_path(request.path());
//     if (!name) {
//         throw tendril::http_error{400};
//     }
//
// The escapes are decoded, once. What others could take for another place is refused:
//
//     accepted                          refused
//     "/", "/a/b", "/a/"                names that are empty, "." or "..", however they are written
//     "/a%20b", "/%C3%A9"               a slash or a backslash in a name: "%2f", "\", "%5c"
//     names that begin with a dot       what is no UTF-8, in the shortest form, when it is decoded
//     a plus, which is a plus           NUL and other control bytes
//                                       half an escape, and what would be one more: "%252e"
//
// It is a text and no file: links, permissions and hidden names are for whoever opens it. The
// example docs/examples/90_static_files.cpp does that.
//
// Source of the rules: RFC 3986, section 7.3; RFC 3629, section 10; RFC 9110, section 17.3.

#include <optional>
#include <string>
#include <string_view>

namespace tendril {

/// Returns what the path of a request names, without the slash at its beginning: "" for "/",
/// "a b/c" for "/a%20b/c", and "a/" for "/a/". Nothing for what is refused.
/// Throws: std::bad_alloc. Switches: never. Thread: any.
std::optional<std::string> http_file_path(std::string_view path);

}  // namespace tendril
