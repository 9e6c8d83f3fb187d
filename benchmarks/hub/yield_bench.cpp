// SPDX-License-Identifier: BSL-1.0
//
// What does a yield cost when so many greenlets take turns, against a bare loop of jumps over as
// many stacks? Times are for one yield and one jump.
#include <harness/compare.hpp>

#include <tendril/context.hpp>
#include <tendril/hub.hpp>
#include <tendril/time.hpp>

#include <cstdio>
#include <vector>

namespace {

using namespace tendril;

void bounce(arrival from) {
    while (true) {
        from = boost::context::detail::jump_fcontext(from.fctx, nullptr);
    }
}

constexpr std::size_t jumps_a_sample = 1'000'000;

// The caller jumps to each stack in turn and back, which is two jumps a stack.
double nanoseconds_a_jump(std::size_t stacks) {
    stack_pool pool;
    std::vector<stack*> memory;
    std::vector<void*> resume;
    for (std::size_t count = 0; count < stacks; ++count) {
        stack& each = *memory.emplace_back(&pool.acquire());
        resume.push_back(boost::context::detail::make_fcontext(each.top, each.size(), &bounce));
    }
    auto const visit_all = [&] {
        for (void*& each : resume) {
            each = boost::context::detail::jump_fcontext(each, nullptr).fctx;
        }
    };
    visit_all();
    double const start = bench::processor_time();
    for (std::size_t done = 0; done < jumps_a_sample; done += 2 * stacks) {
        visit_all();
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

}  // namespace

int main() {
    bench::ask("What does a yield cost, against a bare loop of jumps?");
    for (std::size_t const count : {2U, 100U, 10'000U}) {
        std::printf("  %zu that take turns\n", count);
        bench::comparison turns{"ns a jump, ns a yield"};
        turns.add("jump_fcontext", [=] { return nanoseconds_a_jump(count); });
        turns.add("yield()", [=] { return nanoseconds_a_yield(count); });
        turns.run();
    }
}
