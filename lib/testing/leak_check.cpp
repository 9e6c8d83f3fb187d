// SPDX-License-Identifier: BSL-1.0
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/testing/leak_check.hpp>

#include <filesystem>
#include <iterator>

namespace tendril::testing {
namespace {

std::size_t open_descriptors() {
    std::filesystem::directory_iterator const all{"/proc/self/fd"};
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
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
    compare(text, "descriptors", before_.descriptors, present.descriptors);
    return text;
}

}  // namespace tendril::testing
