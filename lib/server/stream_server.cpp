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
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/accept_loop.hpp>
#include <tendril/io/context_bound.hpp>
#include <tendril/server/stream_server.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/intrusive_list.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/sync/semaphore.hpp>
#include <tendril/task/spawn.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
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

// Where a server is in its life.
enum class server_stage : std::uint8_t { stopped, starting, running, stopping };

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
          accepting{
              "the server at " + address.host + ":" + address.service,
              {.first = chosen.first_delay, .longest = chosen.longest_delay}},
          permits{permits_for(chosen.max_connections)} {}

    void accept_connections();
    void take_over(tcp_stream accepted);
    bool wait_until_left(std::size_t number, deadline limit);
    void end_handlers();
    void enter_stopped_from(server_stage present) noexcept;
    std::size_t handlers_of_caller();

    host_and_service const address;
    std::uint16_t const port;
    stream_server::handler on_connection;
    stream_server_options const options;
    tcp_listener listener;
    // How often it has started: an acceptor closes its own listener, and not that of a later one.
    std::uint64_t starts = 0;
    // Where it has started.
    std::optional<home_hub> home;
    task<void> acceptor;
    accept_loop accepting;
    counting_semaphore<> permits;
    intrusive_list<served_connection> connections;
    event one_gone;
    event stopped;
    server_stage stage = server_stage::stopped;
    stream_server_statistics numbers;

private:
    void accept_one(error_code& error);
    void serve(std::unique_ptr<served_connection> opened);
    void run_handler(tcp_stream& stream);
};

// Belongs to the task that accepts. When that is ended from outside, before its first turn perhaps,
// nobody shall wait in vain to be accepted.
struct end_of_acceptor {
    end_of_acceptor(std::shared_ptr<server_state> server, std::uint64_t number) noexcept
        : of{std::move(server)},
          start{number} {}
    end_of_acceptor(end_of_acceptor&&) noexcept = default;
    ~end_of_acceptor() {
        if (of != nullptr && of->starts == start) {
            of->listener.close();
        }
    }

    std::shared_ptr<server_state> of;
    std::uint64_t start;
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
    accepting.run([this](error_code& error) { accept_one(error); });
}

void server_state::accept_one(error_code& error) {
    permits.acquire();
    scope_exit give_back{[&] { permits.release(); }};
    tcp_stream accepted = listener.accept(error);
    if (error.failed()) {
        return;
    }
    give_back.dismiss();
    take_over(std::move(accepted));
}

// Requires: a permit, which it takes over.
void server_state::take_over(tcp_stream accepted) {
    scope_exit give_back{[&] { permits.release(); }};
    ++numbers.accepted;
    auto opened = std::make_unique<served_connection>(shared_from_this(), std::move(accepted));
    give_back.dismiss();
    serve(std::move(opened));
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

namespace {

// A handler that stops its server does not wait for itself, and does not end itself.
bool is_caller(served_connection const& each) noexcept {
    return each.served_by.valid() && each.served_by.id() == greenlet::current().id();
}

}  // namespace

std::size_t server_state::handlers_of_caller() {
    return static_cast<std::size_t>(
        std::count_if(connections.begin(), connections.end(), is_caller));
}

void server_state::end_handlers() {
    for (served_connection& each : connections) {
        if (!is_caller(each)) {
            each.served_by.kill();
        }
    }
}

// Does nothing when somebody else has changed the stage meanwhile.
void server_state::enter_stopped_from(server_stage present) noexcept {
    if (stage == present) {
        stage = server_stage::stopped;
        stopped.set();
    }
}

}  // namespace detail

using detail::server_stage;

stream_server::stream_server(
    std::string_view address, handler on_connection, stream_server_options options)
    : state_{std::make_shared<detail::server_state>(address, std::move(on_connection), options)} {}

stream_server::~stream_server() {
    if (state_->home) {
        state_->home->require_own_thread_to_destroy("a stream_server");
    }
    if (state_->stage != server_stage::stopped) {
        // What is requested for the greenlet whose scope ends here is delivered later. The moment
        // is no present one: that would look at the hub's clock, and the hub may be gone.
        interruption_shield const until_stopped;
        stop(deadline::at(time_point::min()));
    }
}

void stream_server::start() {
    detail::server_state& my = *state_;
    if (running()) {
        return;
    }
    // It ran in a hub that has gone.
    my.enter_stopped_from(server_stage::running);
    TENDRIL_REQUIRE(
        my.stage == server_stage::stopped,
        "start() while another start() or a stop() is under way: wait for it");
    my.stage = server_stage::starting;
    scope_exit fail{[&] {
        my.listener.close();
        my.enter_stopped_from(server_stage::starting);
    }};
    my.home.emplace(this_hub());
    tcp_listener bound = tcp_listener::bind(my.address.host, my.port, my.options.listen);
    if (my.stage != server_stage::starting) {
        throw system_error{io_error(errc::closed), "the server was stopped while it started"};
    }
    my.listener = std::move(bound);
    my.stopped.reset();
    my.acceptor = spawn(
        {.name = "acceptor", .where = {}},
        [own = detail::end_of_acceptor{state_, ++my.starts}] { own.of->accept_connections(); });
    my.stage = server_stage::running;
    fail.dismiss();
}

void stream_server::serve(tcp_stream accepted) {
    detail::server_state& my = *state_;
    if (!my.home) {
        my.home.emplace(this_hub());
    }
    my.home->require_own_thread("this stream_server belongs to another thread: post to its hub");
    if (!my.permits.try_acquire()) {
        throw system_error{
            io_error(errc::overloaded), "a stream_server has as many connections as it may have"};
    }
    my.take_over(std::move(accepted));
}

void stream_server::serve_forever() {
    start();
    scope_exit stop_when_interrupted{[&] { stop(std::chrono::seconds{0}); }};
    state_->stopped.wait();
    stop_when_interrupted.dismiss();
}

bool stream_server::stop(deadline limit) {
    detail::server_state& my = *state_;
    if (my.home) {
        my.home->require_own_thread(
            "this stream_server belongs to another thread: post to its hub, and stop it there");
    }
    my.listener.close();
    my.stage = server_stage::stopping;
    scope_exit when_interrupted{[&] {
        my.end_handlers();
        my.enter_stopped_from(server_stage::stopping);
    }};
    if (my.acceptor.valid()) {
        my.acceptor.cancel();
        my.acceptor.join();
    }
    std::size_t const spared = my.handlers_of_caller();
    bool const in_time = my.wait_until_left(spared, limit);
    if (!in_time) {
        my.end_handlers();
        my.wait_until_left(spared, deadline::after(detail::time_to_unwind));
    }
    when_interrupted.dismiss();
    my.enter_stopped_from(server_stage::stopping);
    return in_time;
}

bool stream_server::running() const noexcept {
    return state_->stage == server_stage::running && state_->listener.is_open();
}

tcp_endpoint stream_server::local_endpoint() const {
    TENDRIL_REQUIRE(
        running(), "local_endpoint() of a server that does not run: call start() first");
    return state_->listener.local_endpoint();
}

stream_server_statistics stream_server::statistics() const noexcept {
    stream_server_statistics now = state_->numbers;
    now.accept_errors = state_->accepting.failures();
    return now;
}

}  // namespace tendril
