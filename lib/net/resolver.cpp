// SPDX-License-Identifier: BSL-1.0
//
// Names are prepared here, and numbers read; the rest is asked of a resolver.
//
// Invariants:
// 1. What the resolver of a process shares among threads is behind mutexes that another thread may
//    hold when the process forks. So the child makes it anew at its first look-up, and leaves what
//    was the parent's as it is.
// 2. Whoever is in a call of a resolver shares it: it may be replaced meanwhile.
#include "host_name.hpp"
#include "hosts_file.hpp"
#include "name_pool.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/error.hpp>
#include <tendril/net/resolver.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>

#include <boost/asio/execution_context.hpp>

#include <unistd.h>

#include <atomic>
#include <mutex>
#include <utility>

namespace tendril {
namespace {

// What a hub's context remembers.
class chosen_resolver final : public boost::asio::execution_context::service {
public:
    static inline boost::asio::execution_context::id id;

    explicit chosen_resolver(boost::asio::execution_context& context) : service{context} {}

    std::shared_ptr<resolver> chosen;

private:
    void shutdown() override { chosen.reset(); }
};

std::shared_ptr<resolver>& resolver_of_this_hub() {
    return boost::asio::use_service<chosen_resolver>(this_hub().context()).chosen;
}

// Never destroyed: a thread may hang in it when the process ends.
std::shared_ptr<resolver> const& resolver_of_the_process() {
    static auto const& only = *new std::shared_ptr<resolver>{std::make_shared<system_resolver>()};
    return only;
}

std::vector<ip_address> localhost_addresses() {
    return {boost::asio::ip::address_v4::loopback(), boost::asio::ip::address_v6::loopback()};
}

std::vector<ip_address> addresses_of(std::string const& given, deadline limit, error_code& error) {
    if (std::optional<ip_address> const number = detail::numeric_address(given)) {
        error = {};
        detail::end_at_once();
        return {*number};
    }
    std::string const host = detail::to_ascii(given, error);
    if (error.failed() || detail::is_localhost(host)) {
        detail::end_at_once();
        return error.failed() ? std::vector<ip_address>{} : localhost_addresses();
    }
    return this_resolver()->addresses_of(host, limit, error);
}

}  // namespace

// What several threads use.
class system_resolver::shared {
public:
    explicit shared(resolver_options chosen)
        : options{std::move(chosen)},
          made_in_{::getpid()},
          state_{std::make_unique<state>(options)} {}
    ~shared() {
        if (made_in_ == ::getpid()) {
            state_->pool->close();
        } else {
            static_cast<void>(state_.release());
        }
    }

    struct state {
        explicit state(resolver_options const& options)
            : pool{std::make_shared<detail::name_pool>(options.threads, options.most_queued)},
              hosts{options.hosts_file} {}

        template <typename F>
        auto ask_hosts(F&& function) {
            std::lock_guard const lock{mutex};
            return function(hosts.table());
        }

        std::shared_ptr<detail::name_pool> const pool;
        std::mutex mutex;
        // Guarded by `mutex`.
        detail::hosts_file hosts;
    };

    state& here() {
        pid_t const present = ::getpid();
        if (made_in_.load(std::memory_order_acquire) != present) [[unlikely]] {
            make_anew(present);
        }
        return *state_;
    }

    resolver_options const options;

private:
    // One thread does it, and says so by the negative number; others wait.
    void make_anew(pid_t present) {
        pid_t seen = made_in_.load();
        while (seen != present) {
            if (seen == -present || !made_in_.compare_exchange_weak(seen, -present)) {
                seen = made_in_.load();
                continue;
            }
            // Whoever asks next tries again where there is no memory.
            scope_exit not_made{[&] { made_in_.store(seen); }};
            auto fresh = std::make_unique<state>(options);
            not_made.dismiss();
            static_cast<void>(state_.release());
            state_ = std::move(fresh);
            made_in_.store(present, std::memory_order_release);
            return;
        }
    }

    std::atomic<pid_t> made_in_;
    std::unique_ptr<state> state_;
};

system_resolver::system_resolver(resolver_options options) {
    TENDRIL_REQUIRE(
        options.threads > 0, "a resolver needs a thread at least: without one nobody can wait");
    shared_ = std::make_unique<shared>(std::move(options));
}

system_resolver::~system_resolver() = default;

std::vector<ip_address> system_resolver::addresses_of(
    std::string const& host, deadline limit, error_code& error) {
    check_interruption();
    error = {};
    auto& state = shared_->here();
    auto found = state.ask_hosts([&](auto const& table) { return table.addresses_of(host); });
    if (found.empty() && shared_->options.find_cached) {
        found = shared_->options.find_cached(host);
    }
    if (!found.empty()) {
        detail::end_at_once();
        return found;
    }
    detail::name_answer answer = state.pool->ask({host, {}}, limit);
    error = answer.error;
    if (!error.failed() && shared_->options.keep) {
        shared_->options.keep(host, answer.addresses);
    }
    return std::move(answer.addresses);
}

std::string system_resolver::name_of(ip_address const& address, deadline limit, error_code& error) {
    check_interruption();
    error = {};
    auto& state = shared_->here();
    auto found = state.ask_hosts([&](auto const& table) { return table.name_of(address); });
    if (!found.empty()) {
        detail::end_at_once();
        return found;
    }
    detail::name_answer answer = state.pool->ask({{}, address}, limit);
    error = answer.error;
    return std::move(answer.name);
}

std::size_t system_resolver::running() const { return shared_->here().pool->running(); }

std::size_t system_resolver::queued() const { return shared_->here().pool->queued(); }

std::shared_ptr<resolver> this_resolver() {
    auto const& chosen = resolver_of_this_hub();
    return chosen != nullptr ? chosen : resolver_of_the_process();
}

void set_resolver(std::shared_ptr<resolver> chosen) { resolver_of_this_hub() = std::move(chosen); }

std::vector<tcp_endpoint> resolve(
    std::string const& host, std::string const& service, deadline limit, error_code& error) {
    check_interruption();
    std::uint16_t const port = detail::port_of(service, error);
    if (error.failed()) {
        detail::end_at_once();
        return {};
    }
    std::vector<tcp_endpoint> found;
    for (ip_address const& each : addresses_of(host, limit, error)) {
        found.emplace_back(each, port);
    }
    return found;
}

std::vector<tcp_endpoint> resolve(std::string const& host, std::string const& service) {
    error_code error;
    std::vector<tcp_endpoint> found = resolve(host, service, deadline::never(), error);
    if (error.failed()) {
        throw system_error{error, "cannot resolve '" + host + "', service '" + service + "'"};
    }
    return found;
}

host_and_service resolve_name(tcp_endpoint const& endpoint, deadline limit, error_code& error) {
    check_interruption();
    std::string host = this_resolver()->name_of(endpoint.address(), limit, error);
    if (error.failed()) {
        return {};
    }
    return {std::move(host), detail::service_of(endpoint.port())};
}

host_and_service resolve_name(tcp_endpoint const& endpoint) {
    error_code error;
    host_and_service found = resolve_name(endpoint, deadline::never(), error);
    if (error.failed()) {
        throw system_error{error, "no name is known for " + endpoint.address().to_string()};
    }
    return found;
}

}  // namespace tendril
