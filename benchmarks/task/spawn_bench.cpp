// SPDX-License-Identifier: BSL-1.0
//
// What does it cost to spawn a task that does nothing, and to wait for its end, against a fiber of
// Boost.Fiber whose stack comes from a pool? One at a time, and a thousand at once. Beside them
// stand a fiber with the stack that it gets when nobody asks for another, and a greenlet that is
// made, run and destroyed by hand.
#include <harness/compare.hpp>

#include <tendril/hub.hpp>
#include <tendril/task.hpp>

#include <boost/fiber/fiber.hpp>
#include <boost/fiber/pooled_fixedsize_stack.hpp>

#include <cstdio>
#include <memory>
#include <vector>

namespace {

using namespace tendril;

constexpr int thousand = 1000;

void greenlets(std::uint64_t iterations) {
    for (std::uint64_t done = 0; done < iterations; ++done) {
        greenlet{[] {}}.switch_to();
    }
}

void tasks_one_at_a_time(std::uint64_t iterations) {
    run([=] {
        for (std::uint64_t done = 0; done < iterations; ++done) {
            spawn([] {}).join();
        }
    });
}

void eager_tasks(std::uint64_t iterations) {
    run([=] {
        for (std::uint64_t done = 0; done < iterations; ++done) {
            spawn_eager([] {}).join();
        }
    });
}

void tasks_by_the_thousand(std::uint64_t iterations) {
    run([=] {
        std::vector<task<void>> tasks;
        for (std::uint64_t done = 0; done < iterations; ++done) {
            for (int count = 0; count < thousand; ++count) {
                tasks.push_back(spawn([] {}));
            }
            for (task<void>& each : tasks) {
                each.join();
            }
            tasks.clear();
        }
    });
}

// One pool for all fibers of the program, as one is used to keep it.
boost::fibers::pooled_fixedsize_stack& stacks_of_fiber() {
    static boost::fibers::pooled_fixedsize_stack pool;
    return pool;
}

struct on_pooled_stacks {
    static boost::fibers::fiber make() {
        return boost::fibers::fiber{std::allocator_arg, stacks_of_fiber(), [] {}};
    }
};
struct on_usual_stacks {
    static boost::fibers::fiber make() {
        return boost::fibers::fiber{[] {}};
    }
};

template <typename Kind>
void fibers_one_at_a_time(std::uint64_t iterations) {
    for (std::uint64_t done = 0; done < iterations; ++done) {
        Kind::make().join();
    }
}

template <typename Kind>
void fibers_by_the_thousand(std::uint64_t iterations) {
    std::vector<boost::fibers::fiber> fibers;
    for (std::uint64_t done = 0; done < iterations; ++done) {
        for (int count = 0; count < thousand; ++count) {
            fibers.push_back(Kind::make());
        }
        for (boost::fibers::fiber& each : fibers) {
            each.join();
        }
        fibers.clear();
    }
}

}  // namespace

int main() {
    bench::ask("What does it cost to spawn a task that does nothing, and to wait for its end?");
    std::puts("  one at a time");
    bench::comparison lives{"ns a life"};
    lives.add(
        "Boost.Fiber, stacks from a pool", bench::loop(1, fibers_one_at_a_time<on_pooled_stacks>));
    lives.add("task", bench::loop(1, tasks_one_at_a_time), 0.12);
    lives.add("task, eager", bench::loop(1, eager_tasks));
    lives.add("Boost.Fiber", bench::loop(1, fibers_one_at_a_time<on_usual_stacks>));
    lives.add("greenlet, by hand", bench::loop(1, greenlets));
    lives.run();
    std::puts("  a thousand at once");
    bench::comparison batches{"ns a life"};
    batches.add(
        "Boost.Fiber, stacks from a pool",
        bench::loop(thousand, fibers_by_the_thousand<on_pooled_stacks>));
    batches.add("task", bench::loop(thousand, tasks_by_the_thousand), 0.08);
    batches.add("Boost.Fiber", bench::loop(thousand, fibers_by_the_thousand<on_usual_stacks>));
    batches.run();
}
