// SPDX-License-Identifier: BSL-1.0
#pragma once

// Makes system calls of the calling thread fail.
//
//     {
//         // The second eventfd from now on fails: there are no descriptors left.
//         failing_system_calls next{&tendril::system_calls::eventfd, EMFILE, 2};
//         …
//     }
//     failing_system_calls any{any_call, ENOMEM, 7, failure::for_ever};   // the seventh, whatever
//
// It works on the calls that tendril makes by itself (support/system_calls.hpp), and puts a table
// of its own in place for as long as it lives; calls that do not fail go to the table below. Calls
// of other threads do not fail. `close` and `munmap` do their work and then report the failure, as
// the kernel does with `close`: otherwise the caller could only leak.
//
// Switches: never. Read next: failures.hpp.

#include <tendril/support/system_calls.hpp>
#include <tendril/testing/failures.hpp>

#include <cstddef>
#include <optional>

namespace tendril::testing {

/// Stands for every row of the table.
struct any_call_t {};
inline constexpr any_call_t any_call{};

class failing_system_calls {
public:
    /// Lets the call of this row with this number fail with an `errno`, or all of them from it on.
    /// Throws: misuse when there is another object of this kind, or the number is zero.
    template <typename F>
    failing_system_calls(
        F system_calls::*row, int code, std::size_t number = 1, failure how = failure::once)
        : failing_system_calls{number_of(row), code, number, how} {}

    /// As above, but counts the calls of all rows.
    failing_system_calls(any_call_t, int code, std::size_t number = 1, failure how = failure::once)
        : failing_system_calls{every_row, code, number, how} {}

    failing_system_calls(failing_system_calls const&) = delete;
    failing_system_calls& operator=(failing_system_calls const&) = delete;
    ~failing_system_calls();

    /// Says whether any has failed: whether there were so many.
    bool has_failed() const noexcept { return failed_; }

    /// How many calls there were that could have failed.
    std::size_t calls() const noexcept { return calls_; }

    // For the table.

    /// Counts a call of a row. Returns the `errno` that it fails with, or zero.
    int count(std::size_t row) noexcept;

    /// The place of a row in the table.
    template <typename F>
    static std::size_t number_of(F system_calls::*row) noexcept {
        auto const& table = real_kernel();
        auto const* const begin = reinterpret_cast<char const*>(&table);
        auto const* const at = reinterpret_cast<char const*>(&(table.*row));
        return static_cast<std::size_t>(at - begin) / sizeof(F);
    }

private:
    static constexpr std::size_t every_row = static_cast<std::size_t>(-1);

    failing_system_calls(std::size_t row, int code, std::size_t number, failure how);

    std::size_t row_;
    int code_;
    std::size_t number_;
    failure how_;
    std::size_t calls_ = 0;
    bool failed_ = false;
    std::optional<replaced_system_calls> replaced_;
};

}  // namespace tendril::testing
