// SPDX-License-Identifier: BSL-1.0
//
// Three laws that say beforehand what a server can do, on a clock where nothing disturbs them.
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;
using tendril::testing::virtual_clock;

namespace {

void little() {
    std::puts("Little's law: in flight = rate x latency");
    // DOC: little
    for (auto const latency : {50ms, 100ms, 200ms}) {
        int in_flight = 0;
        tendril::with_task_group([&](tendril::task_group& group) {
            for (int arrived = 0; arrived < 200; ++arrived) {  // 200 a second, for a second
                tendril::sleep_for(5ms);
                group.spawn([&] {
                    ++in_flight;
                    tendril::sleep_for(latency);
                    --in_flight;
                });
            }
            tendril::sleep_for(1ms);
            std::printf(
                "200 a second, each %3d ms: %2d in flight\n", static_cast<int>(latency.count()),
                in_flight);
        });
    }
    // DOC-END: little
}

// How many answers a second so many clients get, if each request waits for 90 ms and then needs the
// processor for 2 ms.
double answers_a_second(virtual_clock& clock, int clients) {
    auto const start = clock.elapsed();
    int answers = 0;
    // DOC: client
    auto const client = [&] {
        while (true) {
            tendril::sleep_for(90ms);  // the data base, the disk, another server
            clock.advance(2ms);        // nobody else can run meanwhile
            ++answers;
        }
    };
    // DOC-END: client
    tendril::move_on_after(100s, [&] {
        tendril::with_task_group([&](tendril::task_group& group) {
            for (int i = 0; i < clients; ++i) {
                group.spawn(client);
            }
        });
    });
    return answers / std::chrono::duration<double>(clock.elapsed() - start).count();
}

void processor(virtual_clock& clock) {
    std::puts("2 ms of the processor for each: at most 500 a second");
    for (int const clients : {1, 10, 46, 100, 200}) {
        double const rate = answers_a_second(clock, clients);
        std::printf(
            "%3d clients: %3.0f a second, so each waits %3.0f ms\n", clients, rate,
            1000 * clients / rate);
    }
}

void bound() {
    std::puts("at most 10 at a time, 100 ms each: 100 a second, however many ask");
    // DOC: bound
    for (int const clients : {5, 10, 20, 40}) {
        tendril::counting_semaphore<> connections{10};
        int answers = 0;
        tendril::move_on_after(10s + 1ms, [&] {
            tendril::with_task_group([&](tendril::task_group& group) {
                for (int i = 0; i < clients; ++i) {
                    group.spawn([&] {
                        while (true) {
                            connections.acquire();
                            tendril::scope_exit const done{[&] { connections.release(); }};
                            tendril::sleep_for(100ms);
                            ++answers;
                        }
                    });
                }
            });
        });
        std::printf("%2d clients: %3d a second\n", clients, answers / 10);
    }
    // DOC-END: bound
}

}  // namespace

int main() {
    virtual_clock clock;
    tendril::run({.clock = &clock}, [&] {
        little();
        processor(clock);
        bound();
    });
}
