// SPDX-License-Identifier: BSL-1.0
#pragma once

// Threads that ask the system for names, and those who wait for the answers. See name_pool.cpp.

#include <tendril/hub/waiter.hpp>
#include <tendril/net/resolver.hpp>

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace tendril::detail {

class name_asker;

/// What the system is asked: for the addresses of a host or, without one, for the name of an
/// address.
struct name_question {
    std::string host;
    ip_address address;

    friend bool operator<(name_question const& one, name_question const& other) {
        return std::tie(one.host, one.address) < std::tie(other.host, other.address);
    }
};

struct name_answer {
    error_code error;
    std::vector<ip_address> addresses;
    std::string name;
};

/// One question that is under way, or waits for a thread.
struct name_lookup {
    explicit name_lookup(name_question asked) : question{std::move(asked)} {}

    name_question const question;
    // Guarded by the mutex of the pool.
    bool begun = false;
    std::vector<name_asker*> askers;
    // Written once, before the askers are told.
    name_answer answer;
};

/// Is shared by those who ask and by its threads, the last of which destroys it.
class name_pool : public std::enable_shared_from_this<name_pool> {
public:
    name_pool(std::size_t threads, std::size_t most_queued)
        : most_threads_{threads},
          most_queued_{most_queued} {}

    /// Waits for an answer. Its error is `errc::timed_out` at the limit, and `errc::overloaded`
    /// when too many wait. Throws: what was requested for the greenlet; std::bad_alloc.
    /// Switches: may.
    name_answer ask(name_question question, deadline limit);

    /// Lets the threads end that are not in a look-up. Requires: nobody asks. Thread: any.
    void close() noexcept;

    std::size_t running() const;
    std::size_t queued() const;

private:
    friend class name_asker;

    std::shared_ptr<name_lookup> join(
        name_question question, name_asker& asker, error_code& refusal);
    bool leave(name_lookup& left, name_asker const& asker) noexcept;
    error_code start_thread();
    void work();
    std::shared_ptr<name_lookup> next(std::unique_lock<std::mutex>& lock);
    void finish(name_lookup& done) noexcept;

    std::size_t const most_threads_;
    std::size_t const most_queued_;
    mutable std::mutex mutex_;
    std::condition_variable work_arrived_;
    // Guarded by `mutex_`.
    std::map<name_question, std::shared_ptr<name_lookup>> under_way_;
    std::deque<std::shared_ptr<name_lookup>> queue_;
    std::size_t idle_ = 0;
    std::size_t threads_ = 0;
    bool closed_ = false;
};

}  // namespace tendril::detail
