// SPDX-License-Identifier: BSL-1.0
//
// The threads of a group, and its end.
//
//     station        the group has come to it when
//     open           every thread has its hub
//     end wanted     somebody called `stop`, or a task failed that ends all; no task is taken
//     tasks told     the grace is over, or nobody is left: each hub cancels its tasks
//     hubs told      no task is left, or the time to unwind is over: each hub closes
//     ended          the last thread has closed its hub
//
// Invariants:
// 1. The stations come in this order, and each is an event that is never reset. The main greenlet
//    of hub 0 leads from one to the next; the others follow.
// 2. Whoever gives a task counts it first and looks then whether the group is closed; whoever ends
//    the group closes it first and counts then. So no task comes that the end does not wait for.
// 3. No thread waits for its own end: on a thread of the group `stop` begins the end only.
// 4. Nothing that the end needs can fail: no memory is asked for but for alarms, and without an
//    alarm a limit counts as over.
#include "hub_group_core.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/run.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/error.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <new>
#include <system_error>
#include <utility>

namespace tendril::detail {
namespace {

thread_local hub_member const* member_of_this_thread = nullptr;

// How many forks lie between the first process and this one.
std::atomic<unsigned> forks_of_groups{0};

void count_fork_of_groups() noexcept { forks_of_groups.fetch_add(1); }

unsigned present_fork() {
    static int const failure = ::pthread_atfork(nullptr, nullptr, &count_fork_of_groups);
    if (failure != 0) {
        throw std::bad_alloc{};
    }
    return forks_of_groups.load(std::memory_order_relaxed);
}

hub* hub_of_this_thread() noexcept { return hub::of(this_thread()); }

// While it lives, this thread takes no signals but those of faults, and threads that it makes never
// do: a stack overflow is still named.
class only_faults {
public:
    only_faults() noexcept {
        sigset_t all;
        ::sigfillset(&all);
        for (int const fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) {
            ::sigdelset(&all, fault);
        }
        ::pthread_sigmask(SIG_SETMASK, &all, &previous_);
    }
    only_faults(only_faults const&) = delete;
    only_faults& operator=(only_faults const&) = delete;
    ~only_faults() { ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }

private:
    sigset_t previous_;
};

cpu_set_t usable_processors() {
    cpu_set_t usable;
    CPU_ZERO(&usable);
    if (kernel().sched_getaffinity(0, sizeof usable, &usable) != 0) {
        throw std::system_error{
            errno, std::generic_category(), "tendril: hub_group: which processors may be used"};
    }
    return usable;
}

// Keeps the calling thread on the usable processor of a number, counted round and round.
void pin_to_processor(std::size_t number) {
    cpu_set_t const usable = usable_processors();
    std::size_t left = number % static_cast<std::size_t>(std::max(CPU_COUNT(&usable), 1));
    cpu_set_t wanted;
    CPU_ZERO(&wanted);
    for (std::size_t processor = 0; processor < CPU_SETSIZE; ++processor) {
        if (CPU_ISSET(processor, &usable) && left-- == 0) {
            CPU_SET(processor, &wanted);
            break;
        }
    }
    if (kernel().sched_setaffinity(0, sizeof wanted, &wanted) != 0) {
        throw std::system_error{
            errno, std::generic_category(), "tendril: hub_group: pinning a thread"};
    }
}

std::chrono::nanoseconds time_of(clockid_t clock) noexcept {
    timespec used{};
    if (::clock_gettime(clock, &used) != 0) {
        return {};
    }
    return std::chrono::seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec};
}

}  // namespace

hub_load hub_member::numbers() const noexcept {
    bool const over = ended.load(std::memory_order_acquire);
    std::chrono::nanoseconds const at_end{time_at_end.load(std::memory_order_relaxed)};
    return {
        .tasks = load.load(std::memory_order_relaxed),
        .completed = completed.load(std::memory_order_relaxed),
        .processor_time = over ? at_end : time_of(clock),
    };
}

// The beginning.

hub_group_core::hub_group_core(hub_group_options options)
    : options_{std::move(options)},
      made_in_{present_fork()} {
    if (hub* const here = hub_of_this_thread()) {
        here->require_may_park();
    }
    std::size_t size = options_.size;
    if (size == 0) {
        cpu_set_t const usable = usable_processors();
        size = static_cast<std::size_t>(std::max(CPU_COUNT(&usable), 1));
    }
    members_.reserve(size);
    for (std::size_t index = 0; index < size; ++index) {
        members_.push_back(std::make_unique<hub_member>(*this, index));
    }
    threads_ = size;
    start_threads();
}

