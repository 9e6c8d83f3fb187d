// SPDX-License-Identifier: BSL-1.0
//
// Many items of a shared_queue for one hold of its mutex.
#include <harness/failing_allocations.hpp>
#include <harness/hubs.hpp>
#include <tendril/sync/shared.hpp>

#include <memory>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using numbers = std::vector<int>;

}  // namespace

TENDRIL_HUB_TEST(shared_batch, all_that_is_there_is_taken_but_no_more_than_asked) {
    shared_queue<int> q;
    numbers five{1, 2, 3, 4, 5};
    q.put_all(five);
    EXPECT_TRUE(five.empty());
    EXPECT_EQ(q.get_some(2), (numbers{1, 2}));
    EXPECT_EQ(q.get_some(10), (numbers{3, 4, 5}));
    EXPECT_EQ(q.get_some_for(5ms, 10), numbers{});
    EXPECT_EQ(clock.elapsed(), 5ms);
    EXPECT_NE(test::misuse_of([&] { q.get_some(0); }), "");
}

TENDRIL_HUB_TEST(shared_batch, who_waits_gets_the_first_and_takes_what_came_with_it) {
    shared_queue<std::unique_ptr<int>> q;
    std::size_t got = 0;
    this_hub().spawn_raw([&] { got = q.get_some(10).size(); });
    yield();
    std::vector<std::unique_ptr<int>> three;
    for (int number = 0; number < 3; ++number) {
        three.push_back(std::make_unique<int>(number));
    }
    q.put_all(three);
    while (got == 0) {
        yield();
    }
    EXPECT_EQ(got, 3U);
}

TENDRIL_HUB_TEST(shared_batch, more_than_there_is_room_for_comes_in_order) {
    shared_queue<int> q{2};
    numbers seven{1, 2, 3, 4, 5, 6, 7};
    this_hub().spawn_raw([&] {
        q.put_all(seven);
        q.close();
    });
    numbers all;
    while (all.size() < 7) {
        numbers const some = q.get_some(3);
        all.insert(all.end(), some.begin(), some.end());
    }
    EXPECT_EQ(all, (numbers{1, 2, 3, 4, 5, 6, 7}));
    EXPECT_THROW(q.get_some(1), std::system_error);
}

TENDRIL_HUB_TEST(shared_batch, what_was_not_added_is_left_with_the_caller) {
    shared_queue<int> q{2};
    numbers five{1, 2, 3, 4, 5};
    test::wish stop{"stopped"};
    std::string end;
    auto const puts = this_hub().spawn_raw(
        [&] { end = test::outcome_of([&] { q.put_all(five); }); });
    sleep_for(1ms);
    EXPECT_EQ(q.get(), 1);
    sleep_for(1ms);
    request(*puts.block(), stop);
    sleep_for(1ms);
    EXPECT_EQ(end, "stopped");
    EXPECT_EQ(five, (numbers{4, 5}));
    EXPECT_EQ(q.get_some(5), (numbers{2, 3}));
    q.close();
    EXPECT_THROW(q.put_all(five), std::system_error);
    EXPECT_EQ(five, (numbers{4, 5}));
}

TENDRIL_HUB_TEST(shared_batch, nothing_is_lost_when_memory_fails) {
    bool failed = true;
    for (int number = 1; failed; ++number) {
        shared_queue<int> q;
        numbers items(200, 7);
        numbers got;
        try {
            test::failing_allocation const next{number};
            failed = false;
            q.put_all(items);
            got = q.get_some(200);
        } catch (std::bad_alloc const&) {
            failed = true;
        }
        EXPECT_EQ(items.size() + q.size() + got.size(), 200U);
    }
}

TENDRIL_TEST(shared_batch, two_threads_pass_batches_without_losing_any) {
    shared_queue<int> q{100};
    std::thread maker{[&] {
        for (int batch = 0; batch < 500; ++batch) {
            numbers items(static_cast<std::size_t>(batch % 300), batch);
            q.put_all(items);
        }
        q.close();
    }};
    long count = 0;
    int last = 0;
    run([&] {
        try {
            while (true) {
                for (int const each : q.get_some(64)) {
                    EXPECT_GE(each, last);
                    last = each;
                    ++count;
                }
            }
        } catch (std::system_error const& closed) {
            EXPECT_EQ(closed.code(), errc::closed);
        }
    });
    maker.join();
    EXPECT_EQ(count, 299L * 300 / 2 + 199L * 200 / 2);
}
