// SPDX-License-Identifier: BSL-1.0
//
// One task accepts; one task serves each connection. Both share a state with the server object, so
// that a handler which refuses to end does not find it destroyed.
//
// Invariants:
// 1. A permit is taken before a connection is accepted. It belongs to the connection object as soon
//    as there is one, and is given back with it, whether its task ran, failed, or was ended before
//    its first turn.
// 2. A connection is in the list exactly as long as its object exists.
#include <tendril/hub/hub.hpp>
#include <tendril/hub/sleep.hpp>
#include <tendril/server/stream_server.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/intrusive_list.hpp>
#include <tendril/support/random.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/sync/semaphore.hpp>
#include <tendril/task/spawn.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace tendril {
namespace detail {
namespace {

// After they are told to exit, handlers get this long to clean up.
constexpr auto time_to_unwind = std::chrono::seconds{1};

std::ptrdiff_t permits_for(std::size_t limit) noexcept {
    constexpr auto most = std::numeric_limits<std::ptrdiff_t>::max();
    bool const unlimited = limit == 0 || limit > static_cast<std::size_t>(most);
    return unlimited ? most : static_cast<std::ptrdiff_t>(limit);
}

// Ends of a connection that happen every day and are nobody's error.
bool is_ordinary_end(error_code const& error) {
    namespace asio_error = boost::asio::error;
    return error == asio_error::eof || error == asio_error::connection_reset ||
        error == asio_error::broken_pipe || error == asio_error::connection_aborted ||
        error == asio_error::timed_out || error == errc::closed || error == errc::broken;
}

}  // namespace

// One open connection, owned by its task.
struct served_connection : list_hook<> {
    served_connection(std::shared_ptr<server_state> server, tcp_stream accepted);
    ~served_connection();

    std::shared_ptr<server_state> const owner;
    tcp_stream stream;
    task<void> served_by;
};

class server_state : public std::enable_shared_from_this<server_state> {
public:
    server_state(
        std::string_view text, stream_server::handler callback, stream_server_options chosen)
        : address{parse_address(text)},
          port{parse_port(address.service)},
          on_connection{std::move(callback)},
          options{chosen},
          permits{permits_for(chosen.max_connections)} {
        stopped.set();
    }

    void accept_connections();
    bool wait_until_left(std::size_t number, deadline limit);

    host_and_service const address;
    std::uint16_t const port;
    stream_server::handler on_connection;
    stream_server_options const options;
    tcp_listener listener;
    task<void> acceptor;
    counting_semaphore<> permits;
    intrusive_list<served_connection> connections;
    event one_gone;
    event stopped;
    stream_server_statistics numbers;

private:
    error_code accept_one();
    void serve(std::unique_ptr<served_connection> opened);
    void run_handler(tcp_stream& stream);
    void back_off(error_code const& reason);
    void report_pause(error_code const& reason) noexcept;

