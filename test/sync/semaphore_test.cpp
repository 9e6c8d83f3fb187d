// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/sync/semaphore.hpp>

#include <algorithm>
#include <memory>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::contains;
using test::misuse_of;
using test::outcome_of;
using test::start;
using test::transcript;

}  // namespace

TENDRIL_TEST(semaphore, gives_as_many_permits_as_it_has) {
    counting_semaphore<> s{2};
    EXPECT_EQ(s.available(), 2);
    EXPECT_TRUE(s.try_acquire());
    EXPECT_TRUE(s.try_acquire());
    EXPECT_FALSE(s.try_acquire());
    EXPECT_EQ(s.available(), 0);
    s.release();
    EXPECT_EQ(s.available(), 1);
    EXPECT_TRUE(s.try_acquire());
}

TENDRIL_HUB_TEST(semaphore, does_not_switch_while_there_are_permits) {
    counting_semaphore<> s{3};
    std::uint64_t const switches = this_hub().statistics().switches;
    s.acquire();
    EXPECT_TRUE(s.try_acquire_for(1s));
    EXPECT_TRUE(s.try_acquire_until(now() - 1h));
    s.release(3);
    EXPECT_EQ(this_hub().statistics().switches, switches);
}

TENDRIL_ORDERED_HUB_TEST(semaphore, permits_go_to_waiters_in_the_order_they_came) {
    counting_semaphore<> s{0};
    transcript seen;
    for (char const* word : {"a", "b", "c"}) {
        spawn([&, word] {
            s.acquire();
            seen.push_back(word);
        });
    }
    yield();
    s.release();
    yield();
    EXPECT_EQ(seen, (transcript{"a"}));
    s.release(2);
    yield();
    EXPECT_EQ(seen, (transcript{"a", "b", "c"}));
}

TENDRIL_HUB_TEST(semaphore, a_released_permit_goes_to_the_waiter_directly) {
    counting_semaphore<> s{0};
    attempt waiting;
    start(waiting, [&] { s.acquire(); });
    yield();
    s.release();
    EXPECT_EQ(waiting.outcome, "waits");
    EXPECT_EQ(s.available(), 0);
    EXPECT_FALSE(s.try_acquire());
    yield();
    EXPECT_EQ(waiting.outcome, "returned");
}

TENDRIL_HUB_TEST(semaphore, what_the_waiters_do_not_take_can_be_taken) {
    counting_semaphore<> s{0};
    attempt waiting;
    start(waiting, [&] { s.acquire(); });
    yield();
    s.release(3);
    EXPECT_EQ(s.available(), 2);
    yield();
    EXPECT_EQ(s.available(), 2);
}

TENDRIL_HUB_TEST(semaphore, one_release_wakes_one_of_a_thousand_waiters) {
    counting_semaphore<> s{0};
    for (int number = 0; number < 1000; ++number) {
        spawn([&] { s.acquire(); });
    }
    yield();
    s.release();
    EXPECT_EQ(this_hub().statistics().ready, 1U);
    s.release(999);
}

TENDRIL_ORDERED_HUB_TEST(semaphore, one_release_switches_to_one_of_a_thousand_waiters) {
    counting_semaphore<> s{0};
    int woken = 0;
    for (int number = 0; number < 1000; ++number) {
        spawn([&] {
            s.acquire();
            ++woken;
        });
    }
    yield();
    std::uint64_t const before = this_hub().statistics().switches;
    s.release();
    yield();
    EXPECT_EQ(woken, 1);
    // There and back.
    EXPECT_EQ(this_hub().statistics().switches - before, 2U);
    s.release(999);
    yield();
}

TENDRIL_HUB_TEST(semaphore, a_guard_releases_when_its_greenlet_is_killed) {
    counting_semaphore<> s{1};
    attempt owner;
    start(owner, [&] {
        s.acquire();
        scope_exit const release{[&] { s.release(); }};
        sleep_for(1h);
    });
    yield();
    owner.run_by.kill();
    s.acquire();
    EXPECT_EQ(owner.outcome, "exit");
}

TENDRIL_HUB_TEST(semaphore, one_that_releases_and_acquires_in_a_loop_starves_nobody) {
    counting_semaphore<> s{1};
    std::vector<int> had(20);
    for (int& mine : had) {
        spawn([&] {
            for (; mine < 10; ++mine) {
                s.acquire();
                yield();
                s.release();
            }
        });
    }
    while (had[0] < 5) {
        yield();
    }
    EXPECT_GE(*std::min_element(had.begin(), had.end()), 4);
    sleep_for(1ms);
    EXPECT_EQ(s.available(), 1);
}

