// SPDX-License-Identifier: BSL-1.0
//
// What does a yield cost when N greenlets take turns, against a bare loop of jumps over as many
// stacks? Times are for one yield and one jump. The baseline is `raw_ring`.
#include <tendril/context.hpp>
#include <tendril/hub.hpp>

#include <benchmark/benchmark.h>

#include <vector>

namespace {

using namespace tendril;

void bounce(arrival from) {
    while (true) {
        from = boost::context::detail::jump_fcontext(from.fctx, nullptr);
    }
}

// The caller jumps to each stack in turn and back, which is two jumps a stack.
void raw_ring(benchmark::State& state) {
    stack_pool pool;
    std::vector<void*> ring;
    for (std::int64_t count = 0; count < state.range(0); ++count) {
        stack& memory = pool.acquire();
        ring.push_back(boost::context::detail::make_fcontext(memory.top, memory.size(), &bounce));
    }
    std::size_t next = 0;
    for (auto _ : state) {
        ring[next] = boost::context::detail::jump_fcontext(ring[next], nullptr).fctx;
        next = next + 1 == ring.size() ? 0 : next + 1;
    }
    state.SetItemsProcessed(state.iterations() * 2);
}
BENCHMARK(raw_ring)->Arg(2)->Arg(100)->Arg(10'000);

void yield_in_turns(benchmark::State& state) {
    run([&] {
        bool over = false;
        for (std::int64_t count = 1; count < state.range(0); ++count) {
            this_hub().spawn_raw([&over] {
                while (!over) {
                    yield();
                }
            });
        }
        std::uint64_t const before = this_hub().statistics().switches;
        for (auto _ : state) {
            yield();
        }
        over = true;
        state.SetItemsProcessed(
            static_cast<std::int64_t>(this_hub().statistics().switches - before));
        yield();
    });
}
BENCHMARK(yield_in_turns)->Arg(2)->Arg(100)->Arg(10'000);

}  // namespace

BENCHMARK_MAIN();
