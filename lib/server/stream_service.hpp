// SPDX-License-Identifier: BSL-1.0
#pragma once

// A server of streams at work: what it accepts, whom it refuses, and what it calls.

#include "address_count.hpp"
#include "server_address.hpp"
#include "service.hpp"

#include <tendril/net/tcp_listener.hpp>
#include <tendril/net/unix_socket.hpp>
#include <tendril/server/stream_server_options.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace tendril::detail {

class stream_service;

/// One open connection.
struct served_connection final : served {
    served_connection(
        std::shared_ptr<service> by, served_stream accepted, std::shared_ptr<void> place) noexcept;
    ~served_connection();

    /// Closes the stream, and gives back what was counted for it. Switches: never.
    void leave() noexcept;

    served_stream stream;
    connection_info info;
    /// Whom `max_connections_per_address` has counted.
    std::optional<address_count::client> counted;
    /// Destroyed with it: what somebody else has counted for it.
    std::shared_ptr<void> const counted_elsewhere;
};

using any_listener = std::variant<tcp_listener, unix_listener>;

class stream_service final : public service {
public:
    /// Throws: system_error with `errc::bad_name`; misuse for delays, and for a handler of the
    /// wrong kind.
    stream_service(std::string_view written, stream_handler callback, stream_server_options chosen);

    /// Binds the address, or returns the listener of the parent.
    /// Throws: system_error. Switches: may, when the host is a name.
    any_listener listen();
    /// Refuses one of the wrong kind. Throws: misuse. Switches: never.
    void require_kind(stream_kind kind, char const* text) const;

    /// Serves what was accepted elsewhere, and destroys what is counted there when the connection
    /// is closed, also when this throws. Throws: system_error with `errc::overloaded`;
    /// std::bad_alloc; wrong_thread. Switches: never.
    void serve(served_stream accepted, std::shared_ptr<void> counted_there);

    bool listens() const noexcept override;
    stream_server_statistics numbers() const noexcept;

    server_address const address;
    stream_server_options const options;
    any_listener listener;

private:
    friend struct served_connection;

    void prepare() override;
    void close_listening() noexcept override;
    void accept_one(error_code& error) override;
    void tell_of_stop(served& each) noexcept override;
    void leave_to_parent(served& each) noexcept override;

    served_stream accept_stream(error_code& error);
    void take_over(served_stream accepted, std::shared_ptr<void> counted_elsewhere);
    void serve(std::unique_ptr<served_connection> opened);
    void describe(served_connection& opened) noexcept;
    bool is_worth_a_stack(served_connection& opened);
    bool admits(served_connection& opened);
    bool reads_header(served_connection& opened);
    void attend_to(served_connection& opened);
    void call_handler(served_connection& opened);
    void report_error(served_connection& opened) const;

    stream_handler on_connection_;
    address_count clients_;
    std::uint64_t accepted_ = 0;
    std::uint64_t refused_ = 0;
    std::uint64_t refused_headers_ = 0;
};

}  // namespace tendril::detail
