// SPDX-License-Identifier: BSL-1.0
#pragma once

// How much stack greenlets use, and how much to give them.
//
//     tendril::stack_survey survey;           // at the start of main
//     …                                       // a typical load
//     std::cout << survey;
//
//     made at                count   largest use   has       give it
//     server.cpp:41           1200        23.4 KiB  192 KiB   64 KiB
//     parser.cpp:17              3       310.0 KiB  448 KiB   fits
//
// While a survey lives, every greenlet of the thread that ends is measured, and the largest use is
// kept for each place in the program that makes greenlets. Measuring costs two system calls for
// each greenlet: it is for a trial run, not for every day.

#include <tendril/greenlet/greenlet.hpp>

#include <cstddef>
#include <iosfwd>
#include <map>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

namespace tendril {

/// How many bytes of its stack a greenlet has ever used: to the word, but counting former users of
/// the same stack, unless a survey was alive when it began. 0 for one that has no stack of a pool:
/// unstarted, dead, or the main greenlet of a thread.
/// Throws: misuse for an empty handle; wrong_thread. Switches: never. Thread: its own.
std::size_t stack_usage(greenlet_ref const& measured);

class stack_survey final : private ending_observer {
public:
    /// What was measured for one place in the program.
    struct row {
        /// Where the greenlets were made.
        std::source_location made_at;
        /// The name of the last of them, if it had one.
        std::string name;
        /// How many have ended.
        std::size_t count = 0;
        /// The most that one has used, the stack it had for that, and the smallest size that would
        /// hold half as much again; all in bytes.
        std::size_t largest = 0;
        std::size_t stack_size = 0;
        std::size_t advised = 0;
    };

    /// Begins to measure the greenlets of the calling thread.
    /// Throws: misuse when there is a survey already. Switches: never.
    stack_survey();
    stack_survey(stack_survey const&) = delete;
    stack_survey& operator=(stack_survey const&) = delete;
    /// Ends it. Switches: never. Thread: the one that made it.
    ~stack_survey();

    /// What was measured so far, the largest use first. Switches: never.
    std::vector<row> rows() const;

private:
    using place = std::pair<std::string, unsigned>;

    void ending(control_block const& block, std::source_location const& made_at) noexcept override;

    thread_record& thread_;
    std::map<place, row> rows_;
};

/// Prints a line for each place. Switches: never.
std::ostream& operator<<(std::ostream& out, stack_survey const& printed);

}  // namespace tendril
