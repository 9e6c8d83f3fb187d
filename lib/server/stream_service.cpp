// SPDX-License-Identifier: BSL-1.0
//
// From the listener to the handler. What is accepted becomes a `served_connection` at once, so that
// nothing is lost whatever happens later:
//
//     accept_one        a permit, a descriptor                            the acceptor's greenlet
//     take_over         an object in the list; is the address full, is the proxy trusted?
//     attend_to         the header of a proxy; is the address full?       the connection's greenlet
//     call_handler      this_connection, the handler, its errors
#include "stream_service.hpp"

#include <boost/asio/error.hpp>

#include <atomic>
#include <cerrno>
#include <exception>
#include <new>
#include <type_traits>
#include <utility>

namespace tendril {

stream_server_statistics& stream_server_statistics::operator+=(
    stream_server_statistics const& other) noexcept {
    connections += other.connections;
    accepted += other.accepted;
    accept_errors += other.accept_errors;
    ended += other.ended;
    failed += other.failed;
    killed += other.killed;
    refused += other.refused;
    refused_headers += other.refused_headers;
    return *this;
}

namespace detail {
namespace {

// Ends of a connection that happen every day and are nobody's error.
bool is_ordinary_end(error_code const& error) {
    namespace asio_error = boost::asio::error;
    return error == asio_error::eof || error == asio_error::connection_reset ||
        error == asio_error::broken_pipe || error == asio_error::connection_aborted ||
        error == asio_error::timed_out || error == errc::closed || error == errc::broken;
}

// Requires: an exception is being handled.
bool is_ordinary_end_now() {
    try {
        throw;
    } catch (system_error const& error) {
        return is_ordinary_end(error.code());
    } catch (...) {
        return false;
    }
}

// After these no later call can succeed: the descriptor is none, or does not listen.
bool is_end_of_listener(error_code const& error) {
    return error.category() == boost::system::system_category() &&
        (error.value() == EBADF || error.value() == ENOTSOCK || error.value() == EINVAL);
}

std::uint64_t next_connection_id() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

// Calls a function with the socket or the stream that is there.
template <typename Held, typename F>
decltype(auto) with_held(Held& held, F&& function) {
    return std::visit(std::forward<F>(function), held);
}

// The socket of a stream, of one kind or the other; none when the handler has moved it away.
struct socket_pointers {
    tcp_stream* tcp = nullptr;
    unix_stream* local = nullptr;
};
socket_pointers sockets_of(served_stream& stream) noexcept {
    if (auto* const any = std::get_if<any_stream>(&stream)) {
        return {any->target<tcp_stream>(), any->target<unix_stream>()};
    }
    return {std::get_if<tcp_stream>(&stream), std::get_if<unix_stream>(&stream)};
}

// The stream when a handler has put another layer in the socket's place, such as TLS: its orderly
// end waits, and says something to the peer.
any_stream* layered_stream_of(served_stream& stream) noexcept {
    auto const sockets = sockets_of(stream);
    bool const is_socket = sockets.tcp != nullptr || sockets.local != nullptr;
    return is_socket ? nullptr : std::get_if<any_stream>(&stream);
}

// On a listener for both families, a client of IPv4 has its address in the long form.
tcp_endpoint in_short_form(tcp_endpoint const& endpoint) {
    namespace ip = boost::asio::ip;
    ip::address const address = endpoint.address();
    return address.is_v6() && address.to_v6().is_v4_mapped()
        ? tcp_endpoint{ip::make_address_v4(ip::v4_mapped, address.to_v6()), endpoint.port()}
        : endpoint;
}

// Nothing is known of a connection that has failed, which its handler will find out.
connection_peer peer_of(served_stream& stream) noexcept {
    connection_peer peer;
    try {
        auto const sockets = sockets_of(stream);
        if (sockets.tcp != nullptr) {
            peer.endpoint = in_short_form(sockets.tcp->remote_endpoint());
        } else if (sockets.local != nullptr) {
            peer.is_local = true;
            peer.name = sockets.local->remote_name();
        }
    } catch (std::exception const&) {
        // It stays somebody.
    }
    return peer;
}

// A header is read from this: whatever its peer does, it ends at one moment.
struct stream_until {
    std::size_t read_some(boost::asio::mutable_buffer into, error_code& error) {
        auto* const tcp = std::get_if<tcp_stream>(&stream);
        return tcp != nullptr
            ? tcp->read_some_until(into, error, limit)
            : std::get_if<unix_stream>(&stream)->read_some_until(into, error, limit);
    }

