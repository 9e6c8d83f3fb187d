// SPDX-License-Identifier: BSL-1.0
//
// Clients that ask by a timetable, whether or not earlier answers have come: a rate, and not a
// queue. A request that is late because others are slow has waited since its moment in the
// timetable.
//
//     timetable RATE SECONDS PATIENCE KEPT TRUST URL...
//
// Asks so many times a second, for one URL after the other. A client waits PATIENCE milliseconds
// for all of it. At most KEPT connections are made, and kept; 0 stands for one for each request.
// TRUST is a file of certificates, or "-". Prints one line of JSON:
//
//     offered        requests of the timetable
//     answered       those with status 200; `refused` those with another
//     turned_away    no connection came about in time
//     given_up       a connection, but no whole answer in time
//     failed         anything else; `first_error` is the first of them
//     behind         by how many milliseconds the timetable was late, at most
//     p50, p99, most of the answered, in milliseconds
//     by_second      the p99 of each second of the timetable, in milliseconds
#include <tendril/http.hpp>
#include <tendril/tendril.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

namespace {

struct plan {
    double rate = 0;
    double seconds = 0;
    std::chrono::milliseconds patience{0};
    std::size_t kept = 0;
    std::string trust;
    std::vector<std::string> urls;
};

tendril::http_client_options options_for(plan const& wanted) {
    constexpr std::size_t no_bound = 1'000'000;
    tendril::http_client_options made;
    made.limits.total = wanted.patience;
    made.connections = made.connections_per_host = wanted.kept == 0 ? no_bound : wanted.kept;
    made.idle_limit = wanted.kept == 0 ? 0s : 60s;
    made.user_agent = "";
    if (wanted.trust != "-") {
        std::ifstream file{wanted.trust};
        made.tls = tendril::tls_context::client({
            .authorities = std::string{std::istreambuf_iterator<char>{file}, {}},
            .protocols = {"http/1.1"},
        });
    }
    return made;
}

class timetable {
public:
    explicit timetable(plan wanted)
        : plan_{std::move(wanted)},
          client_{options_for(plan_)},
          waits_(static_cast<std::size_t>(plan_.seconds) + 1) {}

    void run() {
        auto const start = steady::now();
        auto const all = static_cast<std::uint64_t>(plan_.rate * plan_.seconds);
        while (offered_ < all) {
            auto const due = start + nanoseconds_at(offered_);
            if (due > steady::now()) {
                tendril::sleep_for(std::max<steady::duration>(due - steady::now(), 500us));
                continue;
            }
            behind_ = std::max(behind_, steady::now() - due);
            begin(due, std::chrono::duration<double>(due - start).count());
            ++offered_;
            if (offered_ % 64 == 0) {
                tendril::sleep_for(0s);
            }
        }
        while (under_way_ != 0) {
            tendril::sleep_for(1ms);
        }
    }

    void print() {
        std::vector<std::uint32_t> all;
        std::ostringstream seconds;
        for (auto& each : waits_) {
            all.insert(all.end(), each.begin(), each.end());
            if (!each.empty()) {
                seconds << (seconds.tellp() > 0 ? "," : "") << share_of(each, 0.99);
            }
        }
        std::cout << "{\"offered\":" << offered_ << ",\"answered\":" << all.size()
                  << ",\"refused\":" << refused_ << ",\"turned_away\":" << turned_away_
                  << ",\"given_up\":" << given_up_ << ",\"failed\":" << failed_
                  << ",\"first_error\":\"" << first_error_
                  << "\",\"behind\":" << std::chrono::duration<double, std::milli>(behind_).count()
                  << ",\"p50\":" << share_of(all, 0.5) << ",\"p99\":" << share_of(all, 0.99)
                  << ",\"most\":" << share_of(all, 1) << ",\"by_second\":[" << seconds.str() << "]}"
                  << std::endl;
    }

private:
    static double share_of(std::vector<std::uint32_t>& waits, double share) {
        if (waits.empty()) {
            return 0;
        }
        auto const last = static_cast<double>(waits.size() - 1);
        auto const at = waits.begin() + static_cast<std::ptrdiff_t>(last * share);
        std::nth_element(waits.begin(), at, waits.end());
        return *at / 1000.0;
    }

    std::chrono::nanoseconds nanoseconds_at(std::uint64_t number) const {
        return std::chrono::nanoseconds{
            static_cast<std::int64_t>(static_cast<double>(number) / plan_.rate * 1e9)};
    }

    void begin(steady::time_point due, double at) {
        ++under_way_;
        auto const& url = plan_.urls[offered_ % plan_.urls.size()];
        auto& waits = waits_[static_cast<std::size_t>(at)];
        tendril::spawn({.where = {}}, [this, due, &url, &waits] {
            ask(due, url, waits);
            --under_way_;
        });
    }

    void ask(steady::time_point due, std::string const& url, std::vector<std::uint32_t>& waits) {
        try {
            if (client_.get(url).status() != 200) {
                ++refused_;
                return;
            }
            waits.push_back(static_cast<std::uint32_t>(
                std::chrono::duration_cast<std::chrono::microseconds>(steady::now() - due)
                    .count()));
        } catch (tendril::http_client_error const& error) {
            if (error.phase() == tendril::http_phase::connect) {
                ++turned_away_;
            } else if (error.code() == tendril::errc::timed_out) {
                ++given_up_;
            } else {
                ++failed_;
                first_error_ = first_error_.empty() ? error.what() : first_error_;
            }
        }
    }

    plan plan_;
    tendril::http_client client_;
    std::vector<std::vector<std::uint32_t>> waits_;
    std::uint64_t under_way_ = 0;
    std::uint64_t offered_ = 0;
    std::uint64_t refused_ = 0;
    std::uint64_t turned_away_ = 0;
    std::uint64_t given_up_ = 0;
    std::uint64_t failed_ = 0;
    std::string first_error_;
    steady::duration behind_{0};
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 7) {
        std::cerr << "usage: timetable RATE SECONDS PATIENCE KEPT TRUST URL...\n";
        return 2;
    }
    tendril::run([&] {
        timetable asked{{
            .rate = std::stod(argv[1]),
            .seconds = std::stod(argv[2]),
            .patience = std::chrono::milliseconds{std::stol(argv[3])},
            .kept = std::stoul(argv[4]),
            .trust = argv[5],
            .urls = {argv + 6, argv + argc},
        }};
        asked.run();
        asked.print();
    });
}
