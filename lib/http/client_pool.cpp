// SPDX-License-Identifier: BSL-1.0
//
// 1. `total_` and each host's `connections` count rights: those of leases, and one for each
//    connection that is kept. A host is forgotten with its last right, unless somebody waits.
// 2. Who waits could not be served when it was last looked, and that is after each change: a right
//    that is given back, and a connection that is kept, go to the first of those who wait for whom
//    they will do, in the same step.
// 3. A right that is handed over belongs to the waiter from its wake on, however its wait ends.
// 4. `idle_` is in the order of `idle_since`, because each connection is kept for as long.
#include "client_pool.hpp"

#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/waiter.hpp>

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

namespace tendril::detail {
namespace {

constexpr char const* client_was_closed = "the client was closed";

}  // namespace

client_connection::client_connection(std::unique_ptr<client_transport> through)
    : transport{std::move(through)} {}

boost::asio::mutable_buffer client_connection::room() {
    std::size_t const size = end_ - begin_;
    if (size == 0) {
        begin_ = end_ = 0;
    }
    if (end_ == capacity_) {
        std::size_t const wanted = size == capacity_ ? std::max(usual_capacity, 2 * size)
                                                     : capacity_;
        std::unique_ptr<char[]> larger;
        if (wanted != capacity_) {
            larger.reset(new char[wanted]);
        }
        char* const start = larger ? larger.get() : memory_.get();
        std::copy_n(memory_.get() + begin_, size, start);
        if (larger) {
            memory_ = std::move(larger);
        }
        capacity_ = wanted;
        begin_ = 0;
        end_ = size;
    }
    return {memory_.get() + end_, capacity_ - end_};
}

void client_connection::shrink() noexcept {
    if (capacity_ > usual_capacity && begin_ == end_) {
        memory_.reset();
        capacity_ = begin_ = end_ = 0;
    }
}

bool client_connection::is_quiet() {
    if (begin_ != end_) {
        return false;
    }
    char surprise = 0;
    error_code error;
    transport->read_some(boost::asio::buffer(&surprise, 1), deadline::at(this_hub().now()), error);
    return error == errc::timed_out;
}

// In the frame of whoever waits for a right.
class client_pool::slot_waiter final : public waiter {
public:
    slot_waiter(client_pool& pool, client_host& wanted, client_lease& lease)
        : waiter{"http_client"},
          host{wanted},
          filled{lease},
          pool_{pool} {
        pool_.waiting_.push_back(*this);
        ++pool_.waiting_count_;
        ++host.waiting;
    }
    slot_waiter(slot_waiter const&) = delete;
    slot_waiter& operator=(slot_waiter const&) = delete;
    ~slot_waiter() {
        --pool_.waiting_count_;
        --host.waiting;
        pool_.forget_if_unused(host);
    }

