// SPDX-License-Identifier: BSL-1.0
// Exercise 24: a relay between two connections that ends when nothing has moved for a while.
//
// Two greenlets copy, one in each direction, and both move the limit of one scope: its deadline is
// a word that is written, and no timer is made or cancelled for each piece. When one direction
// ends, the other may go on (half close); when the limit comes, both are ended.
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <iostream>
#include <string_view>

using namespace std::chrono_literals;
using namespace std::string_view_literals;

namespace {

// DOC: relay
template <typename Stream>
void copy(Stream& from, Stream& to, tendril::cancel_scope& scope, std::chrono::seconds idle) {
    std::array<char, 4096> data;
    tendril::error_code error;
    while (true) {
        auto const size = from.read_some(boost::asio::buffer(data), error);
        if (error) {
            break;
        }
        boost::asio::write(to, boost::asio::buffer(data, size));
        scope.set_limit(tendril::deadline::after(idle));
    }
    to.shutdown_send();
    if (error != boost::asio::error::eof) {
        throw boost::system::system_error{error};
    }
}

// Returns whether both directions came to their end. Throws: exception_group. Switches: may.
template <typename Stream>
bool relay(Stream& left, Stream& right, std::chrono::seconds idle) {
    tendril::cancel_scope scope{{.limit = tendril::deadline::after(idle)}};
    return scope.run([&] {
        tendril::with_task_group([&](tendril::task_group& group) {
            group.spawn([&] { copy(left, right, scope, idle); });
            group.spawn([&] { copy(right, left, scope, idle); });
        });
    });
}
// DOC-END: relay

void show(std::string_view what) {
    static auto const start = tendril::this_hub().now();
    std::cout << (tendril::this_hub().now() - start) / 1s << " s: " << what << '\n';
}

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [] {
        using tendril::testing::memory_stream;
        show("begins");
        for (bool const answers : {true, false}) {
            auto [client, outer] = memory_stream::pair();
            auto [inner, server] = memory_stream::pair();
            auto relaying = tendril::spawn([&outer = outer, &inner = inner] {
                auto const ended = relay(outer, inner, 10s);
                show(ended ? "the relay has come to its end" : "nothing has moved for 10 s");
            });
            tendril::with_task_group(
                [&, &client = client, &server = server](tendril::task_group& group) {
                    group.spawn([&] {
                        for (int count = 0; count < 3; ++count) {
                            boost::asio::write(client, boost::asio::buffer("ping"sv));
                            tendril::sleep_for(8s);
                        }
                        client.shutdown_send();
                    });
                    group.spawn([&] {
                        std::array<char, 64> data;
                        tendril::error_code error;
                        while (!error) {
                            server.read_some(boost::asio::buffer(data), error);
                        }
                        if (answers) {
                            server.shutdown_send();
                        }
                    });
                    relaying.get();
                });
        }
    });
}
