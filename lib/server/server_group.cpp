// SPDX-License-Identifier: BSL-1.0
//
// On each hub a task, the keeper, owns the server of that hub: it makes it, waits until it is told
// to stop, and stops it. So nothing of a server is touched on another thread, and a group of hubs
// that ends takes its servers along. One `served_group` stands for the time between a start and
// its stop, and is shared by all who may still need it.
//
// A connection that is handed over is a descriptor on its way, in the function that is posted:
//
//     acceptor (hub 0)        counts it for the hub with the fewest, posts it
//     the hub's callback      makes a stream of it and gives it to its server
//     the connection's end    counts it out, whether a handler has seen it or not
//
// Invariants:
// 1. A connection is counted for its hub from before the post until it is closed: after its
//    handler, or without one because it was refused, or because nobody wants it.
// 2. The keepers of the other hubs stop after the acceptor has stopped. What it has posted comes
//    into the same mailbox before the letter that tells the keeper, so no connection is forgotten.
#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/greenlet/greenlet_local.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/server/server_group.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/cache_line.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/task/spawn.hpp>

#include <cxxabi.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <optional>
#include <system_error>

namespace tendril {
namespace detail {
namespace {

// Which group the running greenlet serves a connection for, if any.
greenlet_local<served_group const*> serves_for;

}  // namespace

// What one hub has.
struct alignas(cache_line_size) served_hub {
    // Its own thread: null when it does not serve.
    stream_server* server = nullptr;
    stream_server* acceptor = nullptr;
    // Any thread: connections that were handed to it and are not closed.
    std::atomic<std::size_t> connections{0};
    // Guarded by the mutex of the group.
    stream_server_statistics last;
};

class served_group : public std::enable_shared_from_this<served_group> {
public:
    served_group(
        hub_group& group, std::shared_ptr<handlers_made_by> handlers, server_group_options chosen)
        : hubs{group},
          handlers_{std::move(handlers)},
          options_{chosen},
          at_(group.size()) {}

    void start(std::string address);
    void begin_end(std::chrono::nanoseconds grace) noexcept;
    bool wait_for_end() const;
    bool has_ended() const;
    stream_server_statistics numbers_here(std::size_t index);
    stream_server_statistics last_numbers(std::size_t index);
    bool is_served_here() const noexcept;
    bool is_of_parent() const noexcept { return forks_ != forks_until_now(); }

    hub_group& hubs;
    // Immutable once it has started.
    tcp_endpoint endpoint;
    std::atomic<bool> ending{false};

private:
    friend class handed_place;
    friend class handed_connection;

    bool keep(
        std::size_t index, std::string const& address,
        shared_promise<tcp_endpoint> const& listening);
    bool serve_until_told(std::size_t index);
    stream_server::handler handler_for(std::size_t index);
    stream_server_options options_for_each() const;
    stream_server_options options_for_acceptor() const;
    void hand_over(tcp_stream& accepted);
    std::size_t fewest() noexcept;
    bool is_full() const noexcept;
    void count_out(std::size_t index) noexcept;

    std::uint64_t const forks_ = forks_until_now();
    std::shared_ptr<handlers_made_by> handlers_;
    server_group_options const options_;
    std::vector<served_hub> at_;
    std::vector<shared_future<bool>> keepers_;
    shared_event stop_wanted_;
    shared_event at_once_;
    shared_event accepts_no_more_;
    // One that was handed over has ended; looked at by the acceptor alone.
    shared_event one_gone_;
    std::atomic<std::int64_t> grace_{std::numeric_limits<std::int64_t>::max()};
    // The acceptor's.
    std::size_t next_ = 0;
    mutable std::mutex guard_;
};

// A connection as it is counted for its hub. It goes with the connection.
class handed_place {
public:
    handed_place(std::shared_ptr<served_group> by, std::size_t to) noexcept
        : group{std::move(by)},
          hub{to} {
        group->at_[hub].connections.fetch_add(1);
    }
    handed_place(handed_place const&) = delete;
    ~handed_place() { group->count_out(hub); }

    std::shared_ptr<served_group> const group;
    std::size_t const hub;
};

// A descriptor on its way to its hub. One that does not arrive is closed.
class handed_connection {
public:
    handed_connection(std::shared_ptr<served_group> group, std::size_t to)
        : place_{std::make_shared<handed_place>(std::move(group), to)} {}
    handed_connection(handed_connection&& other) noexcept
        : place_{std::move(other.place_)},
          descriptor_{std::exchange(other.descriptor_, -1)} {}
    handed_connection& operator=(handed_connection&&) = delete;
    ~handed_connection() {
        if (descriptor_ >= 0) {
            kernel().close(descriptor_);
        }
    }

    void keep(int descriptor) noexcept { descriptor_ = descriptor; }

