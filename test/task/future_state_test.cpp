// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/task/future_state.hpp>
#include <tendril/task/task_state.hpp>

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using detail::settlement;
using test::outcome_of;
using way_to_end = settlement::stage;
using number_state = detail::future_state<int>;
using reading = detail::reading_handle<number_state>;
using giving = detail::giving_handle<number_state>;

std::string end_of(settlement const& settled) {
    return outcome_of([&] { settled.rethrow("a test"); });
}

}  // namespace

TENDRIL_TEST(future_state, a_settlement_says_what_readers_get) {
    settlement pending;
    EXPECT_FALSE(pending.done());
    EXPECT_EQ(end_of(pending), "returned");
    settlement fulfilled;
    fulfilled.fulfil();
    EXPECT_TRUE(fulfilled.done());
    EXPECT_EQ(end_of(fulfilled), "returned");
    EXPECT_EQ(fulfilled.error("a test"), nullptr);
    settlement failed;
    failed.fail(std::make_exception_ptr(std::runtime_error{"broken"}));
    EXPECT_EQ(end_of(failed), "broken");
    EXPECT_NE(failed.error("a test"), nullptr);
    settlement cancelled_one;
    cancelled_one.cancel();
    EXPECT_EQ(end_of(cancelled_one), "a test was cancelled");
    EXPECT_EQ(cancelled_one.error("a test"), nullptr);
    settlement broken;
    broken.break_off();
    EXPECT_TRUE(test::contains(end_of(broken), "a test has no promise any more"));
    EXPECT_NE(broken.error("a test"), nullptr);
}

TENDRIL_TEST(future_state, a_settlement_tells_errors_from_the_end_of_a_greenlet) {
    auto const stage_after = [](auto error) {
        settlement settled;
        settled.fail(std::make_exception_ptr(error));
        return settled.how();
    };
    EXPECT_EQ(stage_after(std::runtime_error{"broken"}), way_to_end::failed);
    EXPECT_EQ(stage_after(7), way_to_end::failed);
    EXPECT_EQ(stage_after(cancelled{}), way_to_end::cancelled);
    EXPECT_EQ(stage_after(greenlet_exit{}), way_to_end::cancelled);
    EXPECT_EQ(stage_after(broken_promise{"elsewhere"}), way_to_end::broken);
}

// Each stage, and what may be done to it: only the first thing that comes decides.
TENDRIL_HUB_TEST(future_state, leaves_pending_once) {
    using act = std::pair<way_to_end, std::function<bool(number_state&)>>;
    act const acts[] = {
        {way_to_end::fulfilled, [](number_state& s) { return s.try_fulfil(7); }},
        {way_to_end::failed,
         [](number_state& s) { return s.try_fail(std::make_exception_ptr(std::string{"x"})); }},
        {way_to_end::cancelled, [](number_state& s) { return s.cancel(); }},
    };
    for (auto const& [first_stage, first] : acts) {
        for (auto const& [second_stage, second] : acts) {
            giving const p{*new number_state{"a test"}};
            EXPECT_EQ(p.get()->how(), way_to_end::pending);
            EXPECT_NO_THROW(p.get()->require_pending());
            EXPECT_TRUE(first(*p.get()));
            EXPECT_EQ(p.get()->how(), first_stage);
            EXPECT_FALSE(second(*p.get()));
            EXPECT_EQ(p.get()->how(), first_stage);
            EXPECT_THROW(p.get()->require_pending(), already_settled);
            static_cast<void>(p.get()->collect_error());
        }
        // The last promise that goes changes nothing either.
        giving p{*new number_state{"a test"}};
        reading const f{*p.get()};
        first(*f.get());
        p = giving{};
        EXPECT_EQ(f.get()->how(), first_stage);
        static_cast<void>(f.get()->collect_error());
    }
}

TENDRIL_HUB_TEST(future_state, breaks_when_the_last_giving_handle_goes) {
    giving p{*new number_state{"a test"}};
    reading const f{*p.get()};
    giving copy{p};
    giving moved{std::move(p)};
    EXPECT_EQ(p.get(), nullptr);
    EXPECT_EQ(copy, moved);
    copy = giving{};
    EXPECT_EQ(f.get()->how(), way_to_end::pending);
    moved = giving{};
    EXPECT_EQ(f.get()->how(), way_to_end::broken);
    EXPECT_STREQ(f.get()->what(), "a test");
}
