// SPDX-License-Identifier: BSL-1.0
//
// What does a mutex cost: locked and unlocked by one greenlet, and handed from one to the next of
// 100 that all want it, against a yield among as many?
#include <harness/compare.hpp>

#include <tendril/hub.hpp>
#include <tendril/sync.hpp>
#include <tendril/time.hpp>

namespace {

using namespace tendril;

constexpr std::size_t contenders = 100;

// Has 100 greenlets do a step again and again, main among them. Gives the nanoseconds of a step.
template <typename Step>
double nanoseconds_a_step(Step&& step) {
    double time = 0;
    constexpr std::size_t steps = 500'000;
    run([&] {
        bool over = false;
        for (std::size_t made = 1; made < contenders; ++made) {
            this_hub().spawn_raw([&] {
                while (!over) {
                    step();
                }
            });
        }
        yield();
        double const start = bench::processor_time();
        for (std::size_t done = 0; done < steps; done += contenders) {
            step();
        }
        time = bench::processor_time() - start;
        over = true;
        step();
    });
    return time / steps;
}

double nanoseconds_a_yield() {
    return nanoseconds_a_step([] { yield(); });
}

// The yield within the lock makes all others wait for it; what follows is one hand-over a step.
double nanoseconds_a_hand_over() {
    mutex shared;
    return nanoseconds_a_step([&] {
        shared.lock();
        yield();
        shared.unlock();
    });
}

void lock_and_unlock(std::uint64_t iterations) {
    run([=] {
        mutex own;
        for (std::uint64_t done = 0; done < iterations; ++done) {
            own.lock();
            own.unlock();
        }
    });
}

}  // namespace

// With a number, only locks and unlocks so often: for tools that count instructions.
int main(int argc, char** argv) {
    if (argc > 1) {
        lock_and_unlock(std::stoull(argv[1]));
        return 0;
    }
    bench::ask("What does a mutex cost, locked by one greenlet and handed between a hundred?");
    bench::comparison hand_overs{"ns a step"};
    hand_overs.add("yield() among 100", nanoseconds_a_yield);
    hand_overs.add("mutex handed between 100", nanoseconds_a_hand_over, 2.0);
    hand_overs.run();
}