    std::chrono::milliseconds delay_{0};
};

served_connection::served_connection(std::shared_ptr<server_state> server, tcp_stream accepted)
    : owner{std::move(server)},
      stream{std::move(accepted)} {
    owner->connections.push_back(*this);
    ++owner->numbers.connections;
}

served_connection::~served_connection() {
    stream.close();
    unlink();
    --owner->numbers.connections;
    owner->permits.release();
    owner->one_gone.set();
}

void server_state::accept_connections() {
    delay_ = std::chrono::milliseconds{0};
    while (true) {
        error_code const error = accept_one();
        if (error == errc::closed) {
            return;
        }
        if (error.failed()) {
            back_off(error);
        } else {
            delay_ = std::chrono::milliseconds{0};
        }
    }
}

error_code server_state::accept_one() {
    permits.acquire();
    scope_exit give_back{[&] { permits.release(); }};
    try {
        error_code error;
        tcp_stream accepted = listener.accept(error);
        if (!error.failed()) {
            ++numbers.accepted;
            auto opened = std::make_unique<served_connection>(
                shared_from_this(), std::move(accepted));
            give_back.dismiss();
            serve(std::move(opened));
        }
        return error;
    } catch (std::bad_alloc const&) {
        return boost::asio::error::no_memory;
    }
}

void server_state::serve(std::unique_ptr<served_connection> opened) {
    served_connection& served = *opened;
    served.served_by = spawn(
        {.stack_size = options.stack_size, .where = {}},
        [owned = std::move(opened)] { owned->owner->run_handler(owned->stream); });
}

void server_state::run_handler(tcp_stream& stream) {
    try {
        on_connection(stream);
    } catch (system_error const& error) {
        if (!is_ordinary_end(error.code())) {
            throw;
        }
    }
}

// Waits a little, twice as long each time, and never exactly as long as others do.
void server_state::back_off(error_code const& reason) {
    ++numbers.accept_errors;
    if (delay_.count() == 0) {
        report_pause(reason);
    }
    delay_ = std::clamp(delay_ * 2, options.first_delay, options.longest_delay);
    auto const most_jitter = static_cast<std::uint64_t>(delay_.count()) / 8 + 1;
    auto const jitter = random_below(this_hub().random(), most_jitter);
    sleep_for(delay_ - std::chrono::milliseconds{jitter});
}

void server_state::report_pause(error_code const& reason) noexcept {
    try {
        this_hub().report_error(
            std::make_exception_ptr(system_error{reason, "accepting pauses"}),
            "the server at " + address.host + ":" + address.service);
    } catch (std::bad_alloc const&) {
        // There is no memory to say so, and the server must live on.
    }
}

// Waits until no more than `number` connections are open. Returns whether it has come to that.
bool server_state::wait_until_left(std::size_t number, deadline limit) {
    while (numbers.connections > number) {
        one_gone.reset();
        if (!one_gone.wait_until(limit)) {
            return false;
        }
    }
    return true;
}

}  // namespace detail

stream_server::stream_server(
    std::string_view address, handler on_connection, stream_server_options options)
    : state_{std::make_shared<detail::server_state>(address, std::move(on_connection), options)} {}

stream_server::~stream_server() {
    if (!state_->stopped.is_set()) {
        // Not `stop`: that looks at the hub's clock, and the hub may be gone.
        stop_until(deadline::at(time_point::min()));
    }
}

void stream_server::start() {
    if (running()) {
        return;
    }
    detail::server_state& my = *state_;
    my.listener = tcp_listener::bind(my.address.host, my.port, my.options.listen);
    my.stopped.reset();
    my.acceptor = spawn(
        {.name = "acceptor", .where = {}}, [state = state_] { state->accept_connections(); });
}

void stream_server::serve_forever() {
    start();
    scope_exit stop_when_interrupted{[&] { stop(std::chrono::seconds{0}); }};
    state_->stopped.wait();
    stop_when_interrupted.dismiss();
}

bool stream_server::stop_until(deadline limit) {
    detail::server_state& my = *state_;
    my.listener.close();
    if (my.acceptor.valid()) {
        my.acceptor.cancel();
        my.acceptor.join();
    }
    // A handler that stops its server does not wait for itself.
    auto const is_caller = [](detail::served_connection const& each) {
        return each.served_by.valid() && each.served_by.id() == greenlet::current().id();
    };
    std::size_t const spared = static_cast<std::size_t>(
        std::count_if(my.connections.begin(), my.connections.end(), is_caller));
    bool const in_time = my.wait_until_left(spared, limit);
    if (!in_time) {
        for (detail::served_connection& each : my.connections) {
            if (!is_caller(each)) {
                each.served_by.kill();
            }
        }
        my.wait_until_left(spared, deadline::after(detail::time_to_unwind));
    }
    my.stopped.set();
    return in_time;
}

bool stream_server::running() const noexcept { return state_->listener.is_open(); }

tcp_endpoint stream_server::local_endpoint() const {
    TENDRIL_REQUIRE(
        running(), "local_endpoint() of a server that does not run: call start() first");
    return state_->listener.local_endpoint();
}

stream_server_statistics stream_server::statistics() const noexcept { return state_->numbers; }

}  // namespace tendril
