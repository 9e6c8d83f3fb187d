// SPDX-License-Identifier: BSL-1.0
#include <harness/network.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/operation.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/time/timeout.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::settle;

class counted_operation final : public io_operation {
public:
    counted_operation() : io_operation{"a test"} {}
    int stops = 0;

private:
    void stop() noexcept override { ++stops; }
};

// An operation under way, and the task that waits for it.
struct operation_under_way {
    counted_operation* running = nullptr;
    bool ended = false;
    task<void> waiting = spawn([this] {
        counted_operation me;
        running = &me;
        me.await();
        ended = true;
        running = nullptr;
        yield();
    });

    operation_under_way() { settle(); }
};

}  // namespace

TENDRIL_HUB_TEST(operation, a_wait_for_one_that_has_completed_returns_at_once) {
    counted_operation done;
    done.complete();
    done.await();
    EXPECT_FALSE(done.asked_to_stop());
}

TENDRIL_HUB_TEST(operation, a_wait_ends_when_it_completes) {
    operation_under_way test;
    EXPECT_FALSE(test.ended);
    test.running->complete();
    test.waiting.join();
    EXPECT_TRUE(test.waiting.succeeded());
}

TENDRIL_HUB_TEST(operation, an_interruption_asks_it_to_stop_and_waits_for_the_end) {
    operation_under_way test;
    test.waiting.cancel();
    settle();
    ASSERT_NE(test.running, nullptr);
    EXPECT_EQ(test.running->stops, 1);
    EXPECT_TRUE(test.running->asked_to_stop());
    test.running->complete();
    test.waiting.join();
}

TENDRIL_HUB_TEST(operation, an_interruption_is_not_delivered_by_the_wait_itself) {
    operation_under_way test;
    test.waiting.cancel();
    test.running->complete();
    test.waiting.join();
    EXPECT_TRUE(test.ended);
    EXPECT_TRUE(test.waiting.was_cancelled());
}

TENDRIL_HUB_TEST(operation, an_outer_limit_asks_it_to_stop_as_well) {
    counted_operation me;
    this_hub().call_later(2s, [&] { me.complete(); });
    std::string const how = test::interruption_of([&] {
        timeout const limit{1s};
        me.await();
        yield();
    });
    EXPECT_EQ(me.stops, 1);
    EXPECT_EQ(how, "timed out");
}

// The memory of an operation that Asio has begun must not go with the callback's frame.
TENDRIL_HUB_TEST(operation, cannot_even_be_made_where_nobody_may_wait) {
    bool refused = false;
    this_hub().call_soon([&] {
        try {
            counted_operation const never;
        } catch (misuse const&) {
            refused = true;
        }
    });
    settle();
    EXPECT_TRUE(refused);
}

TENDRIL_TEST(operation, its_memory_serves_one_block_at_a_time) {
    operation_memory memory;
    operation_allocator<std::byte> const allocator{memory};
    auto const* const frame = reinterpret_cast<std::byte const*>(&memory);
    auto const inside = [&](std::byte const* at) {
        return at >= frame && at < frame + sizeof memory;
    };
    operation_allocator<std::byte> with{allocator};
    std::byte* const first = with.allocate(200);
    std::byte* const second = with.allocate(200);
    EXPECT_TRUE(inside(first));
    EXPECT_FALSE(inside(second));
    with.deallocate(first, 200);
    std::byte* const third = with.allocate(200);
    EXPECT_EQ(third, first);
    with.deallocate(second, 200);
    with.deallocate(third, 200);
}

TENDRIL_TEST(operation, a_block_that_is_too_large_comes_from_the_heap) {
    operation_memory memory;
    operation_allocator<std::byte> with{memory};
    std::byte* const large = with.allocate(sizeof memory + 1);
    large[sizeof memory] = std::byte{1};
    std::byte* const small = with.allocate(8);
    auto const* const frame = reinterpret_cast<std::byte const*>(&memory);
    EXPECT_TRUE(small >= frame && small < frame + sizeof memory);
    with.deallocate(large, sizeof memory + 1);
    with.deallocate(small, 8);
}

TENDRIL_TEST(operation, allocators_are_equal_when_they_share_their_memory) {
    operation_memory one;
    operation_memory other;
    EXPECT_TRUE(operation_allocator<int>{one} == operation_allocator<char>{one});
    EXPECT_FALSE(operation_allocator<int>{one} == operation_allocator<int>{other});
}
