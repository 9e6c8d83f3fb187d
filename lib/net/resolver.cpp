// SPDX-License-Identifier: BSL-1.0
//
// Actors: the greenlet that asks, on its hub's thread, and a worker that calls getaddrinfo. They
// share a `lookup`. The worker fills in the answer and posts a function to the hub; from then on
// the answer belongs to the hub's thread. `asker` is read and written on that thread only: an asker
// that leaves sets it to null, and the posted function then finds nobody to wake.
//
// The pool is never destroyed: a worker may hang in the system's resolver when the program ends.
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/net/resolver.hpp>

#include <boost/asio/error.hpp>

#include <netdb.h>
#include <sys/socket.h>

#include <condition_variable>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

namespace tendril {
namespace {

class asking;

struct lookup {
    std::string host;
    std::string service;
    remote home;
    asking* asker = nullptr;
    std::vector<tcp_endpoint> found;
    error_code error;
};

// The greenlet's side: a waiter that may leave at any time.
class asking final : public waiter {
public:
    explicit asking(lookup& asked) : waiter{"a name look-up"}, asked_{asked} {
        asked_.asker = this;
    }
    ~asking() { asked_.asker = nullptr; }

private:
    bool withdraw() noexcept override {
        asked_.asker = nullptr;
        return true;
    }

    lookup& asked_;
};

error_code code_of(int status) {
    switch (status) {
    case EAI_AGAIN:
        return boost::asio::error::host_not_found_try_again;
    case EAI_SERVICE:
        return boost::asio::error::service_not_found;
    case EAI_SOCKTYPE:
        return boost::asio::error::socket_type_not_supported;
    case EAI_FAIL:
        return boost::asio::error::no_recovery;
    case EAI_MEMORY:
        return boost::asio::error::no_memory;
    case EAI_SYSTEM:
        return error_code{errno, boost::system::system_category()};
    default:
        return boost::asio::error::host_not_found;
    }
}

void ask_system(lookup& asked, int flags) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_protocol = IPPROTO_TCP;
    hints.ai_flags = flags;
    addrinfo* list = nullptr;
    int const status = ::getaddrinfo(asked.host.c_str(), asked.service.c_str(), &hints, &list);
    if (status != 0) {
        asked.error = code_of(status);
        return;
    }
    std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> const all{list, &::freeaddrinfo};
    for (addrinfo const* at = list; at != nullptr; at = at->ai_next) {
        tcp_endpoint endpoint;
        if (at->ai_addrlen <= endpoint.capacity()) {
            std::memcpy(endpoint.data(), at->ai_addr, at->ai_addrlen);
            endpoint.resize(at->ai_addrlen);
            asked.found.push_back(endpoint);
        }
    }
    asked.error = asked.found.empty() ? error_code{boost::asio::error::host_not_found}
                                      : error_code{};
}

class resolver_pool {
public:
    static resolver_pool& instance() {
        static resolver_pool& pool = *new resolver_pool;
        return pool;
    }

    void ask(std::shared_ptr<lookup> asked) {
        std::lock_guard const lock{mutex_};
        waiting_.push_back(std::move(asked));
        if (idle_ < waiting_.size() && workers_ < most_workers) {
            start_worker();
        }
        work_arrived_.notify_one();
    }

private:
    static constexpr std::size_t most_workers = 4;

    // Called with the mutex held, when a look-up has been queued.
    void start_worker() {
        try {
            std::thread{[this] { work(); }}.detach();
            ++workers_;
        } catch (...) {
            if (workers_ == 0) {
                waiting_.pop_back();
                throw;
            }
            // The others will come to it.
        }
    }

    void work() {
        while (true) {
            std::shared_ptr<lookup> asked = next();
            try {
                ask_system(*asked, AI_ADDRCONFIG);
            } catch (std::bad_alloc const&) {
                asked->error = boost::asio::error::no_memory;
            }
            remote const home = std::move(asked->home);
            home.post([asked = std::move(asked)] {
                if (asked->asker != nullptr) {
                    asked->asker->wake();
                }
            });
        }
    }

    std::shared_ptr<lookup> next() {
        std::unique_lock lock{mutex_};
        ++idle_;
        work_arrived_.wait(lock, [&] { return !waiting_.empty(); });
        --idle_;
        std::shared_ptr<lookup> taken = std::move(waiting_.front());
        waiting_.pop_front();
        return taken;
    }

    std::mutex mutex_;
    std::condition_variable work_arrived_;
    // Guarded by `mutex_`.
    std::deque<std::shared_ptr<lookup>> waiting_;
    std::size_t idle_ = 0;
    std::size_t workers_ = 0;
};

}  // namespace

std::vector<tcp_endpoint> resolve(
    std::string const& host, std::string const& service, deadline limit, error_code& error) {
    check_interruption();
    auto const asked = std::make_shared<lookup>();
    asked->host = host;
    asked->service = service;
    // Numbers need no thread: this reads them, and fails at once for a name.
    ask_system(*asked, AI_NUMERICHOST);
    if (asked->error == boost::asio::error::host_not_found) {
        asked->error = {};
        asked->home = this_hub().remote();
        asking me{*asked};
        job_under_way const count{this_hub()};
        resolver_pool::instance().ask(asked);
        if (!me.park_until(limit)) {
            error = io_error(errc::timed_out);
            return {};
        }
    }
    error = asked->error;
    return std::move(asked->found);
}

std::vector<tcp_endpoint> resolve(std::string const& host, std::string const& service) {
    error_code error;
    std::vector<tcp_endpoint> found = resolve(host, service, deadline::never(), error);
    if (error.failed()) {
        throw system_error{error, "cannot resolve '" + host + "', service '" + service + "'"};
    }
    return found;
}

}  // namespace tendril
