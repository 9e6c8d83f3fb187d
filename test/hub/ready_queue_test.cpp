// SPDX-License-Identifier: BSL-1.0
#include <harness/hubs.hpp>
#include <tendril/hub/ready_queue.hpp>
#include <tendril/support/random.hpp>
#include <tendril/time/sleep.hpp>

#include <algorithm>
#include <memory>
#include <vector>

namespace {

using namespace tendril;
using test::transcript;

// Blocks of greenlets that never run, numbered from zero.
class blocks {
public:
    explicit blocks(std::uint32_t count) {
        for (std::uint32_t number = 0; number < count; ++number) {
            all_.push_back(&this_thread().blocks.create(this_thread(), nullptr, nullptr, number));
        }
    }
    blocks(blocks const&) = delete;
    blocks& operator=(blocks const&) = delete;
    ~blocks() {
        for (control_block* const each : all_) {
            this_thread().blocks.destroy(*each);
        }
    }
    control_block& operator[](std::size_t number) { return *all_[number]; }
    void push_all(ready_queue& queue) {
        for (control_block* const each : all_) {
            queue.push(*each);
        }
    }

private:
    std::vector<control_block*> all_;
};

// A callback that is never called, and what keeps it.
struct queued_call {
    explicit queued_call(ready_queue& queue) : named{new callback{nullptr}}, handle{*named} {
        queue.push(*named);
    }
    ~queued_call() { named->unlink(); }
    queued_call(queued_call const&) = delete;
    queued_call& operator=(queued_call const&) = delete;

    callback* named;
    callback_handle handle;
};

class chooses final : public ready_order {
public:
    explicit chooses(std::vector<std::size_t> answers) : answers_{std::move(answers)} {}
    std::size_t choose(std::size_t count) noexcept override {
        counts.push_back(count);
        return answers_[counts.size() - 1];
    }
    std::vector<std::size_t> counts;

private:
    std::vector<std::size_t> answers_;
};

class seeded_order final : public ready_order {
public:
    explicit seeded_order(std::uint64_t seed) : random_{seed} {}
    std::size_t choose(std::size_t count) noexcept override {
        return static_cast<std::size_t>(random_below(random_, count));
    }

private:
    seeded_random random_;
};

std::vector<std::uint32_t> pop_all(ready_queue& queue) {
    std::vector<std::uint32_t> numbers;
    while (control_block* const next = queue.pop_greenlet()) {
        numbers.push_back(next->id);
    }
    return numbers;
}

// What five greenlets write that yield after each word, run in such an order.
transcript words_in_order(ready_order* order) {
    transcript seen;
    test::virtual_clock clock;
    run({.clock = &clock, .order = order}, [&] {
        for (char const* word : {"a", "b", "c", "d", "e"}) {
            this_hub().spawn_raw([&seen, word] {
                for (int step = 0; step < 4; ++step) {
                    seen.push_back(word);
                    yield();
                }
            });
        }
        sleep_for(std::chrono::milliseconds{1});
    });
    return seen;
}

}  // namespace

TENDRIL_TEST(ready_queue, greenlets_leave_in_the_order_they_came) {
    blocks all{3};
    ready_queue queue;
    all.push_all(queue);
    EXPECT_EQ(queue.pop_direct(), &all[0]);
    EXPECT_EQ(queue.pop_greenlet(), &all[1]);
    EXPECT_EQ(queue.pop_direct(), &all[2]);
    EXPECT_EQ(queue.pop_direct(), nullptr);
    EXPECT_EQ(queue.pop_greenlet(), nullptr);
}

TENDRIL_TEST(ready_queue, a_greenlet_that_has_left_may_come_again) {
    blocks all{2};
    ready_queue queue;
    for (int lap = 0; lap < 3; ++lap) {
        all.push_all(queue);
        EXPECT_EQ(pop_all(queue), (std::vector<std::uint32_t>{0, 1}));
    }
}

TENDRIL_TEST(ready_queue, counts_the_greenlets_in_it) {
    blocks all{2};
    ready_queue queue;
    EXPECT_EQ(queue.size(), 0U);
    all.push_all(queue);
    EXPECT_EQ(queue.size(), 2U);
    queue.pop_direct();
    EXPECT_EQ(queue.size(), 1U);
    queue.pop_greenlet();
    EXPECT_EQ(queue.size(), 0U);
}

TENDRIL_TEST(ready_queue, is_empty_when_neither_greenlets_nor_callbacks_are_in_it) {
    blocks all{1};
    ready_queue queue;
    EXPECT_TRUE(queue.empty());
    all.push_all(queue);
    EXPECT_FALSE(queue.empty());
    queue.pop_direct();
    EXPECT_TRUE(queue.empty());
    queued_call const call{queue};
    EXPECT_FALSE(queue.empty());
    EXPECT_EQ(queue.size(), 0U);
}

TENDRIL_TEST(ready_queue, visits_every_greenlet_in_order) {
    blocks all{3};
    ready_queue queue;
    all.push_all(queue);
    std::vector<std::uint32_t> seen;
    queue.for_each([&](control_block& each) { seen.push_back(each.id); });
    EXPECT_EQ(seen, (std::vector<std::uint32_t>{0, 1, 2}));
}

