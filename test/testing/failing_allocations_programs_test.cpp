// SPDX-License-Identifier: BSL-1.0
//
// Every allocation of whole programs of I/O fails, once and for ever. Each program ends with what
// it should do or with an error, nothing hangs, and nothing is left.
#include <harness/connection_programs.hpp>
#include <harness/failing_allocations.hpp>
#include <harness/hubs.hpp>
#include <harness/stream_programs.hpp>
#include <tendril/testing/failures.hpp>
#include <tendril/time/timeout.hpp>

#include <cstddef>
#include <cstdio>
#include <exception>

namespace {

using namespace tendril;
using tendril::testing::failing_allocations;
using tendril::testing::failure;
using tendril::testing::for_each_failure;
using tendril::testing::leak_check;
using test::live_allocations;
using test::stream_program;

// How a program has ended, without a string, which might need memory.
char const* end_without_memory(
    stream_program const& program, std::size_t number, failure how, bool& has_failed) {
    failing_allocations const next{number, how};
    char const* end = "done";
    try {
        timeout const limit{std::chrono::hours{2}};
        program.run();
    } catch (test::wrong_result const&) {
        end = "wrong result";
    } catch (would_block_forever const&) {
        end = "waits in vain";
    } catch (timed_out const&) {
        end = "waits in vain for a socket";
    } catch (std::exception const&) {
        end = "error";
    }
    has_failed = next.has_failed();
    return end;
}

std::string_view end_in_a_hub(
    stream_program const& program, std::size_t number, failure how, bool& has_failed) {
    char const* end = "no hub";
    test::virtual_clock clock;
    run({.clock = &clock}, [&] {
        this_hub().set_error_handler([](std::exception_ptr, std::string_view) {});
        end = end_without_memory(program, number, how, has_failed);
    });
    return end;
}

// Returns whether there was an allocation with this number.
bool survives_without(stream_program const& program, std::size_t number, failure how) {
    leak_check const before;
    std::ptrdiff_t const objects_before = live_allocations();
    bool has_failed = false;
    std::string_view const end = end_in_a_hub(program, number, how, has_failed);
    std::ptrdiff_t const objects_after = live_allocations();
    EXPECT_EQ(objects_after, objects_before) << program.name << ", allocation " << number;
    EXPECT_TRUE(end == "done" || (has_failed && end == "error"))
        << program.name << ", allocation " << number << ": " << end;
    EXPECT_EQ(before.leaks(), "") << program.name << ", allocation " << number;
    return has_failed;
}

}  // namespace

TENDRIL_TEST(failing_allocations_programs, of_every_program_of_io) {
    std::vector<stream_program> all{test::stream_programs.begin(), test::stream_programs.end()};
    all.insert(all.end(), test::connection_programs.begin(), test::connection_programs.end());
    for (stream_program const& program : all) {
        // What is made once for the thread is made before.
        bool has_failed = false;
        EXPECT_EQ(end_in_a_hub(program, 1'000'000, failure::once, has_failed), "done");
        std::size_t points = 0;
        for (failure const how : {failure::once, failure::for_ever}) {
            points += for_each_failure(
                [&](std::size_t number) { return survives_without(program, number, how); });
        }
        std::printf("%zu points of failure: %s\n", points, program.name);
        EXPECT_GT(points, 0U) << program.name;
    }
}