    served_stream& stream;
    deadline limit;
};

}  // namespace

served_connection::served_connection(
    std::shared_ptr<service> by, served_stream accepted, std::shared_ptr<void> place) noexcept
    : served{std::move(by)},
      stream{std::move(accepted)},
      counted_elsewhere{std::move(place)} {}

served_connection::~served_connection() { leave(); }

void served_connection::leave() noexcept {
    if (auto* const layered = layered_stream_of(stream)) {
        layered->abort();
    } else {
        with_held(stream, [](auto& held) { held.close(); });
    }
    if (counted) {
        static_cast<stream_service&>(*owner).clients_.leave(*counted);
        counted.reset();
    }
}

stream_service::stream_service(
    std::string_view written, stream_handler callback, stream_server_options chosen)
    : service{
          "the server at " + std::string{written}, chosen.max_connections,
          {.first = chosen.first_delay, .longest = chosen.longest_delay}},
      address{written},
      options{std::move(chosen)},
      on_connection_{std::move(callback)} {
    TENDRIL_REQUIRE(
        on_connection_.takes(address.kind),
        address.kind == stream_kind::tcp
            ? "the handler takes no TCP streams, and the address is no unix:/path: let it take "
              "tcp_stream&, stream_socket& or any_stream&"
            : "the handler takes no streams of Unix sockets, and the address is unix:/path: let it "
              "take unix_stream&, stream_socket& or any_stream&");
}

void stream_service::require_kind(stream_kind kind, char const* text) const {
    TENDRIL_REQUIRE(on_connection_.takes(kind), text);
}

// Listening.

void stream_service::prepare() {
    if (options.before_start) {
        options.before_start();
    }
}

any_listener stream_service::listen() {
    // In the child of a fork it has the one of the parent.
    if (listens()) {
        return std::move(listener);
    }
    if (address.kind == stream_kind::tcp) {
        return tcp_listener::bind(address.host, address.port, options.listen);
    }
    return unix_listener::bind(
        address.name,
        {.backlog = options.listen.backlog,
         .remove_stale = options.listen.reuse_address,
         .reserve_descriptor = options.listen.reserve_descriptor});
}

bool stream_service::listens() const noexcept {
    return std::visit([](auto const& held) { return held.is_open(); }, listener);
}

void stream_service::close_listening() noexcept {
    with_held(listener, [](auto& held) { held.close(); });
}

// Accepting.

served_stream stream_service::accept_stream(error_code& error) {
    if (auto* const tcp = std::get_if<tcp_listener>(&listener)) {
        return tcp->accept(error);
    }
    return std::get_if<unix_listener>(&listener)->accept(error);
}

void stream_service::accept_one(error_code& error) {
    acquire_permit();
    scope_exit give_back{[&] { release_permit(); }};
    served_stream accepted = accept_stream(error);
    if (error.failed()) {
        if (is_end_of_listener(error)) {
            this_hub().report_error(
                std::make_exception_ptr(system_error{error, "the server ends"}), name);
            give_up();
            error = io_error(errc::closed);
        }
        return;
    }
    give_back.dismiss();
    take_over(std::move(accepted), nullptr);
}

void stream_service::serve(served_stream accepted, std::shared_ptr<void> counted_there) {
    require_own_thread();
    if (!try_acquire_permit()) {
        throw system_error{
            io_error(errc::overloaded), "a stream_server has as many connections as it may have"};
    }
    take_over(std::move(accepted), std::move(counted_there));
}

// Requires: a permit, which it takes over.
void stream_service::take_over(served_stream accepted, std::shared_ptr<void> counted_elsewhere) {
    scope_exit give_back{[&] { release_permit(); }};
    ++accepted_;
    auto opened = std::make_unique<served_connection>(
        shared_from_this(), std::move(accepted), std::move(counted_elsewhere));
    give_back.dismiss();
    describe(*opened);
    if (is_worth_a_stack(*opened)) {
        serve(std::move(opened));
    }
}

// Says whether a connection is served, as far as that is known before anything was read.
bool stream_service::is_worth_a_stack(served_connection& opened) {
    if (options.proxy == proxy_protocol::none) {
        return admits(opened);
    }
    // What counts is where the stream comes from: a listener that was handed in may be of another
    // kind than the address.
    connection_peer const& peer = opened.info.peer;
    bool const is_trusted = std::holds_alternative<unix_stream>(opened.stream) ||
        (peer.endpoint && options.trusted_proxies.contains(peer.endpoint->address()));
    refused_headers_ += is_trusted ? 0 : 1;
    return is_trusted;
}

void stream_service::serve(std::unique_ptr<served_connection> opened) {
    served_connection& connection = *opened;
    connection.served_by = spawn(
        {.stack_size = options.stack_size, .where = {}},
        [this, owned = std::move(opened)] { attend_to(*owned); });
}

// Who is there is asked once, and only when somebody may want to know.
void stream_service::describe(served_connection& opened) noexcept {
    bool const is_wanted = options.tell_connection || options.max_connections_per_address != 0 ||
        options.proxy != proxy_protocol::none || options.on_error;
    if (!is_wanted) {
        return;
    }
    opened.info.id = next_connection_id();
    opened.info.since = now();
    opened.info.peer = peer_of(opened.stream);
}

bool stream_service::admits(served_connection& opened) {
    if (options.max_connections_per_address == 0 || !opened.info.peer.endpoint) {
        return true;
    }
    opened.counted = clients_.enter(
        *opened.info.peer.endpoint, options.max_connections_per_address);
    refused_ += opened.counted ? 0 : 1;
    return opened.counted.has_value();
}

// Serving.

// Returns false when the connection is not worth serving.
bool stream_service::reads_header(served_connection& opened) {
    connection_peer& peer = opened.info.peer;
    stream_until limited{opened.stream, deadline::after(options.proxy_header_limit)};
    error_code error;
    struct proxy_header const header = read_proxy_header(limited, options.proxy_header, error);
    if (error.failed()) {
        return false;
    }
    if (header.what == proxy_header::kind::tcp) {
        peer = {.endpoint = header.source};
    } else if (header.what == proxy_header::kind::unix_stream) {
        peer = {.name = header.source_path};
    }
    return true;
}

void stream_service::attend_to(served_connection& opened) {
    if (options.proxy != proxy_protocol::none) {
        if (!reads_header(opened)) {
            ++refused_headers_;
            return;
        }
        if (!admits(opened)) {
            return;
        }
    }
    run_and_count(
        outcomes, [&] { call_handler(opened); }, is_ordinary_end_now,
        [&] { report_error(opened); });
}

// A layered stream is closed in order when the handler returns, and cut off when it throws.
void stream_service::call_handler(served_connection& opened) {
    if (options.tell_connection) {
        auto const told = this_connection.set_in_scope(opened.info);
        on_connection_(opened.stream);
    } else {
        on_connection_(opened.stream);
    }
    if (auto* const layered = layered_stream_of(opened.stream)) {
        layered->close();
    }
}

// Requires: an exception is being handled.
void stream_service::report_error(served_connection& opened) const {
    if (options.on_error) {
        options.on_error(opened.info, std::current_exception());
        return;
    }
    std::string whose = "a connection";
    if (opened.info.id == 0) {
        opened.info.peer = peer_of(opened.stream);
    }
    try {
        whose = "the connection of " + to_string(opened.info.peer) + " to " + name;
    } catch (std::bad_alloc const&) {
        // Then it is told without.
    }
    this_hub().report_error(std::current_exception(), whose);
}

void stream_service::tell_of_stop(served& each) noexcept {
    if (options.end_input_at_stop) {
        auto const sockets = sockets_of(static_cast<served_connection&>(each).stream);
        error_code ignored;
        if (sockets.tcp != nullptr) {
            sockets.tcp->shutdown_receive(ignored);
        } else if (sockets.local != nullptr) {
            sockets.local->shutdown_receive(ignored);
        }
    }
}

void stream_service::leave_to_parent(served& each) noexcept {
    static_cast<served_connection&>(each).leave();
}

stream_server_statistics stream_service::numbers() const noexcept {
    return {
        .connections = at_work(),
        .accepted = accepted_,
        .accept_errors = accept_errors(),
        .ended = outcomes.ended,
        .failed = outcomes.failed,
        .killed = outcomes.killed,
        .refused = refused_,
        .refused_headers = refused_headers_};
}

}  // namespace detail
}  // namespace tendril
