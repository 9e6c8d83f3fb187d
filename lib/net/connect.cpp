// SPDX-License-Identifier: BSL-1.0
//
// Connecting to the first of several addresses that answers.
//
// Actors: the greenlet that connects, and an attempt for each address that has been tried, a task.
// They share a race, in the frame of the former. With one address there is no race.
//
// Invariants:
// 1. An attempt does not outlive its race. The race ends those that are left and waits for them,
//    whatever is requested meanwhile; all they have to do is to close a descriptor.
// 2. The winner is the first that has a stream; a later one closes its own.
// 3. An attempt makes its own descriptor and gives it away as a stream only.
#include "stream_calls.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/net/connect.hpp>
#include <tendril/net/resolver.hpp>
#include <tendril/net/tcp_stream.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/task/spawn.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace tendril {
namespace {

using boost::asio::ip::tcp;

bool is_wanted(tcp_endpoint const& peer, connect_options const& options) noexcept {
    bool const is_four = peer.protocol() == tcp::v4();
    bool const in_family = options.family == address_family::any ||
        (options.family == address_family::ipv4) == is_four;
    return in_family && (!options.local || options.local->protocol() == peer.protocol());
}

// One attempt. Throws: std::bad_alloc; what was requested for the greenlet.
tcp_stream attempt(
    tcp_endpoint const& peer, connect_options const& options, deadline limit, error_code& error) {
    return detail::connect_once(peer, options.local ? &*options.local : nullptr, limit, error);
}

class connect_race {
public:
    connect_race(
        std::vector<tcp_endpoint> const& peers, connect_options const& options, deadline limit)
        : peers_{peers},
          options_{options},
          limit_{limit} {
        attempts_.reserve(peers.size());
        // So that the end of an attempt can be noted without memory.
        failures.reserve(peers.size());
    }
    connect_race(connect_race const&) = delete;
    connect_race& operator=(connect_race const&) = delete;
    ~connect_race() {
        interruption_shield const until_closed;
        decided_ = true;
        for (task<void> const& each : attempts_) {
            each.cancel();
        }
        for (task<void> const& each : attempts_) {
            each.join();
        }
    }

    tcp_stream run(error_code& error);

    std::vector<connect_failure> failures;

private:
    bool over() const noexcept { return winner_.is_open() || failures.size() == peers_.size(); }
    void start_next();
    void run_attempt(tcp_endpoint const& peer, error_code& error);

    // Tells the race how an attempt has ended, also one that was cancelled, or never began because
    // there was no stack.
    class report {
    public:
        report(connect_race& race, tcp_endpoint const& peer) noexcept : race_{&race}, peer_{peer} {}
        report(report&& other) noexcept
            : error{other.error},
              race_{std::exchange(other.race_, nullptr)},
              peer_{other.peer_} {}
        ~report() {
            if (race_ == nullptr || race_->decided_) {
                return;
            }
            if (error.failed()) {
                race_->failures.push_back({peer_, error});
            }
            race_->changed_.set();
        }

        error_code error = boost::asio::error::operation_aborted;

    private:
        connect_race* race_;
        tcp_endpoint const& peer_;
    };

