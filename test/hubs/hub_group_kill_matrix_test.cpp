// SPDX-License-Identifier: BSL-1.0
//
// Every call of this floor that may wait, ended by everything that can end a wait: the call is left
// at once with what was requested, the group goes on or ends as it says, and nothing is left.
#include <harness/hubs.hpp>
#include <tendril/hubs/hub_group.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/time/sleep.hpp>
#include <tendril/time/timeout.hpp>

#include <atomic>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::outcome_of;

struct call_of_group {
    char const* name;
    std::function<void(hub_group&)> take;
    // What becomes of the tasks that the group has: they go on, or are cancelled.
    bool ends_the_group;
};

std::vector<call_of_group> const calls_of_groups{
    {"join", [](hub_group& hubs) { hubs.join(); }, false},
    {"stop", [](hub_group& hubs) { hubs.stop(1h); }, true},
    {"for_each_hub", [](hub_group& hubs) { hubs.for_each_hub([](auto) { sleep_for(1h); }); },
     false},
    {"get of a result", [](hub_group& hubs) { hubs.spawn([] { sleep_for(1h); }).get(); }, false},
};

struct way_to_end {
    char const* outcome;
    std::function<void(task<void> const&)> apply;
    bool is_limit = false;
};

std::vector<way_to_end> const ways_to_end{
    {"cancelled", [](task<void> const& waits) { waits.cancel(); }},
    {"exit", [](task<void> const& waits) { waits.kill(); }},
    {"a word", [](task<void> const& waits) { waits.kill(std::string{"a word"}); }},
    {"timed out", [](task<void> const&) {}, true},
    // Its hub closes: there is nobody to apply anything.
    {"exit", nullptr},
};

// Returns how the call has ended.
std::string end_call(call_of_group const& call, way_to_end const& way, hub_group& hubs) {
    std::string outcome;
    run([&] {
        auto const waits = spawn([&] {
            outcome = outcome_of([&] {
                if (way.is_limit) {
                    timeout const limit{1ms};
                    call.take(hubs);
                } else {
                    call.take(hubs);
                }
            });
        });
        yield();
        if (way.apply != nullptr) {
            way.apply(waits);
            waits.join();
        }
    });
    return outcome;
}

}  // namespace

TENDRIL_TEST(hub_group_kill_matrix, every_call_is_left_at_once_and_leaves_nothing) {
    int cells = 0;
    for (call_of_group const& call : calls_of_groups) {
        for (way_to_end const& way : ways_to_end) {
            SCOPED_TRACE(std::string{call.name} + ", " + way.outcome);
            hub_group hubs{{.size = 2}};
            shared_event begun;
            shared_event go_on;
            auto const other = hubs.spawn([&] {
                begun.set();
                go_on.wait();
            });
            begun.wait();
            EXPECT_EQ(end_call(call, way, hubs), way.outcome);
            EXPECT_EQ(hubs.closed(), call.ends_the_group);
            go_on.set();
            other.wait();
            EXPECT_TRUE(other.succeeded() || call.ends_the_group);
            hubs.close();
            EXPECT_EQ(hubs.statistics()[0].tasks + hubs.statistics()[1].tasks, 0U);
            ++cells;
        }
    }
    std::cout << "    " << cells << " cells\n";
}
