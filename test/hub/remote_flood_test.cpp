// SPDX-License-Identifier: BSL-1.0
//
// What a post costs, and what many of them do.
#include <harness/failing_allocations.hpp>
#include <harness/hubs.hpp>
#include <harness/stress.hpp>
#include <tendril/hub/remote.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/time/sleep.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::failing_allocation;
using test::lone_waiter;
using test::no_allocation;
using test::strand_on_new_thread;
using test::transcript;

std::atomic<int> bell_writes{0};

system_calls that_count_bells() {
    system_calls table = kernel();
    table.write = [](int fd, void const* data, std::size_t size) {
        ++bell_writes;
        return real_kernel().write(fd, data, size);
    };
    bell_writes = 0;
    return table;
}

// Counts how often it was opened, and how often it was discarded.
class counted_letter final : public letter {
public:
    int opened = 0;
    int discarded = 0;

private:
    void open() override { ++opened; }
    void discard() noexcept override { ++discarded; }
};

struct waits_in_vain_when_destroyed {
    ~waits_in_vain_when_destroyed() { lone_waiter{"what never comes"}.park(); }
};

}  // namespace

// Allocations.

TENDRIL_HUB_TEST(remote_flood, a_post_allocates_one_block_however_large_the_function_is) {
    remote const door = this_hub().remote();
    std::array<char, 1000> large{};
    int calls = 0;
    {
        failing_allocation const second{2};
        EXPECT_TRUE(door.post([&] { ++calls; }));
        EXPECT_FALSE(second.has_failed());
    }
    {
        failing_allocation const second{2};
        EXPECT_TRUE(door.post([&calls, large] { calls += 1 + large[0]; }));
        EXPECT_FALSE(second.has_failed());
    }
    sleep_for(1ns);
    EXPECT_EQ(calls, 2);
}

TENDRIL_HUB_TEST(remote_flood, a_post_for_which_there_is_no_memory_throws_and_posts_nothing) {
    remote const door = this_hub().remote();
    int calls = 0;
    {
        no_allocation const from_now_on;
        EXPECT_THROW(door.post([&] { ++calls; }), std::bad_alloc);
    }
    sleep_for(1ns);
    EXPECT_EQ(calls, 0);
}

TENDRIL_HUB_TEST(remote_flood, a_letter_needs_no_memory_and_is_opened_once) {
    remote const door = this_hub().remote();
    counted_letter mine;
    {
        no_allocation const from_now_on;
        EXPECT_TRUE(door.post(mine));
    }
    EXPECT_EQ(mine.opened, 0);
    sleep_for(1ns);
    EXPECT_EQ(mine.opened, 1);
    EXPECT_EQ(mine.discarded, 0);
}

TENDRIL_TEST(remote_flood, a_letter_that_is_refused_is_neither_opened_nor_discarded) {
    counted_letter mine;
    remote door;
    EXPECT_FALSE(door.post(mine));
    run([&] { door = this_hub().remote(); });
    EXPECT_FALSE(door.post(mine));
    EXPECT_EQ(mine.opened + mine.discarded, 0);
}

TENDRIL_HUB_TEST(remote_flood, letters_and_functions_keep_their_order) {
    class noting_letter final : public letter {
    public:
        explicit noting_letter(transcript& seen) : seen_{seen} {}

    private:
        void open() override { seen_.push_back("letter"); }
        void discard() noexcept override {}
        transcript& seen_;
    };
    transcript seen;
    noting_letter mine{seen};
    remote const door = this_hub().remote();
    door.post([&] { seen.push_back("first"); });
    door.post(mine);
    door.post([&] { seen.push_back("last"); });
    sleep_for(1ns);
    EXPECT_EQ(seen, (transcript{"first", "letter", "last"}));
}

// Many posts.

TENDRIL_TEST(remote_flood, a_thousand_posts_to_a_busy_hub_write_the_bell_ten_times_at_most) {
    system_calls const table = that_count_bells();
    replaced_system_calls const until_end{table};
    run([] {
        int calls = 0;
        this_hub().spawn_raw([&] {
            while (calls < 1000) {
                yield();
            }
        });
        yield();
        std::thread poster{[&, door = this_hub().remote()] {
            for (int number = 0; number < 1000; ++number) {
                door.post([&] { ++calls; });
            }
        }};
        while (calls < 1000) {
            yield();
        }
        poster.join();
    });
    EXPECT_LE(bell_writes, 10);
}

TENDRIL_TEST(remote_flood, greenlets_have_their_turn_after_as_many_posts_as_the_budget_has_steps) {
    run({.budget = 8}, [] {
        remote const door = this_hub().remote();
        int calls = 0;
        int most_at_once = 0;
        for (int number = 0; number < 100; ++number) {
            door.post([&] { ++calls; });
        }
        auto const take_turns = [&] {
            while (calls < 100) {
                int const before = calls;
                yield();
                most_at_once = std::max(most_at_once, calls - before);
            }
        };
        this_hub().spawn_raw(take_turns);
        take_turns();
        EXPECT_EQ(most_at_once, 8);
    });
}

TENDRIL_TEST(remote_flood, a_flood_from_two_threads_arrives_whole_and_greenlets_run_meanwhile) {
    int const each = test::laps(50'000, 5'000'000);
    run([each] {
        lone_waiter all{"all posts"};
        int calls = 0;
        std::thread posters[2];
        for (std::thread& poster : posters) {
            poster = std::thread{[&, each, door = this_hub().remote()] {
                for (int number = 0; number < each; ++number) {
                    door.post([&, each] {
                        if (++calls == 2 * each) {
                            all.wake();
                        }
                    });
                }
            }};
        }
        int turns = 0;
        while (calls < 2 * each / 1024 * 1024 - 1024) {
            yield();
            ++turns;
        }
        all.park();
        EXPECT_GE(turns, 2 * each / 1024 - 1);
        for (std::thread& poster : posters) {
            poster.join();
        }
    });
}

// Wake-ups.

TENDRIL_TEST(remote_flood, no_wake_up_is_lost_between_timed_and_untimed_parks) {
    int const all = test::laps(100'000, 1'000'000);
    run([all] {
        std::atomic<lone_waiter*> next{nullptr};
        std::thread waker{[&, all, door = this_hub().remote()] {
            for (int lap = 0; lap < all; ++lap) {
                lone_waiter* waits = nullptr;
                while ((waits = next.exchange(nullptr)) == nullptr) {
                    std::this_thread::yield();
                }
                // Now before the hub sleeps, now after.
                for (int pause = lap % 64; pause > 0; --pause) {
                    next.load();
                }
                door.post([waits] { waits->wake(); });
            }
        }};
        for (int lap = 0; lap < all; ++lap) {
            lone_waiter me;
            next = &me;
            if (lap % 2 == 0) {
                me.park();
            } else {
                ASSERT_TRUE(me.park_until(deadline::after(1h)));
            }
        }
        waker.join();
    });
}

// The end.

TENDRIL_TEST(remote_flood, what_is_posted_while_the_close_gives_up_on_somebody_is_called) {
    bool accepted = false;
    bool called = false;
    strand_on_new_thread([&] {
        this_hub().set_error_handler([&](std::exception_ptr, std::string_view) {
            accepted = this_hub().remote().post([&] { called = true; });
        });
        this_hub().spawn_raw([] {
            waits_in_vain_when_destroyed const waits;
            sleep_for(1h);
        });
        yield();
    });
    EXPECT_TRUE(accepted);
    EXPECT_EQ(called, accepted);
}
