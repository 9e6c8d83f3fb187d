// SPDX-License-Identifier: BSL-1.0
//
// One task accepts; one task serves each connection, and owns its entry in the server's list. All
// of them share a state with the handle, so that a call of a protocol which refuses to end does not
// find it destroyed.
//
// Invariants:
// 1. A connection is in the list exactly as long as its entry exists, whether its task ran, failed,
//    or was ended before its first turn.
// 2. `changed` is set whenever a connection has gone, or the accepting has ended.
#include "protocol_connection.hpp"

#include <tendril/greenlet/greenlet.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/accept_loop.hpp>
#include <tendril/io/context_bound.hpp>
#include <tendril/net/tcp_listener.hpp>
#include <tendril/protocol/protocol_server.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/intrusive_list.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/task/spawn.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>

namespace tendril {
namespace detail {
namespace {

// How long connections get to end: by themselves, and then when they have been told to exit.
constexpr auto time_to_end = std::chrono::seconds{1};

}  // namespace

// One connection, owned by its task.
struct served_protocol : list_hook<> {
    served_protocol(std::shared_ptr<protocol_server_state> server, any_stream accepted);
    ~served_protocol();
    void run();

    std::shared_ptr<protocol_server_state> const owner;
    std::shared_ptr<protocol_connection> const connection;
    task<void> run_by;
};

// Belongs to the task that accepts. When that is ended from outside, before its first turn perhaps,
// nobody shall wait in vain to be accepted.
struct end_of_accepting {
    explicit end_of_accepting(std::shared_ptr<protocol_server_state> server) noexcept
        : of{std::move(server)} {}
    end_of_accepting(end_of_accepting&&) noexcept = default;
    ~end_of_accepting();

    std::shared_ptr<protocol_server_state> of;
};

class protocol_server_state : public std::enable_shared_from_this<protocol_server_state> {
public:
    protocol_server_state(
        std::unique_ptr<stream_source> source, protocol_factory factory,
        protocol_options const& options)
        : home_{this_hub()},
          source_{std::move(source)},
          factory_{std::move(factory)},
          options_{options} {}

    void start() {
        accepting_ = spawn(
            {.name = "acceptor", .where = {}},
            [self = end_of_accepting{shared_from_this()}] { self.of->accept_connections(); });
        running_ = true;
    }
    void stop();
    bool wait_until_left(std::size_t number, deadline limit);
    void end() noexcept;
    template <typename F>
    void for_each(F&& function);

    void require_own_thread() const {
        home_.require_own_thread(
            "this protocol_server belongs to another thread: post to its hub, and use it there");
    }
    bool running() const noexcept { return running_; }
    std::size_t connections() const noexcept { return count_; }
    tcp_endpoint local_endpoint() const { return source_->local_endpoint(); }

private:
    friend struct end_of_accepting;
    friend struct served_protocol;

    void accept_connections();
    void stop_listening();
    void accept_one(error_code& error);

