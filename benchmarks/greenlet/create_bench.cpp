// SPDX-License-Identifier: BSL-1.0
//
// What does a short life cost: create, run an empty function, destroy? Against the same with
// Boost's fiber, both from a warm pool of stacks of the same size.
#include <harness/compare.hpp>

#include <tendril/greenlet.hpp>

#include <boost/context/fiber.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>

#include <memory>
#include <utility>

namespace {

using boost::context::fiber;
using boost::context::pooled_fixedsize_stack;
using tendril::greenlet;

void fibers(pooled_fixedsize_stack const& pool, std::uint64_t iterations) {
    for (std::uint64_t done = 0; done < iterations; ++done) {
        fiber{
            std::allocator_arg, pooled_fixedsize_stack{pool},
            [](fiber&& caller) { return std::move(caller); }}
            .resume();
    }
}

void greenlets(std::uint64_t iterations) {
    for (std::uint64_t done = 0; done < iterations; ++done) {
        greenlet{[] {}}.switch_to();
    }
}

}  // namespace

int main() {
    bench::ask("What does it cost to create, run and destroy, from a warm pool of stacks?");
    pooled_fixedsize_stack const pool{tendril::stack_pool::default_size};
    bench::comparison lives{"ns a life"};
    lives.add("boost::context::fiber, pooled_fixedsize_stack", bench::loop(1, [&](auto iterations) {
                  fibers(pool, iterations);
              }));
    lives.add("greenlet", bench::loop(1, greenlets), 0.8);
    lives.run();
}
