// SPDX-License-Identifier: BSL-1.0
//
// Small programs over each primitive, two to four greenlets and up to eight steps, in every order
// that the hub may choose, and with an interruption of each greenlet at every point: nothing may be
// lost, doubled or left behind. What holds in all of these orders is not left to chance.
//
// An order is a list of decisions. The next one is found as an odometer counts: the last decision
// that has another way to go takes it, and those behind it are forgotten.
#include <harness/hand_over_program.hpp>
#include <harness/tendril_test.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using test::deed;
using test::plan;
using test::step;

// Sanitizers make each schedule many times slower: then the larger models are left out.
constexpr bool slow = TENDRIL_ASAN || TENDRIL_TSAN;

enum class entries : bool { never_switch, may_switch };

// All orders, one after the other. The random numbers of `select` are decisions too.
class every_order final : public ready_order, public random_source {
public:
    explicit every_order(entries switched) : switched_{switched} {}

    std::size_t choose(std::size_t count) noexcept override { return decide(count); }
    bool switches_now() noexcept override {
        return switched_ == entries::may_switch && decide(2) == 1;
    }
    std::uint64_t next() noexcept override { return decide(2) == 0 ? 0 : UINT64_MAX; }

    // From here on there is one way to go.
    void settle() noexcept { settled_ = true; }

    // Goes on to the next order; returns false when there is none.
    bool advance() {
        settled_ = false;
        at_ = 0;
        while (!made_.empty() && made_.back().taken + 1 == made_.back().ways) {
            made_.pop_back();
        }
        if (made_.empty()) {
            return false;
        }
        ++made_.back().taken;
        return true;
    }

    // Whether the same decisions have not led to the same questions.
    bool has_strayed() const noexcept { return has_strayed_; }

    std::string text() const {
        std::string all;
        for (decision const& each : made_) {
            all += ' ' + std::to_string(each.taken) + '/' + std::to_string(each.ways);
        }
        return all;
    }

private:
    struct decision {
        std::size_t taken;
        std::size_t ways;
    };

    std::size_t decide(std::size_t ways) noexcept {
        if (settled_ || ways == 1) {
            return 0;
        }
        if (at_ == made_.size()) {
            made_.push_back({0, ways});
        }
        has_strayed_ = has_strayed_ || made_[at_].ways != ways;
        return made_[at_++].taken;
    }

    entries switched_;
    bool settled_ = false;
    bool has_strayed_ = false;
    std::size_t at_ = 0;
    std::vector<decision> made_;
};

// Plays a program in every order. Returns how many there are; stops at the first that fails.
long play(plan const& written, entries switched, std::string const& name) {
    every_order order{switched};
    tendril::testing::virtual_clock clock;
    long count = 0;
    run({.clock = &clock, .order = &order, .random = &order}, [&] {
        do {
            test::program played{written};
            played.run_to_standstill();
            order.settle();
            char const* const broken = played.run_to_end();
            ++count;
            if (broken != nullptr || order.has_strayed()) {
                ADD_FAILURE() << name << ": " << (broken != nullptr ? broken : "not repeatable")
                              << "; decisions:" << order.text();
                return;
            }
        } while (order.advance());
    });
    return count;
}

// Plays it without an interruption, and with one of each greenlet and kind.
long play_with_strikes(
    plan written, entries switched, std::string const& name,
    std::vector<int> const& moments = {test::never}) {
    written.options.order_is_known = switched == entries::never_switch;
    long count = play(written, switched, name);
    for (std::size_t whom = 0; whom < written.scripts.size(); ++whom) {
        for (test::blow const how : {test::blow::wish, test::blow::exit}) {
            for (int const after : moments) {
                written.strikes = {{whom, how, after}};
                count += play(
                    written, switched,
                    name + ", strike of " + std::to_string(whom) +
                        (how == test::blow::wish ? " by a wish" : " by an exit"));
            }
        }
    }
    return count;
}

step now_or_in_turn(deed what) { return {what, test::never, test::never, 0}; }
step within_1ms(deed what) { return {what, 1, test::never, 1}; }
step in_scope_of_1ms(deed what) { return {what, test::never, 1, test::never}; }

// One who takes and one who gives; for locks, both are the same.
long play_models_of(std::string const& name, deed take, deed give) {
    step const takes = now_or_in_turn(take);
    step const gives = now_or_in_turn(give);
    plan const few{{}, {{takes, takes}, {gives}}, {}};
    plan const two{{}, {{takes, gives, takes, gives}, {gives, takes, gives, takes}}, {}};
    plan const three{{}, {{takes, takes, takes}, {takes, gives}, {gives, gives, gives}}, {}};
    plan const four{{}, {{takes, takes}, {takes, takes}, {gives, gives}, {gives, gives}}, {}};
    plan const late{{}, {{within_1ms(take)}, {in_scope_of_1ms(take)}, {takes}, {gives}}, {}};
    long count = play_with_strikes(two, entries::never_switch, name + ", two");
    count += play_with_strikes(three, entries::never_switch, name + ", three");
    if (!slow) {
        count += play_with_strikes(few, entries::may_switch, name + ", switching");
        count += play_with_strikes(four, entries::never_switch, name + ", four");
        count += play_with_strikes(
            late, entries::never_switch, name + ", limits", {test::never, 1});
    }
    std::cout << name << ": " << count << " schedules\n";
    return count;
}

}  // namespace

TEST(seeded_order, every_schedule_of_every_small_model_hands_over_without_loss) {
    struct primitive {
        char const* name;
        deed take;
        deed give;
    };
    static constexpr std::array all{
        primitive{"mutex", deed::lock, deed::lock},
        primitive{"recursive_mutex", deed::lock_twice, deed::lock_twice},
        primitive{"shared_mutex", deed::read, deed::write},
        primitive{"condition_variable", deed::take_token, deed::give_token},
        primitive{"counting_semaphore", deed::acquire, deed::acquire},
        primitive{"event", deed::wait_for_event, deed::set_event},
        primitive{"auto_reset_event", deed::wait_for_auto_reset, deed::set_auto_reset},
        primitive{"latch", deed::wait_for_latch, deed::count_down},
        primitive{"barrier", deed::pass_barrier, deed::pass_barrier},
        primitive{"call_once", deed::call_once, deed::call_once},
        primitive{"queue", deed::get, deed::put},
        primitive{"lifo_queue", deed::get_last, deed::put_last},
        primitive{"priority_queue", deed::get_by_rank, deed::put_by_rank},
        primitive{"channel", deed::receive, deed::send},
        primitive{"channel with a buffer", deed::receive_buffered, deed::send_buffered},
        primitive{"select", deed::select_to_receive, deed::select_to_send},
        primitive{"future", deed::ask_for_value, deed::give_value},
        primitive{"pool", deed::fill_slot, deed::fill_slot},
    };
    tendril::testing::leak_check const before;
    long count = 0;
    for (primitive const& each : all) {
        count += play_models_of(each.name, each.take, each.give);
    }
    std::cout << count << " schedules of small models were played\n";
    EXPECT_EQ(before.leaks(), "");
}
