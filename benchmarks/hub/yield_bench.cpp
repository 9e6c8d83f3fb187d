// SPDX-License-Identifier: BSL-1.0
//
// What does a yield cost when so many greenlets take turns, against a bare ring of jumps over as
// many stacks, and against Boost.Fiber? Times are for one yield and one jump.
#include <harness/compare.hpp>

#include <tendril/context.hpp>
#include <tendril/hub.hpp>
#include <tendril/time.hpp>

#include <boost/fiber/fiber.hpp>
#include <boost/fiber/operations.hpp>

#include <cstdio>
#include <vector>

namespace {

using namespace tendril;

// A ring of stacks, of which each jumps to the next: where to go on stands in an array, as a
// scheduler of nothing but jumps would keep it.
struct ring {
    std::vector<void*> resume;
    std::size_t at = 0;

    std::size_t next() const { return at + 1 < resume.size() ? at + 1 : 0; }

    // Leaves the present one for the next. Whoever arrives keeps the place of the one that left.
    [[gnu::always_inline]] void go_on() {
        at = next();
        arrival const from = boost::context::detail::jump_fcontext(resume[at], this);
        static_cast<ring*>(from.data)->keep(from.fctx);
    }
    [[gnu::always_inline]] void keep(void* where) {
        resume[at == 0 ? resume.size() - 1 : at - 1] = where;
    }
};

void turn_for_ever(arrival from) {
    ring& all = *static_cast<ring*>(from.data);
    all.keep(from.fctx);
    while (true) {
        all.go_on();
    }
}

constexpr std::size_t jumps_a_sample = 1'000'000;

// The caller is one of the ring.
double nanoseconds_a_jump(std::size_t stacks) {
    stack_pool pool;
    std::vector<stack*> memory;
    ring all;
    all.resume.push_back(nullptr);
    for (std::size_t count = 1; count < stacks; ++count) {
        stack& each = *memory.emplace_back(&pool.acquire());
        all.resume.push_back(
            boost::context::detail::make_fcontext(each.top, each.size(), &turn_for_ever));
    }
    all.go_on();
    double const start = bench::processor_time();
    for (std::size_t done = 0; done < jumps_a_sample; done += stacks) {
        all.go_on();
    }
    double const time = bench::processor_time() - start;
    for (stack* each : memory) {
        pool.release(*each);
    }
    return time / jumps_a_sample;
}

// The main greenlet is one of those that take turns, so each of its yields lets all others yield.
double nanoseconds_a_yield(std::size_t greenlets) {
    double time = 0;
    run([&] {
        bool over = false;
        for (std::size_t count = 1; count < greenlets; ++count) {
            this_hub().spawn_raw([&over] {
                while (!over) {
                    yield();
                }
            });
        }
        yield();
        double const start = bench::processor_time();
        for (std::size_t done = 0; done < jumps_a_sample; done += greenlets) {
            yield();
        }
        time = bench::processor_time() - start;
        over = true;
        yield();
    });
    return time / jumps_a_sample;
}

double nanoseconds_a_yield_of_fiber(std::size_t count) {
    bool over = false;
    std::vector<boost::fibers::fiber> others;
    for (std::size_t made = 1; made < count; ++made) {
        others.emplace_back([&over] {
            while (!over) {
                boost::this_fiber::yield();
            }
        });
    }
    boost::this_fiber::yield();
    double const start = bench::processor_time();
    for (std::size_t done = 0; done < jumps_a_sample; done += count) {
        boost::this_fiber::yield();
    }
    double const time = bench::processor_time() - start;
    over = true;
    for (boost::fibers::fiber& each : others) {
        each.join();
    }
    return time / jumps_a_sample;
}

}  // namespace

int main() {
    bench::ask("What does a yield cost, against a bare ring of jumps, and against Boost.Fiber?");
    for (std::size_t const count : {2U, 100U, 10'000U}) {
        std::printf("  %zu that take turns\n", count);
        bench::comparison turns{"ns a jump, ns a yield"};
        turns.add("jump_fcontext", [=] { return nanoseconds_a_jump(count); });
        turns.add(
            "yield()", [=] { return nanoseconds_a_yield(count); }, 1.5);
        turns.run();
    }
    std::puts("  10000 that take turns");
    bench::comparison fibers{"ns a yield"};
    fibers.add("Boost.Fiber", [] { return nanoseconds_a_yield_of_fiber(10'000); });
    fibers.add(
        "yield()", [] { return nanoseconds_a_yield(10'000); }, 0.4);
    fibers.run();
}
