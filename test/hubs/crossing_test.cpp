// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/channel.hpp>
#include <tendril/hubs/crossing.hpp>
#include <tendril/net.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>

#include <memory>
#include <string>
#include <vector>

namespace {

struct session {};

}  // namespace

template <>
inline constexpr bool tendril::may_cross_hubs<session> = false;

namespace {

using namespace tendril;

}  // namespace

TENDRIL_TEST(crossing, values_and_the_shared_family_may_go_to_another_hub) {
    EXPECT_TRUE(may_cross_hubs<int>);
    EXPECT_TRUE(may_cross_hubs<std::string>);
    EXPECT_TRUE(may_cross_hubs<std::unique_ptr<int>>);
    EXPECT_TRUE(may_cross_hubs<std::reference_wrapper<shared_event>>);
    EXPECT_TRUE(may_cross_hubs<shared_queue<int>*>);
    EXPECT_TRUE(may_cross_hubs<shared_future<int>>);
    EXPECT_TRUE((may_cross_hubs<std::tuple<int, char const*>>));
}

TENDRIL_TEST(crossing, what_belongs_to_a_hub_stays_there) {
    EXPECT_FALSE(may_cross_hubs<task<int>>);
    EXPECT_FALSE(may_cross_hubs<future<void>>);
    EXPECT_FALSE(may_cross_hubs<promise<void>>);
    EXPECT_FALSE(may_cross_hubs<channel<int>>);
    EXPECT_FALSE(may_cross_hubs<queue<int>>);
    EXPECT_FALSE(may_cross_hubs<greenlet>);
    EXPECT_FALSE(may_cross_hubs<hub&>);
    EXPECT_FALSE(may_cross_hubs<tcp_stream>);
    EXPECT_FALSE(may_cross_hubs<tcp_listener>);
    EXPECT_FALSE(may_cross_hubs<unix_stream>);
    EXPECT_FALSE(may_cross_hubs<udp_socket>);
}

TENDRIL_TEST(crossing, it_is_found_behind_references_and_in_parts) {
    EXPECT_FALSE(may_cross_hubs<event&>);
    EXPECT_FALSE(may_cross_hubs<mutex*>);
    EXPECT_FALSE(may_cross_hubs<std::reference_wrapper<latch>>);
    EXPECT_FALSE(may_cross_hubs<std::optional<task<void>>>);
    EXPECT_FALSE((may_cross_hubs<std::pair<int, tcp_stream>>));
    EXPECT_FALSE((may_cross_hubs<std::tuple<int, char, condition_variable&>>));
}

TENDRIL_TEST(crossing, a_program_adds_types_of_its_own) {
    EXPECT_FALSE(may_cross_hubs<session>);
    EXPECT_FALSE(may_cross_hubs<session const&>);
}