TENDRIL_HUB_TEST(semaphore, anybody_may_release) {
    counting_semaphore<> s{1};
    s.acquire();
    spawn([&] { s.release(); });
    s.acquire();
    this_hub().call_soon([&] { s.release(); });
    s.acquire();
    EXPECT_EQ(s.available(), 0);
}

// How many there may be.

TENDRIL_TEST(semaphore, starts_with_a_number_of_permits_that_there_may_be) {
    EXPECT_THROW(counting_semaphore<>{-1}, misuse);
    EXPECT_THROW(counting_semaphore<3>{4}, misuse);
    EXPECT_NO_THROW(counting_semaphore<3>{3});
    EXPECT_NO_THROW(counting_semaphore<3>{0});
    EXPECT_TRUE(
        contains(misuse_of([] { counting_semaphore<>{-1}; }), "between zero and its limit"));
}

TENDRIL_TEST(semaphore, refuses_more_permits_than_there_may_be_and_changes_nothing) {
    counting_semaphore<3> s{2};
    EXPECT_TRUE(contains(misuse_of([&] { s.release(2); }), "every release needs an acquire"));
    EXPECT_TRUE(contains(misuse_of([&] { s.release(-1); }), "fewer permits than none"));
    EXPECT_EQ(s.available(), 2);
    s.release();
    EXPECT_THROW(s.release(), misuse);
    EXPECT_EQ(s.available(), 3);
}

TENDRIL_TEST(semaphore, the_greatest_number_of_permits_does_not_overflow) {
    counting_semaphore<> s{counting_semaphore<>::max()};
    EXPECT_THROW(s.release(), misuse);
    EXPECT_THROW(s.release(counting_semaphore<>::max()), misuse);
    EXPECT_TRUE(s.try_acquire());
    s.release();
    EXPECT_EQ(s.available(), counting_semaphore<>::max());
}

TENDRIL_TEST(semaphore, releasing_nothing_is_allowed) {
    counting_semaphore<1> s{1};
    s.release(0);
    EXPECT_EQ(s.available(), 1);
}

TENDRIL_TEST(semaphore, a_binary_one_has_one_permit) {
    static_assert(binary_semaphore::max() == 1);
    static_assert(counting_semaphore<7>::max() == 7);
    binary_semaphore s{1};
    EXPECT_THROW(s.release(), misuse);
    EXPECT_TRUE(s.try_acquire());
    EXPECT_FALSE(s.try_acquire());
}

TENDRIL_TEST(semaphore, a_bounded_one_never_has_more_than_it_began_with) {
    bounded_semaphore s{2};
    EXPECT_EQ(s.max(), 2);
    EXPECT_TRUE(contains(misuse_of([&] { s.release(); }), "every release needs an acquire"));
    EXPECT_EQ(s.available(), 2);
    EXPECT_TRUE(s.try_acquire());
    EXPECT_THROW(s.release(2), misuse);
    EXPECT_EQ(s.available(), 1);
    s.release();
    EXPECT_EQ(s.available(), 2);
    EXPECT_THROW(bounded_semaphore{-1}, misuse);
}

TENDRIL_TEST(semaphore, a_counting_one_may_have_more_than_it_began_with) {
    counting_semaphore<> s{1};
    s.release(2);
    EXPECT_EQ(s.available(), 3);
}

TENDRIL_HUB_TEST(semaphore, refuses_too_many_permits_though_somebody_waits) {
    counting_semaphore<1> s{0};
    attempt waiting;
    start(waiting, [&] { s.acquire(); });
    yield();
    EXPECT_THROW(s.release(2), misuse);
    yield();
    EXPECT_EQ(waiting.outcome, "waits");
    s.release();
    yield();
    EXPECT_EQ(waiting.outcome, "returned");
}

// Limits.

TENDRIL_HUB_TEST(semaphore, try_acquire_for_gives_up_at_its_limit_and_has_no_permit) {
    counting_semaphore<> s{0};
    EXPECT_FALSE(s.try_acquire_for(5ms));
    EXPECT_FALSE(s.try_acquire_until(now() + 5ms));
    EXPECT_EQ(clock.elapsed(), 10ms);
    s.release();
    EXPECT_EQ(s.available(), 1);
}

