// SPDX-License-Identifier: BSL-1.0
#include <tendril/testing/transcript.hpp>

#include <algorithm>
#include <ostream>

namespace tendril::testing {
namespace {

constexpr std::size_t lines_before = 3;

std::string line_or_end(std::vector<std::string> const& lines, std::size_t at) {
    return at < lines.size() ? "\"" + lines[at] + "\"" : "the end";
}

}  // namespace

std::string transcript::difference_from(transcript const& expected) const {
    auto const [here, there] = std::mismatch(
        lines_.begin(), lines_.end(), expected.lines_.begin(), expected.lines_.end());
    if (here == lines_.end() && there == expected.lines_.end()) {
        return {};
    }
    auto const at = static_cast<std::size_t>(here - lines_.begin());
    std::ostringstream text;
    text << "line " << at + 1 << " differs\n";
    for (std::size_t line = at - std::min(at, lines_before); line < at; ++line) {
        text << "    both:     \"" << lines_[line] << "\"\n";
    }
    text << "    expected: " << line_or_end(expected.lines_, at) << '\n'
         << "    seen:     " << line_or_end(lines_, at) << '\n';
    return text.str();
}

std::ostream& operator<<(std::ostream& out, transcript const& printed) {
    std::size_t number = 0;
    for (std::string const& line : printed.lines()) {
        out << '\n' << ++number << ": " << line;
    }
    return out;
}

}  // namespace tendril::testing