    home_hub const home_;
    std::uint64_t const forks_ = forks_until_now();
    std::unique_ptr<stream_source> const source_;
    protocol_factory factory_;
    protocol_options const options_;
    task<void> accepting_;
    accept_loop loop_{"protocol_server"};
    intrusive_list<served_protocol> served_;
    std::size_t count_ = 0;
    event changed_;
    bool running_ = false;
};

served_protocol::served_protocol(std::shared_ptr<protocol_server_state> server, any_stream accepted)
    : owner{std::move(server)},
      connection{std::make_shared<protocol_connection>(std::move(accepted), owner->options_)} {
    owner->served_.push_back(*this);
    ++owner->count_;
}

served_protocol::~served_protocol() {
    connection->abandon();
    unlink();
    --owner->count_;
    owner->changed_.set();
}

end_of_accepting::~end_of_accepting() {
    if (of != nullptr) {
        of->stop_listening();
    }
}

// A factory that throws ends the task, which reports it.
void served_protocol::run() {
    std::shared_ptr<protocol> handler = owner->factory_();
    TENDRIL_REQUIRE(handler != nullptr, "there is no protocol: the factory has returned null");
    connection->run(std::move(handler));
}

void protocol_server_state::accept_connections() {
    loop_.run([this](error_code& error) { accept_one(error); });
}

void protocol_server_state::accept_one(error_code& error) {
    any_stream accepted = source_->accept(error);
    if (error.failed()) {
        return;
    }
    auto opened = std::make_unique<served_protocol>(shared_from_this(), std::move(accepted));
    served_protocol& served = *opened;
    served.run_by = spawn(
        {.name = "protocol", .stack_size = options_.stack_size, .where = {}},
        [owned = std::move(opened)] { owned->run(); });
}

void protocol_server_state::stop() {
    require_own_thread();
    stop_listening();
    accepting_.cancel();
}

void protocol_server_state::stop_listening() {
    source_->close();
    running_ = false;
    changed_.set();
}

// Waits until it has stopped and there are no more connections than that.
bool protocol_server_state::wait_until_left(std::size_t number, deadline limit) {
    require_own_thread();
    check_interruption();
    while (running_ || count_ > number) {
        changed_.reset();
        if (!changed_.wait_until(limit)) {
            return false;
        }
    }
    return true;
}

// Calls a function with each entry.
template <typename F>
void protocol_server_state::for_each(F&& function) {
    require_own_thread();
    for (served_protocol& each : served_) {
        function(each);
    }
}

namespace {

// Who destroys a server in a call of one of its protocols does not wait for itself.
bool is_of_caller(served_protocol const& each) noexcept {
    return each.run_by.valid() && each.run_by.id() == greenlet::current().id();
}

}  // namespace

void protocol_server_state::end() noexcept {
    home_.require_own_thread_to_destroy("a protocol_server");
    // With its hub, all of its tasks have gone.
    if (!home_.exists()) {
        return;
    }
    // In the child of a fork nobody is there to be waited for; what is closed is the child's copy.
    if (forks_ != forks_until_now()) {
        source_->close();
        for_each([](served_protocol& each) { each.connection->leave_to_parent(); });
        return;
    }
    stop();
    std::size_t const spared = static_cast<std::size_t>(
        std::count_if(served_.begin(), served_.end(), is_of_caller));
    for_each([](served_protocol& each) { each.connection->abort(); });
    if (count_ == spared) {
        return;
    }
    interruption_shield const until_ended;
    if (wait_until_left(spared, deadline::after(time_to_end))) {
        return;
    }
    for_each([](served_protocol& each) {
        if (!is_of_caller(each)) {
            each.run_by.kill();
        }
    });
    wait_until_left(spared, deadline::after(time_to_end));
}

}  // namespace detail

protocol_server start_protocol_server(
    std::unique_ptr<detail::stream_source> source, protocol_factory factory,
    protocol_options const& options) {
    detail::require_sensible(options);
    auto state = std::make_shared<detail::protocol_server_state>(
        std::move(source), std::move(factory), options);
    state->start();
    return protocol_server{std::move(state)};
}

protocol_server serve_protocol(
    std::string_view address, protocol_factory factory, protocol_options const& options) {
    host_and_service const where = parse_address(address);
    return serve_protocol(
        tcp_listener::bind(where.host, parse_port(where.service)), std::move(factory), options);
}

protocol_server& protocol_server::operator=(protocol_server&& other) noexcept {
    if (this != &other) {
        protocol_server const old{std::move(*this)};
        state_ = std::move(other.state_);
    }
    return *this;
}

protocol_server::~protocol_server() {
    if (state_ != nullptr) {
        state_->end();
    }
}

detail::protocol_server_state& protocol_server::state() const {
    TENDRIL_REQUIRE(
        state_ != nullptr, "this handle names no server: it was moved from, or never assigned to");
    return *state_;
}

void protocol_server::stop() { state().stop(); }

void protocol_server::close_clients() {
    state().for_each([](detail::served_protocol& each) { each.connection->close(); });
}

void protocol_server::abort_clients() {
    state().for_each([](detail::served_protocol& each) { each.connection->abort(); });
}

bool protocol_server::wait_until(deadline limit) {
    // The handle may be moved from meanwhile.
    auto const kept = state_;
    return state().wait_until_left(0, limit);
}

bool protocol_server::running() const { return state().running(); }

std::size_t protocol_server::connections() const { return state().connections(); }

tcp_endpoint protocol_server::local_endpoint() const { return state().local_endpoint(); }

}  // namespace tendril
