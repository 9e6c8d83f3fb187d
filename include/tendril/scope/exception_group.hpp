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
// Groups may stand in groups, as task groups do, as deep as one likes: nothing that is done with
// them takes more stack for that. A split keeps the nesting and leaves out groups that would be
// empty. The text shows every error, one in a line; it is made when somebody asks for it.

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace tendril {

namespace detail {
struct group_content;
std::shared_ptr<group_content const> content_in(std::exception_ptr const& error);
}  // namespace detail

class exception_group : public std::runtime_error {
public:
    /// Tells one error from another. It may rethrow what it is given, and catch that.
    using predicate = std::function<bool(std::exception_ptr const&)>;

    /// Makes a group of one error or more. `message` says what has failed.
    /// Throws: misuse for none, or a null pointer among them; std::bad_alloc. Switches: never.
    exception_group(std::string message, std::vector<std::exception_ptr> errors);

    /// Names the same errors. A copy needs no memory, and there is no moving: whoever catches a
    /// group always holds one. Switches: never.
    exception_group(exception_group const&) noexcept;
    exception_group& operator=(exception_group const&) noexcept;
    ~exception_group() override;

    /// What has failed, in words, without the errors. Switches: never.
    std::string const& message() const noexcept;

    /// The errors, of which some may be groups. Switches: never.
    std::vector<std::exception_ptr> const& errors() const noexcept;

    /// The message and a line for each error, indented by its level; from level 33 on the level
    /// stands there as a number. Without memory for that, the message. Switches: never.
    /// Thread: any.
    char const* what() const noexcept override;

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

    friend std::shared_ptr<detail::group_content const> detail::content_in(
        std::exception_ptr const& error);

    std::shared_ptr<detail::group_content const> content_;
};

}  // namespace tendril
