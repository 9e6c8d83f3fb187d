// SPDX-License-Identifier: BSL-1.0
// Exercise 25: work that hubs fetch, in place of work that is given to them.
//
// One queue of parts, and on each hub a few greenlets that fetch the next part when they have
// finished one. A hub whose parts take long fetches fewer. Nothing is measured, nothing is guessed,
// and no greenlet moves.
#include <tendril/hub.hpp>
#include <tendril/hubs.hpp>
#include <tendril/support.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <system_error>
#include <utility>
#include <vector>

namespace {

// DOC: fetch
struct part {
    std::uint64_t from;
    std::uint64_t to;
};

std::uint64_t add_up(part work) {
    std::uint64_t sum = 0;
    for (std::uint64_t number = work.from; number < work.to; ++number) {
        sum += number;
    }
    return sum;
}

// Runs on every hub, until there is nothing left to fetch.
std::uint64_t fetch_and_add(tendril::shared_queue<part>& parts) {
    std::uint64_t sum = 0;
    try {
        while (true) {
            sum += add_up(parts.get());  // parks while there is none
        }
    } catch (std::system_error const& end) {
        if (end.code() != tendril::errc::closed) {
            throw;
        }
    }
    return sum;
}

std::uint64_t add_up_on(tendril::hub_group& hubs, std::uint64_t end, std::uint64_t size) {
    tendril::shared_queue<part> parts{8};
    std::vector<tendril::shared_future<std::uint64_t>> sums;
    // The queue is here, so nobody may use it when this function is left.
    tendril::scope_exit const wait_for_all{[&] {
        parts.close();
        tendril::interruption_shield const until_all_have_left;
        for (auto const& each : sums) {
            each.wait();
        }
    }};
    for (std::size_t index = 0; index < hubs.size(); ++index) {
        sums.push_back(hubs.spawn_on(index, [&parts] { return fetch_and_add(parts); }));
    }
    for (std::uint64_t from = 0; from < end; from += size) {
        parts.put({from, std::min(from + size, end)});
    }
    parts.close();
    std::uint64_t sum = 0;
    for (auto const& each : sums) {
        sum += each.get();
    }
    return sum;
}
// DOC-END: fetch

}  // namespace

int main() {
    tendril::run([] {
        tendril::hub_group hubs{{.size = 2}};
        std::cout << "0 + 1 + ... + 99999 = " << add_up_on(hubs, 100'000, 777) << '\n';
    });
}