    std::vector<tcp_endpoint> const& peers_;
    connect_options const& options_;
    deadline const limit_;
    std::vector<task<void>> attempts_;
    event changed_;
    tcp_stream winner_;
    // What attempts that are ended report is of no interest any more.
    bool decided_ = false;
};

tcp_stream connect_race::run(error_code& error) {
    deadline next_start = deadline::never();
    std::size_t failed_before = 0;
    bool may_start = true;
    while (!over()) {
        if (may_start && attempts_.size() < peers_.size()) {
            start_next();
            next_start = deadline::after(options_.attempt_delay);
        }
        bool const all_started = attempts_.size() == peers_.size();
        bool const told = changed_.wait_until(all_started ? limit_ : std::min(next_start, limit_));
        if (!told && !over() && !limit_.is_never() && this_hub().now() >= limit_.moment()) {
            error = io_error(errc::timed_out);
            return {};
        }
        changed_.reset();
        may_start = !told || failures.size() > failed_before;
        failed_before = failures.size();
    }
    error = winner_.is_open() ? error_code{} : failures.back().error;
    return std::move(winner_);
}

void connect_race::start_next() {
    tcp_endpoint const& peer = peers_[attempts_.size()];
    attempts_.push_back(spawn(
        {.name = "connecting", .where = {}},
        [this, &peer, ended = report{*this, peer}]() mutable { run_attempt(peer, ended.error); }));
}

void connect_race::run_attempt(tcp_endpoint const& peer, error_code& error) {
    error_code outcome;
    try {
        tcp_stream made = attempt(peer, options_, deadline::never(), outcome);
        if (!outcome.failed() && !winner_.is_open()) {
            winner_ = std::move(made);
        }
    } catch (std::bad_alloc const&) {
        outcome = boost::asio::error::no_memory;
    }
    error = outcome;
}

// What came of one call.
struct connecting_outcome {
    tcp_stream stream;
    error_code error;
    std::vector<connect_failure> failures;
};

connecting_outcome connect_to_first(
    std::vector<tcp_endpoint> const& given, connect_options const& options, deadline limit) {
    std::vector<tcp_endpoint> peers;
    std::copy_if(given.begin(), given.end(), std::back_inserter(peers), [&](auto const& each) {
        return is_wanted(each, options);
    });
    connecting_outcome outcome;
    if (peers.empty()) {
        outcome.error = boost::asio::error::no_data;
        detail::end_at_once();
    } else if (peers.size() == 1) {
        outcome.stream = attempt(peers.front(), options, limit, outcome.error);
        if (outcome.error.failed()) {
            outcome.failures.push_back({peers.front(), outcome.error});
        }
    } else {
        connect_race race{peers, options, limit};
        outcome.stream = race.run(outcome.error);
        outcome.failures = std::move(race.failures);
    }
    return outcome;
}

connecting_outcome connect_by_name(
    std::string const& host, std::string const& service, connect_options const& options,
    deadline limit) {
    connecting_outcome outcome;
    auto const found = resolve(host, service, limit, outcome.error);
    return outcome.error.failed() ? std::move(outcome)
                                  : connect_to_first(interleaved(found), options, limit);
}

deadline limit_of(connect_options const& options) {
    TENDRIL_REQUIRE(
        options.attempt_delay >= std::chrono::milliseconds{10},
        "attempt_delay of connect_options is at least ten milliseconds: with less, each connect "
        "would call every address of the host");
    return options.limit ? deadline::after(*options.limit) : deadline::never();
}

[[noreturn]] void throw_connect_error(std::string const& peer, connecting_outcome outcome) {
    std::string text = "cannot connect to " + peer;
    char const* before = " (";
    for (connect_failure const& each : outcome.failures) {
        text += before + to_string(each.peer) + ": " + each.error.message();
        before = "; ";
    }
    text += outcome.failures.empty() ? "" : ")";
    throw connect_error{outcome.error, text, std::move(outcome.failures)};
}

void require_peers(std::vector<tcp_endpoint> const& peers) {
    TENDRIL_REQUIRE(!peers.empty(), "connect() needs an address: this list of them is empty");
}

}  // namespace

std::vector<tcp_endpoint> interleaved(std::vector<tcp_endpoint> const& endpoints) {
    std::vector<tcp_endpoint> first;
    std::vector<tcp_endpoint> second;
    for (tcp_endpoint const& each : endpoints) {
        bool const is_first = each.protocol() == endpoints.front().protocol();
        (is_first ? first : second).push_back(each);
    }
    std::vector<tcp_endpoint> all;
    all.reserve(endpoints.size());
    for (std::size_t at = 0; at < std::max(first.size(), second.size()); ++at) {
        if (at < first.size()) {
            all.push_back(first[at]);
        }
        if (at < second.size()) {
            all.push_back(second[at]);
        }
    }
    return all;
}

tcp_stream tcp_stream::connect(
    std::string const& host, std::string const& service, connect_options const& options) {
    check_interruption();
    connecting_outcome outcome = connect_by_name(host, service, options, limit_of(options));
    if (outcome.error.failed()) {
        throw_connect_error(host, std::move(outcome));
    }
    return std::move(outcome.stream);
}

tcp_stream tcp_stream::connect(
    std::string const& host, std::string const& service, connect_options const& options,
    error_code& error) {
    check_interruption();
    connecting_outcome outcome = connect_by_name(host, service, options, limit_of(options));
    error = outcome.error;
    return std::move(outcome.stream);
}

tcp_stream tcp_stream::connect(
    std::vector<tcp_endpoint> const& peers, connect_options const& options) {
    require_peers(peers);
    check_interruption();
    connecting_outcome outcome = connect_to_first(peers, options, limit_of(options));
    if (outcome.error.failed()) {
        throw_connect_error(
            peers.size() == 1 ? "the address" : "any of the addresses", std::move(outcome));
    }
    return std::move(outcome.stream);
}

tcp_stream tcp_stream::connect(
    std::vector<tcp_endpoint> const& peers, connect_options const& options, error_code& error) {
    require_peers(peers);
    check_interruption();
    connecting_outcome outcome = connect_to_first(peers, options, limit_of(options));
    error = outcome.error;
    return std::move(outcome.stream);
}

}  // namespace tendril
