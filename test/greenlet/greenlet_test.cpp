// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/greenlet/greenlet.hpp>

#include <string>

namespace {

using namespace tendril;

}  // namespace

TENDRIL_TEST(
    greenlet, the_first_switch_gives_the_arguments_and_later_ones_come_back_from_switch_to) {
    greenlet g{[](int x) {
        auto back = greenlet::current().parent();
        auto s = back.switch_to(x + 1).as<std::string>();
        return int(s.size());
    }};
    EXPECT_EQ(g.switch_to(41).as<int>(), 42);
    EXPECT_EQ(g.switch_to(std::string("four")).as<int>(), 4);
    EXPECT_TRUE(g.dead());
}