void hub_group_core::start_threads() {
    std::size_t made = 0;
    scope_exit end_those{[&] {
        end_before_use();
        for (std::size_t index = 0; index < made; ++index) {
            ::pthread_join(members_[index]->thread, nullptr);
        }
    }};
    for (auto const& each : members_) {
        only_faults const until_made;
        int const failure = make_pool_thread.load()(
            &each->thread, nullptr, &run_thread, each.get());
        if (failure != 0) {
            throw std::system_error{
                failure, std::generic_category(), "tendril: hub_group: making a thread"};
        }
        ++made;
    }
    maybe_job_under_way const count;
    std::optional<interruption_shield> shield;
    if (hub_of_this_thread() != nullptr) {
        shield.emplace();
    }
    for (std::size_t index = 0; index < made; ++index) {
        started_.acquire();
    }
    std::unique_lock entered{guard_};
    if (failed_start_ != nullptr) {
        std::exception_ptr const reason = failed_start_;
        entered.unlock();
        std::rethrow_exception(reason);
    }
    end_those.dismiss();
}

// All at once: there are no tasks, and perhaps nobody who leads.
void hub_group_core::end_before_use() noexcept {
    closed_ = true;
    end_wanted_.set();
    tasks_told_.set();
    hubs_told_.set();
}

void* hub_group_core::run_thread(void* member) {
    auto& me = *static_cast<hub_member*>(member);
    me.group.run_member(me);
    return nullptr;
}

void hub_group_core::run_member(hub_member& me) noexcept {
    member_of_this_thread = &me;
    bool has_begun = false;
    try {
        prepare_thread(me);
        hub_options const options = options_.options_for ? options_.options_for(me.index)
                                                         : hub_options{};
        tendril::run(options, [&] {
            me.door = this_hub().remote();
            ::pthread_getcpuclockid(::pthread_self(), &me.clock);
            has_begun = true;
            started_.release();
            be_main(me);
        });
    } catch (...) {
        if (!has_begun) {
            std::unique_lock entered{guard_};
            failed_start_ = std::current_exception();
            entered.unlock();
            started_.release();
        } else {
            print_error(std::current_exception(), "a hub of a hub_group");
        }
    }
    leave(me);
}

void hub_group_core::prepare_thread(hub_member const& me) const {
    std::string const number = " " + std::to_string(me.index);
    constexpr std::size_t longest = 15;
    std::string const name = options_.name.substr(0, longest - std::min(longest, number.size()));
    ::pthread_setname_np(::pthread_self(), (name + number).c_str());
    if (options_.pinned) {
        pin_to_processor(me.index);
    }
}

// The stations of a hub.
void hub_group_core::be_main(hub_member& me) {
    if (me.index == 0) {
        lead(me);
        return;
    }
    tasks_told_.wait();
    cancel_tasks(me);
    hubs_told_.wait();
}

void hub_group_core::lead(hub_member& me) {
    end_wanted_.wait();
    in_time_ = wait_until_idle(deadline::never());
    tasks_told_.set();
    cancel_tasks(me);
    if (!in_time_) {
        wait_until_idle(deadline::after(options_.time_to_unwind));
    }
    hubs_told_.set();
}

bool hub_group_core::wait_until_idle(deadline limit) {
    while (!is_idle()) {
        changed_.reset();
        limit = shortened(limit);
        if (is_idle()) {
            break;
        }
        try {
            if (!changed_.wait_until(limit)) {
                return false;
            }
        } catch (std::bad_alloc const&) {
            return false;
        }
    }
    return true;
}

deadline hub_group_core::shortened(deadline limit) {
    std::unique_lock const entered{guard_};
    if (!grace_asked_) {
        return limit;
    }
    return std::min(limit, deadline::after(*std::exchange(grace_asked_, std::nullopt)));
}

bool hub_group_core::is_idle() const noexcept {
    return std::all_of(
        members_.begin(), members_.end(), [](auto const& each) { return each->load.load() == 0; });
}

// Those that are on their way here find that they come too late.
void hub_group_core::cancel_tasks(hub_member& of) noexcept {
    of.ends_tasks = true;
    for (placed_task& each : of.tasks) {
        each.cancel_task();
    }
}

// The thread has closed its hub.
void hub_group_core::leave(hub_member& me) noexcept {
    me.time_at_end = time_of(CLOCK_THREAD_CPUTIME_ID).count();
    me.ended.store(true, std::memory_order_release);
    std::unique_lock const entered{guard_};
    if (--threads_ == 0) {
        ended_.set();
    }
}

// Whoever spawns.

