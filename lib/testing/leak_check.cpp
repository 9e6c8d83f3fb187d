// SPDX-License-Identifier: BSL-1.0
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/testing/leak_check.hpp>

#include <chrono>
#include <filesystem>
#include <iterator>
#include <thread>

namespace tendril::testing {
namespace {

std::size_t entries_of(char const* folder) {
    std::filesystem::directory_iterator const all{folder};
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

std::size_t open_descriptors() { return entries_of("/proc/self/fd"); }
bool has_other_threads() { return entries_of("/proc/self/task") > 1; }

// Counts until there are no more than that, or it has taken long. What other threads have open
// comes and goes, and so do the pipes by which a sanitizer finds out whether memory is there.
std::size_t settled_descriptors(std::size_t wanted) {
    using namespace std::chrono_literals;
    auto const end = std::chrono::steady_clock::now() + 3s;
    while (true) {
        // Asked first: who closes something and ends is seen by neither question otherwise.
        bool const may_change = has_other_threads() && std::chrono::steady_clock::now() < end;
        std::size_t const count = open_descriptors();
        if (count <= wanted || !may_change) {
            return count;
        }
        std::this_thread::sleep_for(1ms);
    }
}

void compare(std::string& text, char const* what, std::size_t before, std::size_t now) {
    if (now > before) {
        text += text.empty() ? "" : ", ";
        text += std::to_string(now - before) + ' ' + what;
    }
}

}  // namespace

leak_check::leak_check() : before_{take()} {}

leak_check::stock leak_check::take() {
    thread_record& thread = this_thread();
    receive_visitors(thread);
    hub const* const loop = hub::of(thread);
    return {
        .greenlets = thread.blocks.live(),
        .started = thread.started,
        .stacks = thread.stacks.statistics().in_use,
        .alarms = loop == nullptr ? 0 : loop->statistics().alarms,
        .descriptors = open_descriptors(),
    };
}

std::string leak_check::leaks() const {
    stock const present = take();
    std::string text;
    compare(text, "greenlets", before_.greenlets, present.greenlets);
    compare(text, "started greenlets", before_.started, present.started);
    compare(text, "stacks", before_.stacks, present.stacks);
    compare(text, "alarms", before_.alarms, present.alarms);
    compare(text, "descriptors", before_.descriptors, settled_descriptors(before_.descriptors));
    return text;
}

}  // namespace tendril::testing
