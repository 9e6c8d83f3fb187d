// SPDX-License-Identifier: BSL-1.0
//
// A service whose listener is a socket that answers, too. So `close_listening` only receives no
// more; the socket is closed when the handlers have ended, or were given up.
//
// Invariants:
// 1. At most one greenlet sends, namely the one that has the permit of `sending`.
// 2. A path that was made is owned by somebody from then on, also while the server starts.
#include "made_path.hpp"
#include "server_address.hpp"
#include "service.hpp"

#include <tendril/server/datagram_server.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/error.hpp>

#include <sys/stat.h>

#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace tendril {
namespace detail {
namespace {

std::string text_of_sender(udp_endpoint const& from) { return to_string(from); }
std::string text_of_sender(unix_datagram_endpoint const& from) {
    std::string path = from.path();
    if (path.empty()) {
        return "somebody";
    }
    // A name of the abstract space begins with a zero.
    path.front() = path.front() == '\0' ? '@' : path.front();
    return "unix:" + path;
}

// Says whether a path is a socket that nobody has any more.
bool is_left_over(std::string const& path) {
    struct stat found {};
    if (kernel().lstat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) {
        return false;
    }
    try {
        static_cast<void>(unix_datagram::connect(path));
    } catch (system_error const& error) {
        return error.code() == boost::asio::error::connection_refused;
    }
    return false;
}

// What a server is bound to.
template <typename Socket>
struct bound_socket {
    Socket socket;
    made_path path;
};

// The name is a copy, made before there is a path to be left behind.
bound_socket<unix_datagram> bind_at_path(std::string name) {
    unix_datagram bound = unix_datagram::bind(name);
    return {std::move(bound), made_path{std::move(name)}};
}

bound_socket<udp_socket> bind_socket(
    std::type_identity<udp_socket>, server_address const& address,
    datagram_server_options const& options) {
    return {udp_socket::bind(address.host, address.port, options.socket), {}};
}
bound_socket<unix_datagram> bind_socket(
    std::type_identity<unix_datagram>, server_address const& address,
    datagram_server_options const&) {
    if (address.name[0] == '@') {
        return {unix_datagram::bind(address.name), {}};
    }
    try {
        return bind_at_path(address.name);
    } catch (system_error const& error) {
        if (error.code() != boost::asio::error::address_in_use || !is_left_over(address.name)) {
            throw;
        }
    }
    kernel().unlink(address.name.c_str());
    return bind_at_path(address.name);
}

constexpr stream_kind kind_of(std::type_identity<udp_socket>) { return stream_kind::tcp; }
constexpr stream_kind kind_of(std::type_identity<unix_datagram>) {
    return stream_kind::unix_socket;
}

}  // namespace

/// One datagram, while it is handled.
template <typename Socket>
struct served_datagram final : served {
    served_datagram(
        std::shared_ptr<service> by, std::string received,
        typename Socket::endpoint_type const& sender) noexcept
        : served{std::move(by)},
          data{std::move(received)},
          from{sender} {}

    std::string data;
    typename Socket::endpoint_type from;
};

template <typename Socket>
class datagram_service final : public service {
public:
    using endpoint = typename Socket::endpoint_type;
    using handler = typename basic_datagram_server<Socket>::handler;

    datagram_service(std::string_view written, handler callback, datagram_server_options chosen);

    bound_socket<Socket> open();
    void keep(bound_socket<Socket> bound);
    void send(boost::asio::const_buffer data, endpoint const& receiver, error_code& error);
    datagram_server_statistics numbers() const noexcept;

    bool listens() const noexcept override { return receiving_ && socket.is_open(); }

    datagram_server_options const options;
    Socket socket;

private:
    void prepare() override;
    void close_listening() noexcept override { receiving_ = false; }
    void close_rest() noexcept override;
    void accept_one(error_code& error) override;
    void leave_to_parent(served&) noexcept override {}
    void follow_fork_too() override;

