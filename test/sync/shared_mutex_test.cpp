// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/sync/shared_mutex.hpp>

#include <memory>
#include <mutex>
#include <shared_mutex>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::contains;
using test::misuse_of;
using test::outcome_of;
using test::start;
using test::transcript;
using rw_mutex = tendril::shared_mutex;

// Reads, or writes, for as long as one yield takes, and says so.
void start_reader(attempt& into, rw_mutex& m, transcript& seen, std::string word) {
    start(into, [&, word] {
        std::shared_lock const lock{m};
        seen.push_back(word);
        yield();
    });
}
void start_writer(attempt& into, rw_mutex& m, transcript& seen, std::string word) {
    start(into, [&, word] {
        std::lock_guard const lock{m};
        seen.push_back(word);
        yield();
        seen.push_back("end of " + word);
    });
}

}  // namespace

TENDRIL_HUB_TEST(shared_mutex, many_read_at_a_time) {
    rw_mutex m;
    std::shared_lock const one{m};
    std::shared_lock const two{m, std::try_to_lock};
    EXPECT_TRUE(two.owns_lock());
    EXPECT_EQ(m.readers(), 2U);
    EXPECT_FALSE(m.try_lock());
}

TENDRIL_HUB_TEST(shared_mutex, one_writes_and_nobody_else_reads_or_writes) {
    rw_mutex m;
    std::unique_lock const lock{m};
    EXPECT_FALSE(m.try_lock());
    EXPECT_FALSE(m.try_lock_shared());
    EXPECT_EQ(m.readers(), 0U);
}

TENDRIL_HUB_TEST(shared_mutex, does_not_switch_when_nobody_waits) {
    rw_mutex m;
    std::uint64_t const switches = this_hub().statistics().switches;
    m.lock();
    m.unlock();
    m.lock_shared();
    m.unlock_shared();
    EXPECT_EQ(this_hub().statistics().switches, switches);
}

TENDRIL_HUB_TEST(shared_mutex, works_with_the_locks_of_the_standard_library) {
    rw_mutex m;
    rw_mutex other;
    {
        std::scoped_lock const both{m, other};
        std::shared_lock<shared_timed_mutex> const late{m, std::defer_lock};
        EXPECT_FALSE(late.owns_lock());
    }
    {
        std::shared_lock const reading{m, 1s};
        std::unique_lock const writing{other, 1s};
        EXPECT_TRUE(reading.owns_lock());
        EXPECT_TRUE(writing.owns_lock());
    }
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

// Who is next.

TENDRIL_ORDERED_HUB_TEST(shared_mutex, a_reader_does_not_overtake_a_writer_that_waits) {
    rw_mutex m;
    transcript seen;
    attempt writer;
    attempt reader;
    m.lock_shared();
    start_writer(writer, m, seen, "w");
    start_reader(reader, m, seen, "r");
    yield();
    EXPECT_FALSE(m.try_lock_shared());
    EXPECT_EQ(seen, transcript{});
    m.unlock_shared();
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"w", "end of w", "r"}));
}

TENDRIL_ORDERED_HUB_TEST(shared_mutex, readers_that_wait_together_are_let_in_together) {
    rw_mutex m;
    transcript seen;
    attempt all[5];
    m.lock();
    start_reader(all[0], m, seen, "a");
    start_reader(all[1], m, seen, "b");
    start_writer(all[2], m, seen, "w");
    start_reader(all[3], m, seen, "c");
    start_reader(all[4], m, seen, "d");
    yield();
    m.unlock();
    EXPECT_EQ(m.readers(), 2U);
    EXPECT_FALSE(m.try_lock_shared());
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"a", "b", "w", "end of w", "c", "d"}));
}

TENDRIL_ORDERED_HUB_TEST(shared_mutex, writers_take_turns_in_the_order_they_came) {
    rw_mutex m;
    transcript seen;
    attempt first;
    attempt second;
    m.lock();
    start_writer(first, m, seen, "a");
    start_writer(second, m, seen, "b");
    yield();
    m.unlock();
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"a", "end of a", "b", "end of b"}));
}

TENDRIL_HUB_TEST(shared_mutex, unlock_hands_over_directly_and_does_not_switch) {
    rw_mutex m;
    attempt waiting;
    m.lock();
    start(waiting, [&] { std::lock_guard const lock{m}; });
    yield();
    m.unlock();
    EXPECT_FALSE(m.try_lock());
    EXPECT_FALSE(m.try_lock_shared());
    EXPECT_EQ(waiting.outcome, "waits");
    yield();
    EXPECT_EQ(waiting.outcome, "returned");
}

TENDRIL_HUB_TEST(shared_mutex, a_stream_of_readers_does_not_starve_a_writer) {
    rw_mutex m;
    bool written = false;
    for (int number = 0; number < 3; ++number) {
        spawn([&m, &written, number] {
            sleep_for(number * 1ms);
            while (!written) {
                std::shared_lock const lock{m};
                sleep_for(3ms);
            }
        });
    }
    sleep_for(10ms);
    m.lock();
    written = true;
    m.unlock();
    EXPECT_LE(clock.elapsed(), 13ms);
    sleep_for(10ms);  // the readers end before what they refer to
}

