// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/io/context_bound.hpp>

#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>

namespace {

using namespace tendril;

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

}  // namespace
