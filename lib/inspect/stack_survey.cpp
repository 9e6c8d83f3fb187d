// SPDX-License-Identifier: BSL-1.0
#include <tendril/context/stack_usage.hpp>
#include <tendril/inspect/stack_survey.hpp>
#include <tendril/support/assert.hpp>

#include <algorithm>
#include <bit>
#include <iomanip>
#include <ostream>
#include <string_view>

namespace tendril {
namespace {

constexpr std::size_t kib = 1024;

// The smallest size that is made and holds half as much again.
std::size_t advise(std::size_t use) {
    std::size_t const wanted = std::max(use + use / 2, stack_pool::minimum_size);
    return std::bit_ceil(wanted + stack_pool::guard_size) - stack_pool::guard_size;
}

std::string short_place(std::source_location const& where) {
    std::string_view const path = where.file_name();
    std::size_t const slash = path.find_last_of('/');
    std::string_view const file = slash == path.npos ? path : path.substr(slash + 1);
    return std::string{file} + ':' + std::to_string(where.line());
}

}  // namespace

std::size_t stack_usage(greenlet_ref const& measured) {
    control_block const* const block = measured.block();
    TENDRIL_REQUIRE(block != nullptr, "an empty handle names no greenlet and no stack");
    TENDRIL_REQUIRE_AS(
        wrong_thread, block->thread == &this_thread(),
        "this greenlet belongs to another thread: its stack is measured only there");
    return block->memory == nullptr ? 0 : stack_usage(*block->memory);
}

stack_survey::stack_survey() : thread_{this_thread()} {
    TENDRIL_REQUIRE(
        thread_.observer == nullptr,
        "this thread has a stack survey already: read that one, or end it first");
    thread_.observer = this;
    thread_.stacks.set_fresh(true);
}

stack_survey::~stack_survey() {
    thread_.observer = nullptr;
    thread_.stacks.set_fresh(false);
}

std::vector<stack_survey::row> stack_survey::rows() const {
    std::vector<row> sorted;
    for (auto const& entry : rows_) {
        sorted.push_back(entry.second);
    }
    std::stable_sort(sorted.begin(), sorted.end(), [](row const& one, row const& other) {
        return one.largest > other.largest;
    });
    return sorted;
}

// Without memory for another row, the greenlet goes unnoticed.
void stack_survey::ending(control_block const& block, std::source_location const& made_at) noexcept
    try {
    row& mine = rows_[place{made_at.file_name(), made_at.line()}];
    mine.made_at = made_at;
    mine.name = name_of(block) == nullptr ? "" : name_of(block);
    ++mine.count;
    std::size_t const use = stack_usage(*block.memory);
    if (use >= mine.largest) {
        mine.largest = use;
        mine.stack_size = block.memory->size();
        mine.advised = advise(use);
    }
} catch (...) {}

std::ostream& operator<<(std::ostream& out, stack_survey const& printed) {
    out << std::left << std::setw(32) << "made at" << std::right << std::setw(8) << "count"
        << std::setw(16) << "largest use" << std::setw(12) << "has" << std::setw(12) << "give it"
        << '\n';
    for (stack_survey::row const& each : printed.rows()) {
        std::string const place = short_place(each.made_at) +
            (each.name.empty() ? "" : " " + each.name);
        out << std::left << std::setw(32) << place << std::right << std::setw(8) << each.count
            << std::setw(12) << each.largest / kib << " KiB" << std::setw(8)
            << each.stack_size / kib << " KiB" << std::setw(8) << each.advised / kib << " KiB\n";
    }
    return out;
}

}  // namespace tendril
