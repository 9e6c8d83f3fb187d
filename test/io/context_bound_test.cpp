// SPDX-License-Identifier: BSL-1.0
#include <harness/hubs.hpp>
#include <tendril/io/context_bound.hpp>

#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>

namespace {

using namespace tendril;
using detail::home_hub;

class bound_timer final : public detail::context_bound {
public:
    explicit bound_timer(boost::asio::io_context& context)
        : context_bound{context},
          timer{std::in_place, context} {}

    std::optional<boost::asio::steady_timer> timer;
    int told = 0;

private:
    void leave_context() noexcept override {
        timer.reset();
        ++told;
    }
};

constexpr char const* rule = "this thing belongs to another thread";

}  // namespace

TENDRIL_TEST(context_bound, a_context_that_goes_tells_whoever_is_left_once) {
    auto context = std::make_unique<boost::asio::io_context>(1);
    bound_timer longer{*context};
    {
        bound_timer shorter{*context};
        EXPECT_TRUE(shorter.timer.has_value());
    }
    EXPECT_EQ(longer.told, 0);
    context.reset();
    EXPECT_EQ(longer.told, 1);
    EXPECT_FALSE(longer.timer.has_value());
}

TENDRIL_HUB_TEST(context_bound, a_home_lets_its_own_thread_and_refuses_another) {
    home_hub const home{this_hub()};
    EXPECT_TRUE(home.exists());
    home.require_own_thread(rule);
    home.require_own_thread_to_destroy("a thing");
    test::run_on_new_thread([&] { EXPECT_THROW(home.require_own_thread(rule), wrong_thread); });
}

TENDRIL_HUB_TEST(context_bound, destruction_on_another_thread_ends_the_program_and_says_of_what) {
    home_hub const home{this_hub()};
    EXPECT_DEATH(
        test::run_on_new_thread([&] { home.require_own_thread_to_destroy("a thing"); }),
        "a thing was destroyed on another thread");
}

TENDRIL_TEST(context_bound, a_home_lets_every_thread_when_the_hub_has_gone) {
    std::optional<home_hub> home;
    test::run_on_new_thread([&] { home.emplace(this_hub()); });
    EXPECT_FALSE(home->exists());
    home->require_own_thread(rule);
    home->require_own_thread_to_destroy("a thing");
}
