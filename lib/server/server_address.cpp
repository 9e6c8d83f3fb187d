// SPDX-License-Identifier: BSL-1.0
#include "server_address.hpp"

#include <tendril/io/error.hpp>
#include <tendril/net/endpoint.hpp>

namespace tendril::detail {
namespace {

constexpr std::string_view unix_prefix = "unix:";

}  // namespace

server_address::server_address(std::string_view written) : text{written} {
    if (written.starts_with(unix_prefix)) {
        kind = stream_kind::unix_socket;
        name = written.substr(unix_prefix.size());
        if (name.empty() || name == "@") {
            throw system_error{
                io_error(errc::bad_name),
                "'" + text + "' is no address: write unix:/path or unix:@name"};
        }
        return;
    }
    host_and_service parsed = parse_address(written);
    host = std::move(parsed.host);
    port = parse_port(parsed.service);
}

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
