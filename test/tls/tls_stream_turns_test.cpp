// SPDX-License-Identifier: BSL-1.0
//
// Calls that fail at once, or have nothing to do, take of the turn's budget all the same.
#include <harness/secured.hpp>
#include <harness/turns.hpp>

#include <boost/asio/buffer.hpp>

#include <array>

namespace {

using namespace tendril;
using test::lets_others_run;
using test::secured_ends;

void expect_turns_at_secured(tls_stream& stream) {
    std::array<char, 8> data{};
    error_code ignored;
    EXPECT_TRUE(lets_others_run([&] { stream.read_some(boost::asio::buffer(data), ignored); }));
    EXPECT_TRUE(lets_others_run([&] { stream.write_some(boost::asio::buffer(data), ignored); }));
    EXPECT_TRUE(lets_others_run([&] { stream.write(boost::asio::buffer(data), ignored); }));
}

}  // namespace

TENDRIL_HUB_TEST(tls_stream, a_loop_over_an_ended_or_closed_one_lets_others_run) {
    secured_ends ends = test::shaken_ends();
    ends.client.shutdown_send();
    ends.server.shutdown_send();
    expect_turns_at_secured(ends.client);
    ends.client.close();
    expect_turns_at_secured(ends.client);
    expect_turns_at_secured(ends.server);
}

TENDRIL_HUB_TEST(tls_stream, a_loop_over_one_that_has_failed_lets_others_run) {
    secured_ends ends = test::unshaken_ends(test::good_client(), test::good_server());
    ends.server.close();
    error_code ignored;
    EXPECT_TRUE(lets_others_run([&] { ends.client.handshake(ignored); }));
    EXPECT_TRUE(lets_others_run([&] { ends.client.shutdown_send(ignored); }));
    EXPECT_TRUE(lets_others_run([&] { ends.client.unwrap(ignored); }));
    expect_turns_at_secured(ends.client);
}