    client_host& host;
    client_lease& filled;

private:
    client_pool& pool_;
};

client_pool::~client_pool() { close(); }

client_host& client_pool::host_of(std::string const& key) {
    client_host& host = hosts_[key];
    if (host.key.empty()) {
        host.key = key;
    }
    return host;
}

void client_pool::forget_if_unused(client_host& host) noexcept {
    if (host.connections == 0 && host.waiting == 0) {
        hosts_.erase(hosts_.find(host.key));
    }
}

bool client_pool::acquire(std::string const& key, deadline limit, client_lease& filled) {
    check_interruption();
    follow_fork();
    if (closed_) {
        throw system_error{io_error(errc::closed), "http_client"};
    }
    client_host& host = host_of(key);
    filled.pool_ = shared_from_this();
    if (can_serve(host)) {
        serve(host, filled);
        return true;
    }
    slot_waiter me{*this, host, filled};
    bool const in_time = me.park_until(limit);
    if (closed_) {
        throw system_error{io_error(errc::closed), "http_client"};
    }
    return in_time;
}

bool client_pool::can_serve(client_host const& host) const noexcept {
    return host.idle > 0 ||
        (host.connections < limits_.per_host && (total_ < limits_.total || idle_count_ > 0));
}

// Gives what there is: a kept connection, a right that is free, or the right of the connection that
// nobody has wanted for longest.
void client_pool::serve(client_host& host, client_lease& filled) noexcept {
    filled.host_ = &host;
    filled.reused_ = host.idle > 0;
    if (filled.reused_) {
        take_kept(host, filled);
        return;
    }
    filled.connection_.reset();
    // Counted first: so nobody else takes the right that becomes free.
    ++host.connections;
    ++total_;
    if (total_ > limits_.total) {
        close_oldest();
    }
}

// The one that was used last is the least likely to have been closed by its server.
void client_pool::take_kept(client_host& host, client_lease& filled) noexcept {
    client_connection* last = nullptr;
    for (client_connection& each : idle_) {
        last = each.host == &host ? &each : last;
    }
    last->list_hook<of_all_idle>::unlink();
    --idle_count_;
    --host.idle;
    ++reused;
    busy_.push_back(*last);
    filled.connection_.reset(last);
}

void client_pool::serve_waiting() noexcept {
    auto at = waiting_.begin();
    while (at != waiting_.end()) {
        auto& each = static_cast<slot_waiter&>(*at);
        ++at;
        if (closed_ || can_serve(each.host)) {
            each.unlink();
            if (!closed_) {
                serve(each.host, each.filled);
            }
            each.wake();
            // To serve one may have served others, behind it.
            at = waiting_.begin();
        }
    }
}

void client_pool::give_back_right(client_host& host) noexcept {
    --host.connections;
    --total_;
    // Nobody forgets it meanwhile.
    ++host.waiting;
    serve_waiting();
    --host.waiting;
    forget_if_unused(host);
}

bool client_pool::keep(std::unique_ptr<client_connection>& kept) noexcept {
    if (closed_ || limits_.idle <= std::chrono::nanoseconds::zero() || !kept->unread().empty()) {
        return false;
    }
    kept->shrink();
    kept->idle_since = home_.now();
    kept->list_hook<of_all_busy>::unlink();
    ++kept->host->idle;
    idle_.push_back(*kept.release());
    ++idle_count_;
    try {
        arm_for_oldest();
    } catch (std::bad_alloc const&) {
        close_idle();
    }
    serve_waiting();
    return true;
}

void client_pool::arm_for_oldest() {
    if (armed() || idle_.empty()) {
        return;
    }
    set_reference(reference::unreferenced);
    auto const since = idle_.begin()->idle_since;
    bool const overflows = limits_.idle > time_point::max() - since;
    if (!overflows) {
        arm(home_, since + limits_.idle);
    }
}

void client_pool::expire() noexcept {
    time_point const now = home_.now();
    while (!idle_.empty() && now - idle_.begin()->idle_since >= limits_.idle) {
        close_oldest();
    }
    try {
        arm_for_oldest();
    } catch (std::bad_alloc const&) {
        close_idle();
    }
}

void client_pool::close_oldest() noexcept {
    std::unique_ptr<client_connection> const closed{&*idle_.begin()};
    closed->list_hook<of_all_idle>::unlink();
    --idle_count_;
    --closed->host->idle;
    give_back_right(*closed->host);
}

void client_pool::close_idle() noexcept {
    while (!idle_.empty()) {
        close_oldest();
    }
}

void client_pool::close() noexcept {
    closed_ = true;
    disarm();
    close_idle();
    for (client_connection& each : busy_) {
        each.transport->abort();
    }
    // Those who connect in the parent of a fork are none of the child's.
    if (forks_ == forks_until_now()) {
        for (client_connecting& each : connecting_) {
            each.scope.cancel(client_was_closed);
        }
    }
    serve_waiting();
}

// What the parent has kept is the parent's: two would speak on one connection.
void client_pool::follow_fork() noexcept {
    if (forks_ != forks_until_now()) [[unlikely]] {
        forks_ = forks_until_now();
        close_idle();
    }
}

client_connecting::client_connecting(client_pool& of) {
    if (of.closed_) {
        scope.cancel(client_was_closed);
    } else {
        of.connecting_.push_back(*this);
    }
}

void client_lease::fill(std::unique_ptr<client_connection> made) {
    if (pool_->closed()) {
        throw system_error{io_error(errc::closed), "http_client"};
    }
    ++pool_->connected;
    connection_ = std::move(made);
    connection_->host = host_;
    reused_ = false;
    pool_->busy_.push_back(*connection_);
}

void client_lease::drop_connection() noexcept { connection_.reset(); }

void client_lease::give_back(bool keep) noexcept {
    // Whoever is served next may look at this lease again.
    client_host* const host = std::exchange(host_, nullptr);
    if (!keep || !pool_->keep(connection_)) {
        connection_.reset();
        pool_->give_back_right(*host);
    }
}

void client_lease::end() noexcept {
    if (connection_ != nullptr && holds()) {
        connection_->list_hook<of_all_busy>::unlink();
        connection_->transport->abort();
    }
    if (client_host* const host = std::exchange(host_, nullptr)) {
        pool_->give_back_right(*host);
    }
}

}  // namespace tendril::detail