// Who gives up.

TENDRIL_ORDERED_HUB_TEST(shared_mutex, a_writer_that_gives_up_lets_the_readers_behind_it_in) {
    rw_mutex m;
    transcript seen;
    attempt writer;
    attempt readers[2];
    m.lock_shared();
    start_writer(writer, m, seen, "w");
    start_reader(readers[0], m, seen, "a");
    start_reader(readers[1], m, seen, "b");
    yield();
    writer.run_by.cancel();
    EXPECT_EQ(m.readers(), 3U);
    yield();
    EXPECT_EQ(writer.outcome, "cancelled");
    EXPECT_EQ(seen, (transcript{"a", "b"}));
    m.unlock_shared();
}

TENDRIL_HUB_TEST(shared_mutex, a_writer_whose_limit_runs_out_lets_the_readers_behind_it_in) {
    rw_mutex m;
    attempt writer;
    attempt reader;
    m.lock_shared();
    start(writer, [&] { EXPECT_FALSE(m.try_lock_for(1ms)); });
    start(reader, [&] { EXPECT_TRUE(m.try_lock_shared_for(5ms)); });
    sleep_for(2ms);
    EXPECT_EQ(writer.outcome, "returned");
    EXPECT_EQ(reader.outcome, "returned");
    EXPECT_EQ(m.readers(), 2U);
}

TENDRIL_HUB_TEST(shared_mutex, a_reader_that_gives_up_lets_nobody_in) {
    rw_mutex m;
    attempt reader;
    attempt writer;
    m.lock();
    start(reader, [&] { m.lock_shared(); });
    start(writer, [&] { std::lock_guard const lock{m}; });
    yield();
    reader.run_by.cancel();
    sleep_for(1ms);
    EXPECT_EQ(writer.outcome, "waits");
    m.unlock();
    yield();
    EXPECT_EQ(writer.outcome, "returned");
    EXPECT_EQ(m.readers(), 0U);
}

TENDRIL_HUB_TEST(shared_mutex, the_last_reader_that_is_killed_lets_the_writer_in) {
    rw_mutex m;
    attempt reader;
    attempt writer;
    start(reader, [&] {
        std::shared_lock const lock{m};
        sleep_for(1h);
    });
    start(writer, [&] { std::lock_guard const lock{m}; });
    yield();
    reader.run_by.kill();
    sleep_for(1ms);
    EXPECT_EQ(reader.outcome, "exit");
    EXPECT_EQ(writer.outcome, "returned");
}

TENDRIL_HUB_TEST(shared_mutex, takes_any_duration) {
    rw_mutex m;
    attempt writer;
    start(writer, [&] {
        std::lock_guard const lock{m};
        sleep_for(1h);
    });
    yield();
    test::expect_no_time_is_enough(clock, [&](auto limit) { return m.try_lock_for(limit); });
    test::expect_no_time_is_enough(clock, [&](auto limit) { return m.try_lock_shared_for(limit); });
    EXPECT_TRUE(m.try_lock_shared_for(std::chrono::hours::max()));
    EXPECT_EQ(clock.elapsed(), 1h);
}

// Misuse.

TENDRIL_HUB_TEST(shared_mutex, only_the_owner_unlocks_it) {
    rw_mutex m;
    EXPECT_TRUE(contains(misuse_of([&] { m.unlock(); }), "the one that locked it unlocks it"));
    EXPECT_TRUE(contains(misuse_of([&] { m.unlock_shared(); }), "nobody reads"));
    m.lock();
    attempt other;
    start(other, [&] { m.unlock(); });
    yield();
    EXPECT_EQ(other.outcome, "misuse");
    EXPECT_THROW(m.unlock_shared(), misuse);
    EXPECT_FALSE(m.try_lock_shared());
    m.unlock();
}

TENDRIL_HUB_TEST(shared_mutex, the_owner_cannot_lock_it_again) {
    rw_mutex m;
    std::lock_guard const lock{m};
    EXPECT_TRUE(contains(misuse_of([&] { m.lock(); }), "it would wait for itself"));
    EXPECT_EQ(outcome_of([&] { m.lock_shared(); }), "misuse");
    EXPECT_EQ(outcome_of([&] { m.try_lock_shared_for(1ms); }), "misuse");
}

TENDRIL_HUB_TEST(shared_mutex, another_thread_cannot_end_a_read_while_a_writer_waits) {
    rw_mutex m;
    attempt writer;
    m.lock_shared();
    start(writer, [&] { std::lock_guard const lock{m}; });
    yield();
    EXPECT_EQ(test::outcome_elsewhere([&] { m.unlock_shared(); }), "wrong thread");
    EXPECT_EQ(m.readers(), 1U);
    m.unlock_shared();
    yield();
    EXPECT_EQ(writer.outcome, "returned");
}

TENDRIL_TEST(shared_mutex, stops_the_program_when_it_is_destroyed_while_somebody_waits) {
    EXPECT_DEATH(
        run([] {
            auto m = std::make_unique<rw_mutex>();
            m->lock();
            spawn([&] { m->lock_shared(); });
            yield();
            m.reset();
        }),
        "a shared_mutex was destroyed while a greenlet waits for it");
}
