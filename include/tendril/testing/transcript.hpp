// SPDX-License-Identifier: BSL-1.0
#pragma once

// What happened, line by line, and where it went another way than it should.
//
//     tendril::testing::transcript seen;
//     …  seen.note("accepted"); seen.note("read ", count, " bytes"); …
//     EXPECT_EQ(seen.difference_from({"accepted", "read 7 bytes"}), "");
//
// Tests of order are easiest to read as the list of what must happen. When a long one fails, the
// lists themselves say little; the first line that differs says nearly all.
//
// Switches: never.

#include <cstddef>
#include <initializer_list>
#include <iosfwd>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace tendril::testing {

class transcript {
public:
    transcript() = default;
    transcript(std::initializer_list<std::string> lines) : lines_{lines} {}
    explicit transcript(std::vector<std::string> lines) noexcept : lines_{std::move(lines)} {}

    /// Adds a line that is put together from the parts, as a stream would print them.
    template <typename... Parts>
    void note(Parts const&... parts) {
        std::ostringstream line;
        (line << ... << parts);
        lines_.push_back(std::move(line).str());
    }

    /// Forgets all lines.
    void clear() noexcept { lines_.clear(); }

    /// The lines so far.
    std::vector<std::string> const& lines() const noexcept { return lines_; }
    std::size_t size() const noexcept { return lines_.size(); }
    bool empty() const noexcept { return lines_.empty(); }

    /// Says at which line it differs first from what was expected, with the lines just before;
    /// empty when it does not.
    std::string difference_from(transcript const& expected) const;

    bool operator==(transcript const&) const = default;

private:
    std::vector<std::string> lines_;
};

/// Prints the lines, numbered.
std::ostream& operator<<(std::ostream& out, transcript const& printed);

}  // namespace tendril::testing