TENDRIL_TEST(ready_queue, one_that_is_put_back_is_the_next_again) {
    blocks all{2};
    ready_queue queue;
    all.push_all(queue);
    queue.put_back(*queue.pop_direct());
    EXPECT_EQ(queue.size(), 2U);
    EXPECT_EQ(pop_all(queue), (std::vector<std::uint32_t>{0, 1}));
    queue.push(all[0]);
    queue.put_back(*queue.pop_direct());
    queue.push(all[1]);
    EXPECT_EQ(pop_all(queue), (std::vector<std::uint32_t>{0, 1}));
}

// Callbacks between them.

TENDRIL_TEST(ready_queue, a_callback_is_due_when_the_greenlets_in_front_of_it_have_left) {
    blocks all{2};
    ready_queue queue;
    queue.push(all[0]);
    queued_call const call{queue};
    queue.push(all[1]);
    EXPECT_EQ(queue.pop_callback(), nullptr);
    EXPECT_EQ(queue.pop_direct(), &all[0]);
    EXPECT_EQ(queue.pop_callback(), call.named);
    EXPECT_EQ(queue.pop_callback(), nullptr);
    EXPECT_EQ(queue.pop_direct(), &all[1]);
}

TENDRIL_TEST(ready_queue, no_greenlet_behind_a_callback_is_popped_directly) {
    blocks all{1};
    ready_queue queue;
    queued_call const call{queue};
    all.push_all(queue);
    EXPECT_EQ(queue.pop_direct(), nullptr);
    EXPECT_EQ(queue.pop_callback(), call.named);
    EXPECT_EQ(queue.pop_direct(), &all[0]);
}

TENDRIL_TEST(ready_queue, callbacks_leave_in_the_order_they_came) {
    ready_queue queue;
    queued_call const a{queue};
    queued_call const b{queue};
    EXPECT_EQ(queue.pop_callback(), a.named);
    EXPECT_EQ(queue.pop_callback(), b.named);
    EXPECT_EQ(queue.pop_callback(), nullptr);
}

TENDRIL_TEST(ready_queue, a_callback_that_has_left_by_itself_holds_nobody_up) {
    blocks all{1};
    ready_queue queue;
    queued_call const call{queue};
    all.push_all(queue);
    call.named->unlink();
    EXPECT_EQ(queue.pop_callback(), nullptr);
    EXPECT_EQ(queue.pop_direct(), &all[0]);
}

TENDRIL_TEST(ready_queue, any_callback_can_be_taken_out_at_the_end) {
    blocks all{1};
    ready_queue queue;
    all.push_all(queue);
    queued_call const call{queue};
    EXPECT_EQ(queue.pop_any_callback(), call.named);
    EXPECT_EQ(queue.pop_any_callback(), nullptr);
    EXPECT_EQ(queue.pop_direct(), &all[0]);
}

// Another order.

TENDRIL_TEST(ready_queue, an_order_decides_who_is_next) {
    blocks all{4};
    ready_queue queue;
    chooses order{{2, 0, 1, 0}};
    queue.set_order(&order);
    all.push_all(queue);
    EXPECT_EQ(pop_all(queue), (std::vector<std::uint32_t>{2, 0, 3, 1}));
    EXPECT_EQ(order.counts, (std::vector<std::size_t>{4, 3, 2, 1}));
}

TENDRIL_TEST(ready_queue, the_end_stays_the_end_when_the_last_is_chosen) {
    blocks all{3};
    ready_queue queue;
    chooses order{{1, 0, 0}};
    queue.set_order(&order);
    queue.push(all[0]);
    queue.push(all[1]);
    EXPECT_EQ(queue.pop_greenlet(), &all[1]);
    queue.push(all[2]);
    EXPECT_EQ(pop_all(queue), (std::vector<std::uint32_t>{0, 2}));
}

TENDRIL_TEST(ready_queue, nobody_is_popped_directly_while_an_order_decides) {
    blocks all{1};
    ready_queue queue;
    chooses order{{0}};
    queue.set_order(&order);
    all.push_all(queue);
    EXPECT_EQ(queue.pop_direct(), nullptr);
    queue.set_order(nullptr);
    EXPECT_EQ(queue.pop_direct(), &all[0]);
    EXPECT_EQ(order.counts, std::vector<std::size_t>{});
}

TENDRIL_TEST(ready_queue, an_order_that_chooses_nobody_stops_the_program) {
    blocks all{2};
    ready_queue queue;
    chooses order{{2}};
    queue.set_order(&order);
    all.push_all(queue);
    EXPECT_DEATH(queue.pop_greenlet(), "a ready_order chooses among those who are ready");
    queue.set_order(nullptr);
    pop_all(queue);
}

// Another order, in a hub.

TENDRIL_TEST(ready_queue, without_an_order_everybody_takes_turns) {
    transcript expected;
    for (int step = 0; step < 4; ++step) {
        expected.insert(expected.end(), {"a", "b", "c", "d", "e"});
    }
    EXPECT_EQ(words_in_order(nullptr), expected);
}

TENDRIL_TEST(ready_queue, a_seed_determines_the_order) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        seeded_order first{seed};
        seeded_order second{seed};
        EXPECT_EQ(words_in_order(&first), words_in_order(&second)) << "seed " << seed;
    }
}

TENDRIL_TEST(ready_queue, seeds_give_different_orders_of_the_same_words) {
    seeded_order first{1};
    seeded_order second{2};
    transcript one = words_in_order(&first);
    transcript other = words_in_order(&second);
    EXPECT_NE(one, other);
    EXPECT_NE(one, words_in_order(nullptr));
    std::sort(one.begin(), one.end());
    std::sort(other.begin(), other.end());
    EXPECT_EQ(one, other);
}
