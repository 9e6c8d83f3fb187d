// SPDX-License-Identifier: BSL-1.0
#include <tendril/process/completed_process.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace tendril {
namespace {

// The last line that has something in it, or its beginning.
std::string_view last_line(std::string_view text) {
    constexpr std::size_t most = 200;
    std::size_t const end = text.find_last_not_of(" \t\r\n");
    if (end == std::string_view::npos) {
        return {};
    }
    text = text.substr(0, end + 1);
    std::size_t const before = text.rfind('\n');
    return text.substr(before == std::string_view::npos ? 0 : before + 1).substr(0, most);
}

std::string with_last_line(std::string text, completed_process const& result) {
    std::string_view const line = last_line(result.error_output);
    return line.empty() ? text : text.append(": ").append(line);
}

std::string end_in_words(std::string const& program, exit_status status) {
    return program + (status.signal() != 0 ? " was ended by " : " ended with ") + status.text();
}

}  // namespace

process_failed::process_failed(std::string const& program, completed_process result)
    : process_failed{
          with_last_line(end_in_words(program, result.status), result), std::move(result), 0} {}

process_failed::process_failed(std::string const& text, completed_process&& result, int)
    : runtime_error{text},
      result_{std::move(result)} {}

process_timed_out::process_timed_out(std::string const& program, completed_process result)
    : process_failed{
          with_last_line(program + " was not done at its limit", result), std::move(result), 0} {}

}  // namespace tendril