    void handle(std::unique_ptr<served_datagram<Socket>> received);
    void report_error(served_datagram<Socket> const& of) const;

    server_address const address_;
    handler on_datagram_;
    std::vector<char> room_;
    counting_semaphore<> sending_{1};
    bool receiving_ = false;
    made_path path_;
    std::uint64_t received_ = 0;
    std::uint64_t too_large_ = 0;
    std::uint64_t sent_ = 0;
};

template <typename Socket>
datagram_service<Socket>::datagram_service(
    std::string_view written, handler callback, datagram_server_options chosen)
    : service{
          "the datagram server at " + std::string{written}, chosen.max_handlers,
          {.first = chosen.first_delay, .longest = chosen.longest_delay}},
      options{std::move(chosen)},
      address_{written},
      on_datagram_{std::move(callback)} {
    if (address_.kind != kind_of(std::type_identity<Socket>{})) {
        throw system_error{
            io_error(errc::bad_name),
            "'" + address_.text + "' is the address of a socket of another kind"};
    }
    TENDRIL_REQUIRE(options.largest > 0, "the largest datagram of a server has a byte at least");
}

template <typename Socket>
void datagram_service<Socket>::prepare() {
    if (options.before_start) {
        options.before_start();
    }
}

template <typename Socket>
bound_socket<Socket> datagram_service<Socket>::open() {
    // In the child of a fork it has the one of the parent.
    if (socket.is_open()) {
        return {std::move(socket), std::move(path_)};
    }
    return bind_socket(std::type_identity<Socket>{}, address_, options);
}

template <typename Socket>
void datagram_service<Socket>::keep(bound_socket<Socket> bound) {
    room_.resize(options.largest);
    path_ = std::move(bound.path);
    socket = std::move(bound.socket);
    receiving_ = true;
}

template <typename Socket>
void datagram_service<Socket>::close_rest() noexcept {
    path_.remove();
    socket.close();
}

// Nobody sends any more but the caller, who calls this and does not send.
template <typename Socket>
void datagram_service<Socket>::follow_fork_too() {
    sending_.release(1 - sending_.available());
}

template <typename Socket>
void datagram_service<Socket>::accept_one(error_code& error) {
    namespace asio_error = boost::asio::error;
    acquire_permit();
    scope_exit give_back{[&] { release_permit(); }};
    endpoint from;
    std::size_t const size = socket.receive_from(boost::asio::buffer(room_), from, error);
    if (error == asio_error::message_size) {
        ++too_large_;
        error = {};
        return;
    }
    if (error == asio_error::connection_refused) {
        // Somebody who was answered has gone.
        error = {};
        return;
    }
    if (error.failed()) {
        return;
    }
    ++received_;
    auto received = std::make_unique<served_datagram<Socket>>(
        shared_from_this(), std::string{room_.data(), size}, from);
    give_back.dismiss();
    handle(std::move(received));
}

template <typename Socket>
void datagram_service<Socket>::handle(std::unique_ptr<served_datagram<Socket>> received) {
    served_datagram<Socket>& datagram = *received;
    datagram.served_by = spawn(
        {.stack_size = options.stack_size, .where = {}}, [this, owned = std::move(received)] {
            basic_datagram_reply<Socket> reply{*owned};
            run_and_count(
                outcomes, [&] { on_datagram_(owned->data, owned->from, reply); },
                [] { return false; }, [&] { report_error(*owned); });
        });
}

// Requires: an exception is being handled.
template <typename Socket>
void datagram_service<Socket>::report_error(served_datagram<Socket> const& of) const {
    if (options.on_error) {
        options.on_error(text_of_sender(of.from), std::current_exception());
        return;
    }
    std::string whose = "a datagram";
    try {
        whose = "a datagram of " + text_of_sender(of.from) + " to " + name;
    } catch (std::bad_alloc const&) {
        // Then it is told without.
    }
    this_hub().report_error(std::current_exception(), whose);
}

template <typename Socket>
void datagram_service<Socket>::send(
    boost::asio::const_buffer data, endpoint const& receiver, error_code& error) {
    // In the child of a fork, whoever is about to send is no more.
    require_own_thread();
    sending_.acquire();
    scope_exit const next{[&] { sending_.release(); }};
    socket.send_to(data, receiver, error);
    sent_ += error.failed() ? 0 : 1;
}

template <typename Socket>
datagram_server_statistics datagram_service<Socket>::numbers() const noexcept {
    return {
        .handlers = at_work(),
        .received = received_,
        .too_large = too_large_,
        .receive_errors = accept_errors(),
        .ended = outcomes.ended,
        .failed = outcomes.failed,
        .killed = outcomes.killed,
        .sent = sent_};
}

}  // namespace detail

