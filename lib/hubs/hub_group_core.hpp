// SPDX-License-Identifier: BSL-1.0
#pragma once

// What stands behind a group of hubs: its threads, and what they share with everybody else.
//
// Actors: whoever spawns or stops, on any thread; the main greenlet of each hub; and the tasks. The
// main greenlet of hub 0 leads the end, on its own clock: nobody else decides when a grace is over.
// See hub_group_core.cpp.

#include <tendril/hub/remote.hpp>
#include <tendril/hubs/hub_group.hpp>
#include <tendril/support/cache_line.hpp>
#include <tendril/support/intrusive_list.hpp>
#include <tendril/sync/shared.hpp>

#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <exception>
#include <mutex>
#include <optional>
#include <vector>

namespace tendril::detail {

// One thread of a group, with its hub. Each begins a cache line: they count without each other.
class alignas(cache_line_size) hub_member {
public:
    hub_member(hub_group_core& whose, std::size_t number) noexcept : group{whose}, index{number} {}
    hub_member(hub_member const&) = delete;
    hub_member& operator=(hub_member const&) = delete;

    hub_load numbers() const noexcept;

    // Immutable once the group is made.

    hub_group_core& group;
    std::size_t const index;
    pthread_t thread{};
    clockid_t clock{};
    remote door;

    // Any thread.

    std::atomic<std::size_t> load{0};
    std::atomic<std::uint64_t> completed{0};
    std::atomic<bool> ended{false};
    std::atomic<std::int64_t> time_at_end{0};

    // Its own thread.

    intrusive_list<placed_task> tasks;
    // Its tasks were told to end, and no other begins.
    bool ends_tasks = false;
};

class hub_group_core {
public:
    explicit hub_group_core(hub_group_options options);
    hub_group_core(hub_group_core const&) = delete;
    hub_group_core& operator=(hub_group_core const&) = delete;
    ~hub_group_core() = default;

    // Whoever spawns.

    std::size_t size() const noexcept { return members_.size(); }
    hub_member& member(std::size_t index);
    hub_member const* member_here() const noexcept;
    std::size_t least_loaded() noexcept;
    void send(std::size_t index, placed_task& added);
    bool closed() const noexcept { return closed_.load(); }
    std::vector<hub_load> statistics() const;

    // Whoever ends it.

    void begin_end(std::chrono::nanoseconds grace) noexcept;
    bool stop(std::chrono::nanoseconds grace);
    void join();
    /// As `stop` without grace, wherever it is called, and without being interrupted.
    void end_for_good() noexcept;
    bool made_in_this_process() const noexcept;

    // Tasks.

    /// A task of a hub, or one on its way there, is not there any more.
    void count_out(hub_member& from) noexcept;
    /// A task has failed. Returns whether the group takes care of the error.
    bool note_error(std::exception_ptr const& error) noexcept;

private:
    void start_threads();
    static void* run_thread(void* member);
    void run_member(hub_member& me) noexcept;
    void prepare_thread(hub_member const& me) const;
    void be_main(hub_member& me);
    void lead(hub_member& me);
    bool wait_until_idle(deadline limit);
    deadline shortened(deadline limit);
    bool is_idle() const noexcept;
    static void cancel_tasks(hub_member& of) noexcept;
    void leave(hub_member& me) noexcept;
    void wait_for_threads();
    void join_threads() noexcept;
    void end_before_use() noexcept;

    hub_group_options options_;
    unsigned const made_in_;
    std::vector<std::unique_ptr<hub_member>> members_;
    std::atomic<std::size_t> next_{0};
    std::atomic<bool> closed_{false};

    // The stations of a group: made, told to end, tasks told to end, hubs told to end, ended.
    shared_semaphore started_{0};
    shared_event end_wanted_;
    shared_event tasks_told_;
    shared_event hubs_told_;
    shared_event ended_;
    // Something has changed that the leader of the end waits for.
    shared_event changed_;

    std::mutex guard_;
    // Guarded by it.
    std::optional<std::chrono::nanoseconds> grace_asked_;
    std::exception_ptr first_error_;
    bool error_thrown_ = false;
    std::exception_ptr failed_start_;
    std::size_t threads_ = 0;

    // The leader's, and after the end everybody's.
    bool in_time_ = false;

    std::mutex joining_;
    // Guarded by it.
    bool joined_ = false;
};

}  // namespace tendril::detail
