// SPDX-License-Identifier: BSL-1.0
#pragma once

// What a hub is told when it is made, whom it tells of what goes wrong, and the numbers it keeps.
//
//     tendril::run({.clock = &my_clock}, [] { … });
//
//     tendril::this_hub().watch_long_runs(100ms, [](tendril::long_run const& slow) {
//         log(slow.what, slow.origin, slow.took);
//     });
//
// Read next: hub.hpp.

#include <tendril/context/stack_pool.hpp>
#include <tendril/greenlet/greenlet.hpp>
#include <tendril/hub/clock.hpp>
#include <tendril/hub/ready_queue.hpp>
#include <tendril/support/random.hpp>
#include <tendril/support/unique_function.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <source_location>
#include <string_view>

namespace tendril {

/// Who hears of an error that nobody collects: the error, and a name for where it comes from.
using error_handler = unique_function<void(std::exception_ptr, std::string_view)>;

/// The usual handler: prints one line to the standard error stream. Switches: never. Thread: any.
void print_error(std::exception_ptr error, std::string_view whose) noexcept;

namespace detail {
/// The order of hubs that are given none, for tests of whole programs; usually null.
inline ready_order* usual_order = nullptr;
}  // namespace detail

/// How a hub is made. Every null means the usual one.
struct hub_options {
    /// Where time comes from. Must outlive the hub.
    tendril::clock* clock = nullptr;
    /// Who decides which ready greenlet runs next. Must outlive the hub.
    ready_order* order = nullptr;
    /// Where random numbers come from. Must outlive the hub.
    random_source* random = nullptr;
    /// How many steps greenlets may make between two looks at the reactor.
    int budget = 1024;
    /// The stack on which callbacks and handlers run, in bytes. An embedded hub has none.
    std::size_t stack_size = 960 * 1024;
    /// Whether the hub gives memory back to the system when it idles: the stacks and control blocks
    /// of greenlets that are gone for some seconds and were not needed again, and with those of a
    /// thousand or more what is free in the heap (`malloc_trim`, which holds up who allocates
    /// meanwhile: 10 ms after a hundred thousand greenlets).
    bool gives_memory_back = true;
};

/// Says that a hub is made on an `io_context` which the program runs itself.
struct embedded_t {
    explicit embedded_t() = default;
};
inline constexpr embedded_t embedded{};

/// What the child of a fork does with the descriptors that its hub waited for.
enum class fork_descriptors : std::uint8_t {
    /// Nothing that was begun before the fork goes on. Streams and listeners are waited for again
    /// when somebody uses them in the child, so nobody takes data of the parent away by chance.
    /// The old reactor is given up, with three descriptors of its own.
    forget,
    /// All of it goes on, also the reads of greenlets that are gone: a stream on which the parent
    /// reads as well gives each byte to one of the two. For operations of Asio that the child has
    /// to see to their end.
    keep,
};

/// Something that has kept its thread to itself for longer than it should.
struct long_run {
    /// What it was: "a callback", "a posted function" or "a greenlet".
    char const* what = "";
    /// The greenlet; empty for the other two.
    greenlet_ref who{};
    /// Where the callback was asked for, or the greenlet made; line 0 when that is not known.
    std::source_location origin{};
    /// How long it ran, from when it was called or continued until it returned or left.
    std::chrono::nanoseconds took{};
};

/// Who hears of long runs. Called in the hub, so it must not park.
using long_run_handler = unique_function<void(long_run const&)>;

/// Numbers of one hub at one moment.
struct hub_statistics {
    /// Greenlets of the thread that have started and not ended.
    std::size_t greenlets = 0;
    /// Greenlets that wait for their turn.
    std::size_t ready = 0;
    /// Armed alarms: sleeps, limits, delayed calls.
    std::size_t alarms = 0;
    /// Switches that the thread has made since it began.
    std::uint64_t switches = 0;
    /// Turns of the loop since the hub was made.
    std::uint64_t turns = 0;
    /// The stacks of the thread.
    stack_pool_statistics stacks;
};

}  // namespace tendril