    // Runs in the hub that it was handed to.
    void operator()() {
        stream_server* const server = place_->group->at_[place_->hub].server;
        if (server != nullptr) {
            server->serve(tcp_stream::adopt(std::exchange(descriptor_, -1)), std::move(place_));
        }
    }

private:
    std::shared_ptr<handed_place> place_;
    int descriptor_ = -1;
};

// The beginning.

namespace {

// A keeper that was ended before it listened has told nobody.
tcp_endpoint told_by(shared_future<tcp_endpoint> const& listening) try {
    return listening.get();
} catch (broken_promise const&) {
    throw std::system_error{
        make_error_code(errc::closed), "the group of hubs has ended while its servers started"};
}

}  // namespace

// One after the other: the first tells the port to the others.
void served_group::start(std::string address) {
    scope_exit stop_those{[&] { begin_end(std::chrono::nanoseconds{0}); }};
    keepers_.reserve(hubs.size());
    for (std::size_t index = 0; index < hubs.size(); ++index) {
        shared_promise<tcp_endpoint> listening;
        auto const told = listening.get_future();
        keepers_.push_back(hubs.spawn_on(
            index, {.name = "keeper of a server", .where = {}},
            [my = shared_from_this(), index, address, listening = std::move(listening)] {
                return my->keep(index, address, listening);
            }));
        tcp_endpoint const where = told_by(told);
        if (index == 0) {
            endpoint = where;
            address = to_string(where);
        }
    }
    stop_those.dismiss();
}

// What goes wrong at the beginning is told to whoever starts, and is no error of this task.
bool served_group::keep(
    std::size_t index, std::string const& address, shared_promise<tcp_endpoint> const& listening) {
    try {
        served_hub& here = at_[index];
        bool const by_kernel = options_.how == dividing::by_kernel;
        stream_server server{address, handler_for(index), options_for_each()};
        std::optional<stream_server> acceptor;
        scope_exit const no_more{[&] {
            numbers_here(index);
            here.server = nullptr;
            here.acceptor = nullptr;
            accepts_no_more_.set();
            // One that was not started has connections all the same.
            interruption_shield const until_stopped;
            try {
                server.stop(std::chrono::seconds{0});
            } catch (std::bad_alloc const&) {
                // The destructor, which comes next, does without.
            }
        }};
        if (by_kernel) {
            server.start();
        } else if (index == 0) {
            acceptor.emplace(
                address, [this](tcp_stream& accepted) { hand_over(accepted); },
                options_for_acceptor());
            acceptor->start();
            here.acceptor = &*acceptor;
        }
        here.server = &server;
        stream_server const* const listens = by_kernel ? &server : here.acceptor;
        listening.set_value(listens != nullptr ? listens->local_endpoint() : endpoint);
        return serve_until_told(index);
    } catch (cancelled const&) {
        throw;
    } catch (greenlet_exit const&) {
        throw;
    } catch (abi::__forced_unwind const&) {
        throw;
    } catch (...) {
        listening.try_set_exception(std::current_exception());
    }
    return false;
}

bool served_group::serve_until_told(std::size_t index) {
    served_hub& here = at_[index];
    stop_wanted_.wait();
    if (here.acceptor != nullptr) {
        here.acceptor->stop(std::chrono::seconds{0});
        accepts_no_more_.set();
    }
    if (options_.how == dividing::hand_over) {
        accepts_no_more_.wait();
    }
    auto hurry = spawn({.name = "a stop at once", .where = {}}, [&] {
        at_once_.wait();
        here.server->stop(std::chrono::seconds{0});
    });
    scope_exit const no_hurry{[&] {
        interruption_shield const until_ended;
        hurry.cancel();
        hurry.join();
    }};
    return here.server->stop(std::chrono::nanoseconds{grace_.load()});
}

stream_server::handler served_group::handler_for(std::size_t index) {
    return [my = shared_from_this(), own = handlers_->make(index)](served_stream& stream) mutable {
        *serves_for = my.get();
        own(stream);
    };
}

stream_server_options served_group::options_for_each() const {
    stream_server_options each = options_.each;
    each.listen.reuse_port |= options_.how == dividing::by_kernel;
    return each;
}

// With a limit it hands over one after the other, and waits for room before it goes on. Who is
// there is the business of whoever serves.
stream_server_options served_group::options_for_acceptor() const {
    stream_server_options own = options_.each;
    own.max_connections = options_.each.max_connections == 0 ? 0 : 1;
    own.max_connections_per_address = 0;
    own.proxy = proxy_protocol::none;
    own.tell_connection = false;
    own.on_error = {};
    return own;
}

// Handing over.

void served_group::hand_over(tcp_stream& accepted) {
    std::size_t const to = fewest();
    handed_connection handed{shared_from_this(), to};
    handed.keep(accepted.release());
    hubs.door(to).post(std::move(handed));
    while (is_full()) {
        one_gone_.reset();
        if (is_full()) {
            one_gone_.wait();
        }
    }
}

// Ties go round.
std::size_t served_group::fewest() noexcept {
    std::size_t const first = next_++ % at_.size();
    std::size_t best = first;
    for (std::size_t step = 1; step < at_.size(); ++step) {
        std::size_t const each = (first + step) % at_.size();
        if (at_[each].connections.load() < at_[best].connections.load()) {
            best = each;
        }
    }
    return best;
}

bool served_group::is_full() const noexcept {
    std::size_t const most = options_.each.max_connections;
    return most != 0 && std::all_of(at_.begin(), at_.end(), [most](served_hub const& each) {
               return each.connections.load() >= most;
           });
}

// In the child of a fork nobody hands anything over, and the mutex of the event may be locked.
void served_group::count_out(std::size_t index) noexcept {
    at_[index].connections.fetch_sub(1);
    if (options_.each.max_connections != 0 && !is_of_parent()) {
        one_gone_.set();
    }
}

// The end, and the numbers.

void served_group::begin_end(std::chrono::nanoseconds grace) noexcept {
    ending = true;
    std::int64_t known = grace_.load();
    while (grace.count() < known && !grace_.compare_exchange_weak(known, grace.count())) {}
    stop_wanted_.set();
    if (grace.count() <= 0) {
        at_once_.set();
    }
}

// A keeper that was cancelled, because its hub ends, has not ended in time.
bool served_group::wait_for_end() const {
    maybe_job_under_way const waiting;
    bool in_time = true;
    for (shared_future<bool> const& each : keepers_) {
        each.wait();
        in_time &= each.succeeded() && each.get();
    }
    return in_time;
}

bool served_group::has_ended() const {
    return std::all_of(
        keepers_.begin(), keepers_.end(), [](auto const& each) { return each.done(); });
}

stream_server_statistics served_group::numbers_here(std::size_t index) {
    served_hub const& here = at_[index];
    std::unique_lock const entered{guard_};
    stream_server_statistics& last = at_[index].last;
    if (here.server != nullptr) {
        last = here.server->statistics();
    }
    if (here.acceptor != nullptr) {
        last.accept_errors += here.acceptor->statistics().accept_errors;
    }
    return last;
}

stream_server_statistics served_group::last_numbers(std::size_t index) {
    std::unique_lock const entered{guard_};
    return at_[index].last;
}

bool served_group::is_served_here() const noexcept {
    served_group const* const* const group = serves_for.find();
    return group != nullptr && *group == this;
}

}  // namespace detail

server_group::server_group(
    hub_group& hubs, std::string_view address, handlers_made_by handlers,
    server_group_options options)
    : hubs_{hubs},
      address_{address},
      handlers_{std::make_shared<handlers_made_by>(std::move(handlers))},
      options_{options} {
    parse_port(parse_address(address).service);
}

server_group::~server_group() {
    // In the child of a fork nobody is there to end anything, and mutexes may be locked.
    std::erase_if(unfinished_, [](auto const& each) { return each->is_of_parent(); });
    for (auto const& each : unfinished_) {
        each->begin_end(std::chrono::nanoseconds{0});
    }
    hub* const here = hub::of(this_thread());
    if (here != nullptr && !here->may_park()) {
        return;
    }
    interruption_shield const until_stopped;
    for (auto const& each : unfinished_) {
        if (!each->is_served_here()) {
            each->wait_for_end();
        }
    }
}

void server_group::start() {
    if (running()) {
        return;
    }
    auto next = std::make_shared<detail::served_group>(hubs_, handlers_, options_);
    std::erase_if(
        unfinished_, [](auto const& each) { return !each->is_of_parent() && each->has_ended(); });
    unfinished_.push_back(next);
    detail::maybe_job_under_way const waiting;
    next->start(address_);
    running_ = std::move(next);
}

bool server_group::stop_after(std::chrono::nanoseconds grace) {
    if (running_ == nullptr || running_->is_of_parent()) {
        return true;
    }
    // The object may be destroyed while this waits.
    auto const stopped = running_;
    if (stopped->is_served_here()) {
        stopped->begin_end(grace);
        return false;
    }
    if (hub* const here = hub::of(this_thread())) {
        here->require_may_park();
        check_interruption();
    }
    stopped->begin_end(grace);
    return stopped->wait_for_end();
}

bool server_group::running() const noexcept {
    return running_ != nullptr && !running_->ending && !running_->is_of_parent() && !hubs_.closed();
}

tcp_endpoint server_group::local_endpoint() const {
    TENDRIL_REQUIRE(
        running(), "local_endpoint() of a server_group that does not run: call start() first");
    return running_->endpoint;
}

server_group_statistics server_group::statistics() const {
    server_group_statistics all;
    auto const asked = running_;
    if (asked == nullptr || asked->is_of_parent()) {
        return all;
    }
    try {
        all.each = hubs_.for_each_hub(
            [asked](std::size_t index) { return asked->numbers_here(index); });
    } catch (std::system_error const& error) {
        if (error.code() != errc::closed) {
            throw;
        }
        for (std::size_t index = 0; index < hubs_.size(); ++index) {
            all.each.push_back(asked->last_numbers(index));
        }
    }
    for (stream_server_statistics const& each : all.each) {
        all.total += each;
    }
    return all;
}

}  // namespace tendril
