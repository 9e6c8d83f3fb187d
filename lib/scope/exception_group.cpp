// SPDX-License-Identifier: BSL-1.0
//
// A group is a handle to its content, which all copies share. The content finds out once which of
// its errors are groups, so that walks throw nothing again.
//
// Invariants:
// 1. Nothing here recurses: groups may be nested deeper than the stack of a task is. Walks keep a
//    list of what they have left to do, and so does the end of a content, whose errors may be the
//    last owners of others.
// 2. A content never changes, but for its text, which whoever asks first makes.
#include <tendril/scope/exception_group.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/error.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>

namespace tendril {
namespace detail {

struct group_content {
    group_content(std::string what_failed, std::vector<std::exception_ptr> all);
    group_content(group_content const&) = delete;
    group_content& operator=(group_content const&) = delete;
    ~group_content() { delete text.load(std::memory_order_relaxed); }

    std::string const message;
    std::vector<std::exception_ptr> const errors;
    // In the place of each error that is a group, its content. Somebody who catches that error may
    // assign to it; this one stays as it is.
    std::vector<std::shared_ptr<group_content const>> groups;
    mutable std::atomic<std::string const*> text{nullptr};
    // The next of those that are about to be freed.
    group_content* next = nullptr;
};

namespace {

using content_ptr = std::shared_ptr<group_content const>;

// What the end of a content on this thread has left to free, and whether somebody does so.
constinit thread_local group_content* unwanted = nullptr;
constinit thread_local bool is_freeing = false;

void free_content(group_content* last) noexcept {
    last->next = std::exchange(unwanted, last);
    if (std::exchange(is_freeing, true)) {
        return;
    }
    while (unwanted != nullptr) {
        group_content* const freed = unwanted;
        unwanted = freed->next;
        delete freed;
    }
    is_freeing = false;
}

content_ptr make_content(std::string message, std::vector<std::exception_ptr> errors) {
    TENDRIL_REQUIRE(!errors.empty(), "a group of errors holds at least one");
    TENDRIL_REQUIRE(
        std::find(errors.begin(), errors.end(), nullptr) == errors.end(),
        "a null pointer is no error");
    auto made = std::make_unique<group_content>(std::move(message), std::move(errors));
    return content_ptr{made.release(), &free_content};
}

// How far a walk has come in one group.
struct visited_group {
    group_content const* group;
    std::size_t next = 0;
};

// Calls `visit(content, index, level)` for each error of a group and of those in it, from the first
// to the last; groups come before what they hold.
template <typename Visit>
void walk(group_content const& top, Visit visit) {
    std::vector<visited_group> open{{&top}};
    while (!open.empty()) {
        group_content const& group = *open.back().group;
        std::size_t const index = open.back().next++;
        if (index == group.errors.size()) {
            open.pop_back();
            continue;
        }
        visit(group, index, open.size());
        if (group.groups[index] != nullptr) {
            open.push_back({group.groups[index].get()});
        }
    }
}

constexpr std::size_t most_indentation = 32;

std::string make_text(group_content const& of) {
    std::string text = of.message;
    walk(of, [&text](group_content const& group, std::size_t index, std::size_t level) {
        text += '\n' + std::string(2 * std::min(level, most_indentation), ' ') + "- ";
        if (level > most_indentation) {
            text += "(level " + std::to_string(level) + ") ";
        }
        group_content const* const nested = group.groups[index].get();
        text += nested != nullptr ? nested->message : describe(group.errors[index]);
    });
    return text;
}

}  // namespace

// The content of the group that an error is, or null.
content_ptr content_in(std::exception_ptr const& error) {
    try {
        std::rethrow_exception(error);
    } catch (exception_group const& nested) {
        return nested.content_;
    } catch (...) {
        return nullptr;
    }
}

group_content::group_content(std::string what_failed, std::vector<std::exception_ptr> all)
    : message{std::move(what_failed)},
      errors{std::move(all)} {
    groups.reserve(errors.size());
    for (std::exception_ptr const& each : errors) {
        groups.push_back(content_in(each));
    }
}

namespace {

// A group that is being split: what its errors have been put into so far.
struct split_group {
    group_content const* group;
    std::size_t next = 0;
    std::vector<std::exception_ptr> matching{};
    std::vector<std::exception_ptr> rest{};
};

using optional_group = std::optional<exception_group>;

optional_group group_unless_empty(
    std::string const& message, std::vector<std::exception_ptr>&& errors) {
    if (errors.empty()) {
        return std::nullopt;
    }
    return exception_group{message, std::move(errors)};
}

void append_unless_empty(
    std::vector<std::exception_ptr>& to, std::string const& message,
    std::vector<std::exception_ptr>&& errors) {
    if (!errors.empty()) {
        to.push_back(std::make_exception_ptr(exception_group{message, std::move(errors)}));
    }
}

}  // namespace
}  // namespace detail

exception_group::exception_group(std::string message, std::vector<std::exception_ptr> errors)
    : std::runtime_error{message},
      content_{detail::make_content(std::move(message), std::move(errors))} {}

exception_group::exception_group(exception_group const&) noexcept = default;
exception_group& exception_group::operator=(exception_group const&) noexcept = default;
exception_group::~exception_group() = default;

std::string const& exception_group::message() const noexcept { return content_->message; }

std::vector<std::exception_ptr> const& exception_group::errors() const noexcept {
    return content_->errors;
}

// Two who ask at once, on two threads, may both make it; one of them is kept.
char const* exception_group::what() const noexcept {
    std::string const* present = content_->text.load(std::memory_order_acquire);
    if (present == nullptr) {
        try {
            auto made = std::make_unique<std::string const>(detail::make_text(*content_));
            if (content_->text.compare_exchange_strong(
                    present, made.get(), std::memory_order_acq_rel, std::memory_order_acquire)) {
                present = made.release();
            }
        } catch (...) {
            return content_->message.c_str();
        }
    }
    return present->c_str();
}

std::vector<std::exception_ptr> exception_group::leaves() const {
    std::vector<std::exception_ptr> all;
    detail::walk(
        *content_, [&all](detail::group_content const& group, std::size_t index, std::size_t) {
            if (group.groups[index] == nullptr) {
                all.push_back(group.errors[index]);
            }
        });
    return all;
}

std::pair<std::optional<exception_group>, std::optional<exception_group>> exception_group::split(
    predicate const& wanted) const {
    std::vector<detail::split_group> open;
    open.push_back({content_.get()});
    while (true) {
        detail::split_group& here = open.back();
        if (here.next < here.group->errors.size()) {
            std::size_t const index = here.next++;
            if (here.group->groups[index] != nullptr) {
                open.push_back({here.group->groups[index].get()});
            } else {
                std::exception_ptr const& leaf = here.group->errors[index];
                (wanted(leaf) ? here.matching : here.rest).push_back(leaf);
            }
            continue;
        }
        detail::split_group done = std::move(here);
        std::string const& message = done.group->message;
        open.pop_back();
        if (open.empty()) {
            return {
                detail::group_unless_empty(message, std::move(done.matching)),
                detail::group_unless_empty(message, std::move(done.rest))};
        }
        detail::append_unless_empty(open.back().matching, message, std::move(done.matching));
        detail::append_unless_empty(open.back().rest, message, std::move(done.rest));
    }
}

}  // namespace tendril
