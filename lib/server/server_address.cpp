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

}  // namespace tendril::detail
