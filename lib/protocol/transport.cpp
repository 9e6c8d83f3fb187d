// SPDX-License-Identifier: BSL-1.0
#include "protocol_connection.hpp"

#include <tendril/protocol/connect_protocol.hpp>
#include <tendril/protocol/transport.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>

#include <utility>

namespace tendril {

detail::protocol_connection& transport::named() const {
    TENDRIL_REQUIRE(
        valid(),
        "this transport names no connection: keep a copy of the one that connection_made() gets");
    return *named_;
}

void transport::write(std::string_view bytes) { write(boost::asio::buffer(bytes)); }

void transport::write_parts(std::span<boost::asio::const_buffer const> parts) {
    named().write(parts);
}

void transport::write_eof() { named().write_eof(); }

void transport::drain() {
    // This handle may be assigned to meanwhile, or go.
    transport const kept{*this};
    kept.named().drain();
}

void transport::pause_reading() { named().pause_reading(); }

void transport::resume_reading() { named().resume_reading(); }

bool transport::is_reading() const { return named().is_reading(); }

void transport::set_write_marks(write_marks marks) { named().set_marks(marks); }

write_marks transport::marks() const { return named().marks(); }

std::size_t transport::write_buffer_size() const { return named().unsent(); }

void transport::exchange_stream(stream_exchange change, deadline limit) {
    // This handle may be assigned to meanwhile, or go.
    transport const kept{*this};
    kept.named().exchange_stream(std::move(change), limit);
}

void transport::close() { named().close(); }

void transport::abort() { named().abort(); }

bool transport::is_closing() const { return named().is_closing(); }

void transport::wait_closed() {
    transport const kept{*this};
    kept.named().wait_closed();
}

std::optional<tcp_endpoint> transport::local_endpoint() const { return named().local_endpoint(); }

std::optional<tcp_endpoint> transport::remote_endpoint() const { return named().remote_endpoint(); }

any_stream& transport::stream() { return named().stream(); }

namespace detail {
namespace {

std::shared_ptr<protocol_connection> start_connection(
    any_stream stream, std::shared_ptr<protocol> handler, protocol_options const& options) {
    require_sensible(options);
    TENDRIL_REQUIRE(handler != nullptr, "there is no protocol: the factory has returned null");
    auto connection = std::make_shared<protocol_connection>(std::move(stream), options);
    spawn_protocol(connection, std::move(handler), options.stack_size);
    return connection;
}

}  // namespace

transport start_and_wait(
    any_stream stream, std::shared_ptr<protocol> handler, protocol_options const& options) {
    auto const connection = start_connection(std::move(stream), std::move(handler), options);
    scope_exit end_when_interrupted{[&] { connection->abort(); }};
    connection->wait_made();
    end_when_interrupted.dismiss();
    return transport{connection};
}

}  // namespace detail

transport start_protocol(
    any_stream stream, std::shared_ptr<protocol> handler, protocol_options const& options) {
    return transport{detail::start_connection(std::move(stream), std::move(handler), options)};
}

}  // namespace tendril
