// SPDX-License-Identifier: BSL-1.0
//
// The face of a group of hubs. What stands behind it: hub_group_core.cpp.
#include "hub_group_core.hpp"

#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/hubs/hub_group.hpp>

#include <utility>

namespace tendril {
namespace detail {

void hub_group_deleter::operator()(hub_group_core* core) const noexcept {
    // The threads that wait in it are not in the child of a fork, and its mutexes may be locked.
    if (core->made_in_this_process()) {
        delete core;
    }
}

maybe_job_under_way::maybe_job_under_way() {
    if (hub* const here = hub::of(this_thread())) {
        counted_.emplace(*here);
    }
}

maybe_job_under_way::~maybe_job_under_way() = default;

}  // namespace detail

hub_group::hub_group(hub_group_options options)
    : core_{new detail::hub_group_core{std::move(options)}} {}

hub_group::~hub_group() {
    if (core_->made_in_this_process()) {
        core_->end_for_good();
    }
}

std::size_t hub_group::size() const noexcept { return core_->size(); }

std::optional<std::size_t> hub_group::index_here() const noexcept {
    detail::hub_member const* const here = core_->member_here();
    return here == nullptr ? std::nullopt : std::optional{here->index};
}

remote hub_group::door(std::size_t index) const { return core_->member(index).door; }

std::vector<hub_load> hub_group::statistics() const { return core_->statistics(); }

bool hub_group::closed() const noexcept { return core_->closed(); }

bool hub_group::stop_after(std::chrono::nanoseconds grace) { return core_->stop(grace); }

void hub_group::join() { core_->join(); }

std::size_t hub_group::least_loaded() const noexcept { return core_->least_loaded(); }

// Once it is posted it belongs to its hub.
void hub_group::send(std::size_t index, std::unique_ptr<detail::placed_task> placed) {
    core_->send(index, *placed);
    static_cast<void>(placed.release());
}

}  // namespace tendril