// Replies.

template <typename Socket>
void basic_datagram_reply<Socket>::send_to(
    boost::asio::const_buffer data, endpoint const& receiver, error_code& error) {
    static_cast<detail::datagram_service<Socket>&>(*to_.owner).send(data, receiver, error);
}

template <typename Socket>
void basic_datagram_reply<Socket>::send_to(
    boost::asio::const_buffer data, endpoint const& receiver) {
    error_code error;
    send_to(data, receiver, error);
    detail::throw_if(error, "a reply to a datagram");
}

template <typename Socket>
void basic_datagram_reply<Socket>::send(boost::asio::const_buffer data, error_code& error) {
    send_to(data, to_.from, error);
}

template <typename Socket>
void basic_datagram_reply<Socket>::send(boost::asio::const_buffer data) {
    send_to(data, to_.from);
}

// The server.

template <typename Socket>
basic_datagram_server<Socket>::basic_datagram_server(
    std::string_view address, handler on_datagram, datagram_server_options options)
    : state_{std::make_shared<detail::datagram_service<Socket>>(
          address, std::move(on_datagram), std::move(options))} {}

template <typename Socket>
basic_datagram_server<Socket>::~basic_datagram_server() {
    state_->end_with_its_object("a datagram server");
}

template <typename Socket>
void basic_datagram_server<Socket>::start() {
    auto const my = state_;
    my->start([&my] { return my->open(); }, [&my](auto bound) { my->keep(std::move(bound)); });
}

template <typename Socket>
void basic_datagram_server<Socket>::start(Socket bound) {
    auto const my = state_;
    auto const take = [&] { return detail::bound_socket<Socket>{std::move(bound), {}}; };
    my->start(take, [&my](auto taken) { my->keep(std::move(taken)); });
}

template <typename Socket>
void basic_datagram_server<Socket>::serve_forever() {
    start();
    auto const kept = state_;
    kept->wait_until_stopped();
}

template <typename Socket>
bool basic_datagram_server<Socket>::stop(deadline limit) {
    auto const kept = state_;
    return kept->stop(limit);
}

template <typename Socket>
void basic_datagram_server<Socket>::send_to(
    boost::asio::const_buffer data, endpoint const& receiver) {
    auto const kept = state_;
    error_code error;
    kept->send(data, receiver, error);
    detail::throw_if(error, "send_to of a datagram server");
}

template <typename Socket>
bool basic_datagram_server<Socket>::running() const noexcept {
    return state_->running();
}

template <typename Socket>
typename basic_datagram_server<Socket>::endpoint basic_datagram_server<Socket>::local_endpoint()
    const {
    TENDRIL_REQUIRE(
        running(), "local_endpoint() of a server that does not run: call start() first");
    return state_->socket.local_endpoint();
}

template <typename Socket>
datagram_server_statistics basic_datagram_server<Socket>::statistics() const noexcept {
    return state_->numbers();
}

template class basic_datagram_reply<udp_socket>;
template class basic_datagram_reply<unix_datagram>;
template class basic_datagram_server<udp_socket>;
template class basic_datagram_server<unix_datagram>;

}  // namespace tendril