hub_member& hub_group_core::member(std::size_t index) {
    TENDRIL_REQUIRE(
        index < members_.size(), "a hub_group has no hub of this number: they are 0 to size() - 1");
    return *members_[index];
}

hub_member const* hub_group_core::member_here() const noexcept {
    hub_member const* const here = member_of_this_thread;
    return here != nullptr && &here->group == this ? here : nullptr;
}

// Ties go round.
std::size_t hub_group_core::least_loaded() noexcept {
    std::size_t const count = members_.size();
    std::size_t const first = next_.fetch_add(1, std::memory_order_relaxed) % count;
    std::size_t best = first;
    std::size_t fewest = members_[first]->load.load(std::memory_order_relaxed);
    for (std::size_t step = 1; step < count && fewest != 0; ++step) {
        std::size_t const each = (first + step) % count;
        std::size_t const tasks = members_[each]->load.load(std::memory_order_relaxed);
        if (tasks < fewest) {
            best = each;
            fewest = tasks;
        }
    }
    return best;
}

void hub_group_core::send(std::size_t index, placed_task& added) {
    hub_member& to = member(index);
    added.send_to(to);
    // Invariant 2.
    to.load.fetch_add(1);
    if (closed_.load() || !made_in_this_process() || !to.door.post(added)) {
        count_out(to);
        throw std::system_error{make_error_code(errc::closed), "tendril: hub_group"};
    }
}

std::vector<hub_load> hub_group_core::statistics() const {
    std::vector<hub_load> numbers;
    numbers.reserve(members_.size());
    for (auto const& each : members_) {
        numbers.push_back(each->numbers());
    }
    return numbers;
}

void hub_group_core::count_out(hub_member& from) noexcept {
    if (from.load.fetch_sub(1) == 1 && closed_.load() && made_in_this_process()) {
        changed_.set();
    }
}

bool hub_group_core::note_error(std::exception_ptr const& error) noexcept {
    if (options_.errors != on_error::end_all) {
        return false;
    }
    {
        std::unique_lock const entered{guard_};
        if (first_error_ != nullptr) {
            return false;
        }
        first_error_ = error;
    }
    begin_end(std::chrono::nanoseconds{0});
    return true;
}

// The end.

bool hub_group_core::made_in_this_process() const noexcept {
    return made_in_ == forks_of_groups.load(std::memory_order_relaxed);
}

void hub_group_core::begin_end(std::chrono::nanoseconds grace) noexcept {
    closed_ = true;
    {
        std::unique_lock const entered{guard_};
        grace_asked_ = std::min(grace_asked_.value_or(grace), grace);
    }
    changed_.set();
    end_wanted_.set();
}

bool hub_group_core::stop(std::chrono::nanoseconds grace) {
    if (member_here() != nullptr) {
        begin_end(grace);
        return false;
    }
    if (hub* const here = hub_of_this_thread()) {
        here->require_may_park();
        check_interruption();
    }
    scope_exit when_interrupted{[&] { begin_end(std::chrono::nanoseconds{0}); }};
    begin_end(grace);
    wait_for_threads();
    when_interrupted.dismiss();
    return in_time_;
}

void hub_group_core::join() {
    TENDRIL_REQUIRE(
        member_here() == nullptr,
        "join() on a thread of the group, which would wait for itself: let a thread outside join");
    wait_for_threads();
    std::unique_lock const entered{guard_};
    if (first_error_ != nullptr) {
        error_thrown_ = true;
        std::rethrow_exception(first_error_);
    }
}

void hub_group_core::wait_for_threads() {
    maybe_job_under_way const count;
    ended_.wait();
    join_threads();
}

// What is left of a thread is the destruction of what is local to it.
void hub_group_core::join_threads() noexcept {
    std::unique_lock const entered{joining_};
    if (!std::exchange(joined_, true)) {
        for (auto const& each : members_) {
            ::pthread_join(each->thread, nullptr);
        }
    }
}

void hub_group_core::end_for_good() noexcept {
    TENDRIL_ASSERT(
        member_here() == nullptr,
        "a hub_group is destroyed on a thread of its own, which would wait for itself for ever");
    begin_end(std::chrono::nanoseconds{0});
    hub* const here = hub_of_this_thread();
    if (here != nullptr && here->may_park()) {
        interruption_shield const until_ended;
        wait_for_threads();
    } else {
        join_threads();
    }
    if (first_error_ == nullptr || error_thrown_) {
        return;
    }
    if (here != nullptr) {
        here->report_error(first_error_, "a hub_group");
    } else {
        print_error(first_error_, "a hub_group");
    }
}

}  // namespace tendril::detail
