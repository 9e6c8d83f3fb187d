// SPDX-License-Identifier: BSL-1.0
#include <tendril/server/stream_handler.hpp>

namespace tendril::detail {

any_stream& as_any_stream(served_stream& stream) {
    if (auto* const any = std::get_if<any_stream>(&stream)) {
        return *any;
    }
    any_stream made;
    if (auto* const tcp = std::get_if<tcp_stream>(&stream)) {
        made = any_stream{std::move(*tcp)};
    } else {
        made = any_stream{std::move(*std::get_if<unix_stream>(&stream))};
    }
    return stream.emplace<any_stream>(std::move(made));
}

}  // namespace tendril::detail
