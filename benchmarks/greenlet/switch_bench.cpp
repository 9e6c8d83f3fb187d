// SPDX-License-Identifier: BSL-1.0
//
// What does a switch cost, against the bare jump below it? Each iteration goes there and back: two
// switches. The baseline is `raw_jump`.
#include <tendril/context.hpp>
#include <tendril/greenlet.hpp>

#include <benchmark/benchmark.h>

namespace {

using namespace tendril;

void bounce(arrival from) {
    while (true) {
        from = boost::context::detail::jump_fcontext(from.fctx, nullptr);
    }
}

void raw_jump(benchmark::State& state) {
    stack_pool pool;
    stack& memory = pool.acquire();
    void* other = boost::context::detail::make_fcontext(memory.top, memory.size(), &bounce);
    for (auto _ : state) {
        other = boost::context::detail::jump_fcontext(other, nullptr).fctx;
    }
    pool.release(memory);
}
BENCHMARK(raw_jump);

void switch_without_value(benchmark::State& state) {
    greenlet_ref const caller = greenlet::current();
    greenlet other{[caller] {
        while (true) {
            caller.switch_to();
        }
    }};
    for (auto _ : state) {
        other.switch_to();
    }
}
BENCHMARK(switch_without_value);

void switch_with_int(benchmark::State& state) {
    greenlet_ref const caller = greenlet::current();
    greenlet other{[caller](int number) {
        while (true) {
            number = caller.switch_to(number + 1).as<int>();
        }
    }};
    for (auto _ : state) {
        benchmark::DoNotOptimize(other.switch_to(1).as<int>());
    }
}
BENCHMARK(switch_with_int);

void create_run_destroy(benchmark::State& state) {
    for (auto _ : state) {
        greenlet{[] {}}.switch_to();
    }
}
BENCHMARK(create_run_destroy);

}  // namespace

BENCHMARK_MAIN();
