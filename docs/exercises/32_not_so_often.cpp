// SPDX-License-Identifier: BSL-1.0
// Exercise 32: so many requests a second for each client, and a short burst.
//
// A bucket for each client fills with time and is emptied by requests. Nothing runs to fill it: how
// full it is follows from when it was looked at last. A full one says nothing and is forgotten.
#include <tendril/http.hpp>
#include <tendril/hub.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>
#include <string>
#include <utility>

using namespace std::chrono_literals;

namespace {

// DOC: not_so_often
template <typename Handler>
class not_so_often {
public:
    not_so_often(double each_second, double burst, Handler handler)
        : rate_{each_second},
          burst_{burst},
          handler_{std::move(handler)} {}

    void operator()(tendril::http_request& request, tendril::http_response& response) {
        if (!has_drop(request.client())) {
            response.status(429).header("Retry-After", "1");
            return;
        }
        handler_(request, response);
    }

    std::size_t clients() const noexcept { return buckets_.size(); }

private:
    struct bucket {
        double drops;
        tendril::time_point looked_at;
    };

    bool has_drop(std::string const& client) {
        auto const now = tendril::this_hub().now();
        if (buckets_.size() > most_clients) {
            std::erase_if(
                buckets_, [&](auto const& each) { return filled(each.second, now) >= burst_; });
        }
        bucket& mine = buckets_.try_emplace(client, bucket{burst_, now}).first->second;
        mine = {filled(mine, now), now};
        bool const has = mine.drops >= 1;
        mine.drops -= has ? 1 : 0;
        return has;
    }

    double filled(bucket const& each, tendril::time_point now) const {
        std::chrono::duration<double> const since = now - each.looked_at;
        return std::min(burst_, each.drops + since.count() * rate_);
    }

    static constexpr std::size_t most_clients = 10'000;

    double const rate_;
    double const burst_;
    Handler handler_;
    std::map<std::string, bucket> buckets_;
};
// DOC-END: not_so_often

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [] {
        auto hello = [](tendril::http_request&, tendril::http_response& response) {
            response.body("hello");
        };
        tendril::http_server web{"127.0.0.1:0", not_so_often{2, 3, hello}};
        web.start();
        std::string const url = "http://" + web.local_address() + "/";
        tendril::http_client client;
        auto const statuses_of_five = [&] {
            for (int number = 0; number < 5; ++number) {
                std::cout << client.get(url).status() << (number < 4 ? ' ' : '\n');
            }
        };
        statuses_of_five();
        tendril::sleep_for(1s);
        statuses_of_five();
        tendril::sleep_for(1h);
        statuses_of_five();
        client.close();
    });
}
