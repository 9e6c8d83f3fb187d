// SPDX-License-Identifier: BSL-1.0
#include <tendril/scope/exception_group.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/error.hpp>

#include <algorithm>

namespace tendril {
namespace {

using optional_group = std::optional<exception_group>;

// The group that an error is, if it is one; a copy, which shares the errors.
optional_group group_in(std::exception_ptr const& error) {
    try {
        std::rethrow_exception(error);
    } catch (exception_group const& nested) {
        return nested;
    } catch (...) {
        return std::nullopt;
    }
}

void append_leaves(
    std::vector<std::exception_ptr> const& errors, std::vector<std::exception_ptr>& leaves) {
    for (std::exception_ptr const& each : errors) {
        if (optional_group const nested = group_in(each)) {
            append_leaves(nested->errors(), leaves);
        } else {
            leaves.push_back(each);
        }
    }
}

void append_tree(
    std::string& text, std::vector<std::exception_ptr> const& errors, std::string const& indent) {
    for (std::exception_ptr const& each : errors) {
        text += '\n' + indent + "- ";
        if (optional_group const nested = group_in(each)) {
            text += nested->message();
            append_tree(text, nested->errors(), indent + "  ");
        } else {
            text += describe(each);
        }
    }
}

std::string text_of(std::string const& message, std::vector<std::exception_ptr> const& errors) {
    TENDRIL_REQUIRE(!errors.empty(), "a group of errors holds at least one");
    TENDRIL_REQUIRE(
        std::find(errors.begin(), errors.end(), nullptr) == errors.end(),
        "a null pointer is no error");
    std::string text = message;
    append_tree(text, errors, "  ");
    return text;
}

optional_group group_unless_empty(
    std::string const& message, std::vector<std::exception_ptr> errors) {
    if (errors.empty()) {
        return std::nullopt;
    }
    return exception_group{message, std::move(errors)};
}

void append_group(std::vector<std::exception_ptr>& to, optional_group const& part) {
    if (part) {
        to.push_back(std::make_exception_ptr(*part));
    }
}

}  // namespace

exception_group::exception_group(std::string message, std::vector<std::exception_ptr> errors)
    : std::runtime_error{text_of(message, errors)},
      message_{std::move(message)},
      errors_{std::move(errors)} {}

std::vector<std::exception_ptr> exception_group::leaves() const {
    std::vector<std::exception_ptr> all;
    append_leaves(errors_, all);
    return all;
}

std::pair<optional_group, optional_group> exception_group::split(predicate const& wanted) const {
    std::vector<std::exception_ptr> matching;
    std::vector<std::exception_ptr> rest;
    for (std::exception_ptr const& each : errors_) {
        if (optional_group const nested = group_in(each)) {
            auto const parts = nested->split(wanted);
            append_group(matching, parts.first);
            append_group(rest, parts.second);
        } else {
            (wanted(each) ? matching : rest).push_back(each);
        }
    }
    return {
        group_unless_empty(message_, std::move(matching)),
        group_unless_empty(message_, std::move(rest))};
}

}  // namespace tendril
