// SPDX-License-Identifier: BSL-1.0
#pragma once

// Several errors at once: what a task group throws when children fail.
//
//     try {
//         tendril::with_task_group([&](tendril::task_group& group) { … });
//     } catch (tendril::exception_group const& several) {
//         auto [timeouts, rest] = several.split<tendril::timed_out>();
//         if (rest) throw *rest;
//     }
//
// Groups may stand in groups, as task groups do. A split keeps the nesting and leaves out groups
// that would be empty. The text shows every error, one in a line.

#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace tendril {

class exception_group : public std::runtime_error {
public:
    /// Tells one error from another. It may rethrow what it is given, and catch that.
    using predicate = std::function<bool(std::exception_ptr const&)>;

    /// Makes a group of one error or more. `message` says what has failed.
    /// Throws: misuse for none, or a null pointer among them; std::bad_alloc. Switches: never.
    exception_group(std::string message, std::vector<std::exception_ptr> errors);

    /// What has failed, in words, without the errors. Switches: never.
    std::string const& message() const noexcept { return message_; }

    /// The errors, of which some may be groups. Switches: never.
    std::vector<std::exception_ptr> const& errors() const noexcept { return errors_; }

    /// All errors that are no groups, from the first to the last, however deep. Switches: never.
    std::vector<std::exception_ptr> leaves() const;

    /// Those leaves for which `wanted` answers true, and the others; each as nested as here, and
    /// nothing when there are none. Throws: std::bad_alloc, what `wanted` throws. Switches: never.
    std::pair<std::optional<exception_group>, std::optional<exception_group>> split(
        predicate const& wanted) const;

    /// As above, for all errors that a `catch (Error const&)` would catch.
    template <typename Error>
    std::pair<std::optional<exception_group>, std::optional<exception_group>> split() const {
        return split([](std::exception_ptr const& each) { return holds<Error>(each); });
    }

    /// Says whether a leaf is an `Error`. Switches: never.
    template <typename Error>
    bool contains() const {
        for (std::exception_ptr const& each : leaves()) {
            if (holds<Error>(each)) {
                return true;
            }
        }
        return false;
    }

private:
    template <typename Error>
    static bool holds(std::exception_ptr const& error) {
        try {
            std::rethrow_exception(error);
        } catch (Error const&) {
            return true;
        } catch (...) {
            return false;
        }
    }

    std::string message_;
    std::vector<std::exception_ptr> errors_;
};

}  // namespace tendril
