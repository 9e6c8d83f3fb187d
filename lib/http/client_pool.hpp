// SPDX-License-Identifier: BSL-1.0
#pragma once

// The connections of one client: who has one, which are kept, and who waits for one.

#include "client_transport.hpp"

#include <tendril/hub/alarm.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/scope/cancel_scope.hpp>
#include <tendril/support/intrusive_list.hpp>
#include <tendril/sync/wait_queue.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tendril::detail {

/// Where connections lead to that can stand for each other.
struct client_host {
    std::string key;
    /// How many there are, in use and kept; how many of them are kept; and how many wait for one.
    std::size_t connections = 0;
    std::size_t idle = 0;
    std::size_t waiting = 0;
};

struct of_all_idle;
struct of_all_busy;

/// A connection, and what has come through it and was not taken.
class client_connection : public list_hook<of_all_idle>, public list_hook<of_all_busy> {
public:
    /// Throws: std::bad_alloc.
    explicit client_connection(std::unique_ptr<client_transport> through);

    /// What is there and was not taken.
    std::string_view unread() const noexcept { return {memory_.get() + begin_, end_ - begin_}; }
    void take(std::size_t size) noexcept { begin_ += size; }

    /// Where more can be read to, with memory for it when there is none left; and how much came.
    /// Throws: std::bad_alloc.
    boost::asio::mutable_buffer room();
    void came(std::size_t size) noexcept { end_ += size; }

    /// Lets go of memory that only a large head has needed.
    void shrink() noexcept;

    /// Says whether the peer is silent, as it should be: it has neither ended the connection nor
    /// said anything that nobody has asked for. Switches: may.
    bool is_quiet();

    std::unique_ptr<client_transport> transport;
    client_host* host = nullptr;
    time_point idle_since{};

private:
    static constexpr std::size_t usual_capacity = 16384;

    std::unique_ptr<char[]> memory_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

class client_pool;

/// In the frame of whoever connects: what the end of the client cancels.
class client_connecting : public list_hook<> {
public:
    explicit client_connecting(client_pool& of);

    cancel_scope scope;
};

/// The right to one connection, and the connection.
class client_lease {
public:
    client_lease() noexcept = default;
    client_lease(client_lease const&) = delete;
    client_lease& operator=(client_lease const&) = delete;
    /// Closes the connection and gives the right back, unless that is done.
    ~client_lease() { end(); }

    /// Says whether there is the right to a connection, and the connection may be used.
    bool holds() const noexcept { return host_ != nullptr; }

    /// The connection, or null; it stays there until the lease is destroyed or used again.
    client_connection* connection() const noexcept { return connection_.get(); }

    /// Whether it was used before.
    bool reused() const noexcept { return reused_; }

    /// Puts a new connection into it. Throws: system_error with `errc::closed`.
    void fill(std::unique_ptr<client_connection> made);

    /// Closes the connection and keeps the right to one.
    void drop_connection() noexcept;

    /// Gives the connection back for others if it is to be kept and can be, or closes it: in order,
    /// but over TLS, whose last word would have to be waited for.
    /// Requires: it holds one, and nobody is inside an operation on it. Switches: never.
    void give_back(bool keep) noexcept;

    /// Closes the connection and gives the right back. Whoever is inside an operation on it may
    /// stay. Switches: never.
    void end() noexcept;

private:
    friend class client_pool;

    std::shared_ptr<client_pool> pool_;
    client_host* host_ = nullptr;
    std::unique_ptr<client_connection> connection_;
    bool reused_ = false;
};

class client_pool final : private alarm, public std::enable_shared_from_this<client_pool> {
public:
    struct limits {
        std::size_t per_host;
        std::size_t total;
        std::chrono::nanoseconds idle;
    };

    client_pool(hub& home, limits const& most) noexcept : home_{home}, limits_{most} {}
    ~client_pool();

    /// Fills a lease with the right to a connection to where the key says, and with a kept one if
    /// there is. Returns whether it came in time. Throws: system_error with `errc::closed`; what
    /// was requested for the greenlet; std::bad_alloc. Switches: may.
    bool acquire(std::string const& key, deadline limit, client_lease& filled);

    void close() noexcept;
    void close_idle() noexcept;

    bool closed() const noexcept { return closed_; }
    std::size_t busy() const noexcept { return total_ - idle(); }
    std::size_t idle() const noexcept { return idle_count_; }
    std::size_t waiting() const noexcept { return waiting_count_; }

    std::uint64_t connected = 0;
    std::uint64_t reused = 0;

private:
    friend class client_connecting;
    friend class client_lease;
    class slot_waiter;

    void expire() noexcept override;

    client_host& host_of(std::string const& key);
    void forget_if_unused(client_host& host) noexcept;
    bool can_serve(client_host const& host) const noexcept;
    void serve(client_host& host, client_lease& filled) noexcept;
    void take_kept(client_host& host, client_lease& filled) noexcept;
    void serve_waiting() noexcept;
    void give_back_right(client_host& host) noexcept;
    bool keep(std::unique_ptr<client_connection>& kept) noexcept;
    void close_oldest() noexcept;
    void arm_for_oldest();
    void follow_fork() noexcept;

    hub& home_;
    limits const limits_;
    // By key, at addresses that do not change.
    std::unordered_map<std::string, client_host> hosts_;
    // The oldest first. The pool owns them.
    intrusive_list<client_connection, of_all_idle> idle_;
    // Those of leases.
    intrusive_list<client_connection, of_all_busy> busy_;
    intrusive_list<client_connecting> connecting_;
    intrusive_list<waiter> waiting_;
    std::size_t total_ = 0;
    std::size_t idle_count_ = 0;
    std::size_t waiting_count_ = 0;
    std::uint64_t forks_ = forks_until_now();
    bool closed_ = false;
};

}  // namespace tendril::detail