TENDRIL_HUB_TEST(semaphore, try_acquire_for_has_a_permit_that_comes_in_time) {
    counting_semaphore<> s{0};
    this_hub().call_later(1ms, [&] { s.release(); });
    EXPECT_TRUE(s.try_acquire_for(5ms));
    EXPECT_EQ(clock.elapsed(), 1ms);
    EXPECT_EQ(s.available(), 0);
}

TENDRIL_HUB_TEST(semaphore, takes_any_duration) {
    counting_semaphore<> s{0};
    test::expect_no_time_is_enough(clock, [&](auto limit) { return s.try_acquire_for(limit); });
    test::expect_an_age_is_enough(
        [&](auto limit) { return s.try_acquire_for(limit); }, [&] { s.release(); });
    EXPECT_EQ(s.available(), 0);
}

// Interruption.

TENDRIL_HUB_TEST(semaphore, a_waiter_that_is_cancelled_has_no_permit_and_the_next_gets_it) {
    counting_semaphore<> s{0};
    attempt first;
    attempt second;
    start(first, [&] { s.acquire(); });
    start(second, [&] { s.acquire(); });
    yield();
    first.run_by.cancel();
    s.release();
    yield();
    EXPECT_EQ(first.outcome, "cancelled");
    EXPECT_EQ(second.outcome, "returned");
    EXPECT_EQ(s.available(), 0);
}

TENDRIL_HUB_TEST(semaphore, a_waiter_that_is_cancelled_after_the_release_has_its_permit) {
    counting_semaphore<> s{0};
    transcript seen;
    task<void> const waiting = spawn([&] {
        seen.push_back(outcome_of([&] { s.acquire(); }));
        seen.push_back(outcome_of([] { yield(); }));
        s.release();
    });
    yield();
    s.release();
    waiting.cancel();
    yield();
    EXPECT_EQ(seen, (transcript{"returned", "cancelled"}));
    EXPECT_EQ(s.available(), 1);
}

TENDRIL_HUB_TEST(semaphore, an_outer_limit_passes_through) {
    counting_semaphore<> s{0};
    timeout const outer{1ms};
    try {
        s.try_acquire_for(1h);
        ADD_FAILURE();
    } catch (timed_out const& late) {
        EXPECT_TRUE(late.by(outer));
    }
    s.release();
    EXPECT_EQ(s.available(), 1);
}

TENDRIL_HUB_TEST(semaphore, acquire_looks_for_cancellation_even_if_there_are_permits) {
    counting_semaphore<> s{2};
    transcript seen;
    task<void> const other = spawn([&] {
        other.cancel();
        seen.push_back(outcome_of([&] { s.acquire(); }));
        other.cancel();
        seen.push_back(outcome_of([&] { s.try_acquire_for(1s); }));
        other.cancel();
        seen.push_back(outcome_of([&] { s.try_acquire(); }));
    });
    yield();
    EXPECT_EQ(seen, (transcript{"cancelled", "cancelled", "returned"}));
    EXPECT_EQ(s.available(), 1);
}

// Where it may be used.

TENDRIL_HUB_TEST(semaphore, release_on_another_thread_than_the_waiters_is_refused) {
    counting_semaphore<> s{0};
    attempt waiting;
    start(waiting, [&] { s.acquire(); });
    yield();
    EXPECT_EQ(test::outcome_elsewhere([&] { s.release(); }), "wrong thread");
    EXPECT_EQ(s.available(), 0);
    yield();
    EXPECT_EQ(waiting.outcome, "waits");
    s.release();
}

TENDRIL_HUB_TEST(semaphore, a_callback_cannot_wait_for_a_permit) {
    counting_semaphore<> s{0};
    std::string outcome;
    this_hub().call_soon([&] { outcome = outcome_of([&] { s.acquire(); }); });
    yield();
    EXPECT_EQ(outcome, "misuse");
    s.release();
    EXPECT_EQ(s.available(), 1);
}

TENDRIL_TEST(semaphore, stops_the_program_when_it_is_destroyed_while_somebody_waits) {
    EXPECT_DEATH(
        run([] {
            auto s = std::make_unique<binary_semaphore>(0);
            spawn([&] { s->acquire(); });
            yield();
            s.reset();
        }),
        "a semaphore was destroyed while a greenlet waits for it");
}
