// SPDX-License-Identifier: BSL-1.0
//
// Does a switch cost more when live frames stand below it? Two greenlets take turns; each has
// called itself until so many bytes of its stack are in use. depth_python.py asks the same of
// greenlet for Python, which copies stacks.
#include <harness/compare.hpp>

#include <tendril/greenlet.hpp>

#include <cstddef>
#include <cstdint>

namespace {

using namespace tendril;

// Calls `action` with at least `depth` bytes of frames below it, all of them written.
template <typename F>
[[gnu::noinline]] void descend(std::size_t depth, F const& action) {
    constexpr std::size_t frame = 1024;
    char bytes[frame];
    for (char& each : bytes) {
        each = static_cast<char>(depth);
    }
    bench::keep(bytes);
    if (depth > frame) {
        descend(depth - frame, action);
    } else {
        action();
    }
    // The frame lives until here: no call above is the last thing that a function does.
    bench::keep(bytes);
}

template <typename F>
void at_depth(std::size_t depth, F const& action) {
    if (depth < 1024) {
        action();
    } else {
        // What `descend` adds to its 1 KiB in each frame would not fit 192 KiB at the deepest.
        descend(depth - depth / 16, action);
    }
}

void switches(std::size_t depth, std::uint64_t iterations) {
    greenlet{[=] {
        bool over = false;
        greenlet const other{[depth, &over, caller = greenlet::current()] {
            at_depth(depth, [&over, caller] {
                while (!over) {
                    caller.switch_to();
                }
            });
        }};
        at_depth(depth, [&] {
            for (std::uint64_t done = 0; done < iterations; ++done) {
                other.switch_to();
            }
        });
        over = true;
        other.switch_to();
    }}.switch_to();
}

}  // namespace

int main() {
    bench::ask("Does a switch cost more when more live frames stand below it, on both stacks?");
    bench::comparison depths{"ns a switch"};
    auto const add = [&](char const* name, std::size_t depth, double bar) {
        auto const body = [depth](std::uint64_t iterations) { switches(depth, iterations); };
        depths.add(name, bench::loop(2, body), bar);
    };
    add("64 B", 64, 0);
    add("4 KiB", 4 * 1024, 1.1);
    add("64 KiB", 64 * 1024, 1.1);
    add("180 KiB", 180 * 1024, 1.1);
    depths.run();
}
