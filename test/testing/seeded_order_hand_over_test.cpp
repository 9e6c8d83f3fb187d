// SPDX-License-Identifier: BSL-1.0
//
// Random programs over every primitive, each in an order of its own: who waits is interrupted, runs
// out of time or is told to exit at any park, and nothing may be lost, doubled or left behind.
//
// The seed decides the program and the order, so TENDRIL_SEED=N replays the schedule that failed.
#include <harness/hand_over_program.hpp>
#include <harness/stress.hpp>
#include <harness/tendril_test.hpp>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <vector>

namespace {

using namespace tendril;
using tendril::testing::forced_switches;
using tendril::testing::seeded_order;
using test::deed;
using test::plan;
using test::step;

// Draws a program.
class author {
public:
    explicit author(std::uint64_t seed) : random_{seed} {}

    plan write(bool order_is_known) {
        plan made;
        made.options.permits = 1 + below(2);
        made.options.expected = 2 + below(2);
        made.options.capacity = 1 + static_cast<std::size_t>(below(2));
        made.options.order_is_known = order_is_known;
        choose_deeds();
        made.scripts.resize(3 + static_cast<std::size_t>(below(4)));
        for (auto& script : made.scripts) {
            script.resize(1 + static_cast<std::size_t>(below(5)));
            for (step& each : script) {
                each = draw_step();
            }
        }
        made.strikes.resize(static_cast<std::size_t>(below(5)));
        for (test::strike& each : made.strikes) {
            each.whom = static_cast<std::size_t>(below(static_cast<int>(made.scripts.size())));
            each.how = draw_blow();
            each.after = below(6) - 1;
        }
        return made;
    }

private:
    int below(int limit) {
        return static_cast<int>(random_below(random_, static_cast<std::uint64_t>(limit)));
    }

    // Few families at once, so that greenlets meet.
    void choose_deeds() {
        static std::vector<std::vector<deed>> const families{
            {deed::lock},
            {deed::lock_twice},
            {deed::write, deed::read},
            {deed::take_token, deed::give_token},
            {deed::acquire},
            {deed::wait_for_event, deed::set_event, deed::reset_event},
            {deed::wait_for_auto_reset, deed::set_auto_reset},
            {deed::wait_for_latch, deed::count_down},
            {deed::pass_barrier},
            {deed::call_once},
            {deed::put, deed::get},
            {deed::put_last, deed::get_last},
            {deed::put_by_rank, deed::get_by_rank},
            {deed::send, deed::receive},
            {deed::send_buffered, deed::receive_buffered},
            {deed::select_to_receive, deed::select_to_send},
            {deed::select_to_receive, deed::select_to_send, deed::send, deed::receive,
             deed::send_buffered, deed::receive_buffered},
            {deed::ask_for_value, deed::give_value},
            {deed::ask_for_value, deed::give_value, deed::cancel_value, deed::follow_value},
            {deed::fill_slot},
            {deed::fill_slot, deed::apply_in_slot},
            {deed::gather_two},
        };
        for (int count = 1 + below(2); count > 0; --count) {
            auto const& chosen =
                families[static_cast<std::size_t>(below(static_cast<int>(families.size())))];
            deeds_.insert(deeds_.end(), chosen.begin(), chosen.end());
        }
    }

    test::blow draw_blow() {
        switch (below(6)) {
        case 0:
            return test::blow::exit;
        case 1:
        case 2:
            return test::blow::scope;
        default:
            return test::blow::wish;
        }
    }

    test::around draw_around() {
        return below(2) == 0 ? test::around::limit : static_cast<test::around>(below(5));
    }

    step draw_step() {
        step drawn;
        drawn.what = deeds_[static_cast<std::size_t>(below(static_cast<int>(deeds_.size())))];
        drawn.limit = below(2) == 0 ? test::never : below(4);
        drawn.within = draw_around();
        drawn.scope = below(4) == 0 ? below(4) : test::never;
        drawn.pause = below(5) - 1;
        return drawn;
    }

    seeded_random random_;
    std::vector<deed> deeds_;
};

// Plays the schedule of a seed in a hub of its own. Returns the rule that it has broken, or null.
char const* broken_by(std::uint64_t seed, std::uint64_t& trace) {
    bool const forces_switches = seed % 2 == 0;
    seeded_order order{seed, forces_switches ? forced_switches::half : forced_switches::none};
    seeded_random random{seed};
    plan const written = author{seed}.write(!forces_switches);
    tendril::testing::virtual_clock clock;
    char const* broken = nullptr;
    run({.clock = &clock, .order = &order, .random = &random},
        [&] { broken = test::program{written}.run(); });
    trace = order.trace();
    return broken;
}

// Sanitizers make each schedule many times slower.
constexpr int share = TENDRIL_ASAN || TENDRIL_TSAN ? 20 : 1;

}  // namespace

// Not a TENDRIL_TEST, which TENDRIL_SEED would leave out.
TEST(seeded_order, hands_over_without_loss_in_any_schedule) {
    tendril::testing::leak_check const before;
    auto const wanted = static_cast<std::uint64_t>(test::laps(50'000, 1'000'000) / share);
    std::uint64_t const schedules = tendril::testing::for_each_seed(
        wanted, [](seeded_order const& order) {
            std::uint64_t trace = 0;
            char const* const broken = broken_by(order.seed(), trace);
            EXPECT_EQ(broken, nullptr) << "broken: " << (broken != nullptr ? broken : "");
            return broken == nullptr;
        });
    std::cout << schedules << " seeded schedules were played\n";
    EXPECT_EQ(before.leaks(), "");
}

TENDRIL_TEST(seeded_order, a_seed_replays_its_schedule) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        std::uint64_t first = 0;
        std::uint64_t second = 0;
        broken_by(seed, first);
        broken_by(seed, second);
        EXPECT_EQ(first, second) << seed;
    }
}
