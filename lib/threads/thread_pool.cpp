// SPDX-License-Identifier: BSL-1.0
//
// Those who wait for the threads of a pool. The invariants are those of thread_pool_core.cpp.
#include "thread_pool_core.hpp"

#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/remote.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/error.hpp>

namespace tendril {
namespace detail {
namespace {

[[noreturn]] void throw_pool_closed() {
    throw std::system_error{make_error_code(errc::closed), "tendril: thread_pool"};
}

bool this_thread_has_hub() { return this_thread().loop != nullptr; }

bool may_park_here() noexcept {
    if (!this_thread_has_hub() || !this_hub().may_park()) {
        return false;
    }
    try {
        this_hub().require_not_forked();
        return true;
    } catch (misuse const&) {
        return false;
    }
}

// A job is under way for the hub of the calling thread, if it has one.
class maybe_under_way {
public:
    maybe_under_way() {
        if (this_thread_has_hub()) {
            counted_.emplace(this_hub());
        }
    }

private:
    std::optional<job_under_way> counted_;
};

// A greenlet that waits for its job.
class thread_job_parker final : public waiter, private letter, public job_caller {
public:
    thread_job_parker(thread_pool_core& pool, thread_job& job)
        : waiter{"a job in a thread"},
          pool_{pool},
          job_{job},
          count_{home()} {
        home().require_may_park();
    }
    ~thread_job_parker() = default;

    void tell() noexcept override {
        // A hub that has ended has left the frame where it is, and nobody wants the result.
        static_cast<void>(count_.post(*this));
        teller_is_done_.store(true, std::memory_order_release);
    }

    void wait() { park_operation(); }

private:
    void open() override {
        wait_for_teller();
        wake();
    }
    // The hub has ended without this greenlet, whose frame stays for ever.
    void discard() noexcept override { wait_for_teller(); }
    // Whoever tells does so behind the mutex, and seldom is there still.
    void wait_for_teller() const {
        if (!teller_is_done_.load(std::memory_order_acquire)) {
            thread_pool_core::lock const entered = pool_.enter();
        }
    }

    bool withdraw() noexcept override { return pool_.take_back(job_); }
    // The queue is the parent's.
    void leave_in_child() noexcept override {}

    thread_pool_core& pool_;
    thread_job& job_;
    job_under_way const count_;
    std::atomic<bool> teller_is_done_{false};
};

// A thread without a hub, which blocks.
class thread_job_blocker final : public job_caller {
public:
    void tell() noexcept override {
        told_ = true;
        arrived_.notify_one();
    }
    void wait(thread_pool_core::lock& entered) {
        arrived_.wait(entered, [this] { return told_; });
    }

private:
    std::condition_variable arrived_;
    bool told_ = false;
};

}  // namespace

void thread_pool_core::run(thread_job& job) {
    shared_state& at = here();
    job.context = carried_context{this_thread().current->context};
    if (this_thread_has_hub()) {
        thread_job_parker me{*this, job};
        submit(at, job, me);
        me.wait();
    } else {
        thread_job_blocker me;
        submit(at, job, me);
        lock entered = at.mutex.enter();
        me.wait(entered);
    }
    if (job.now == thread_job::stage::refused) {
        throw_pool_closed();
    }
}

// A worker that is idle gets the job directly, and is told when the mutex is free.
void thread_pool_core::submit(shared_state& at, thread_job& job, job_caller& caller) {
    lock entered = at.mutex.enter();
    if (at.closed) {
        throw_pool_closed();
    }
    job.caller = &caller;
    if (pool_worker* const idle = at.idle_workers.pop_front()) {
        --at.idle;
        begin(at, job);
        idle->given = &job;
        entered.unlock();
        idle->tell();
        return;
    }
    if (at.jobs() >= at.threads && static_cast<std::ptrdiff_t>(at.threads) < at.maximum) {
        int const failure = start_thread(at);
        if (failure != 0 && at.threads == 0) {
            throw std::system_error{
                failure, std::generic_category(), "tendril: a thread_pool gets no thread"};
        }
    }
    at.queue.push_back(job);
    ++at.queued;
}

// DOC: take_back
bool thread_pool_core::take_back(thread_job& job) noexcept {
    shared_state& at = here();
    lock const entered = at.mutex.enter();
    switch (job.now) {
    case thread_job::stage::queued:
        job.unlink();
        --at.queued;
        tell_joiners(at);
        return true;
    case thread_job::stage::running:
        job.caller_wants_to_leave.store(true, std::memory_order_relaxed);
        if (job.leave_to_thread()) {
            job.caller = nullptr;
            return true;
        }
        return false;
    case thread_job::stage::ended:
    case thread_job::stage::refused:
        return false;
    }
    return false;
}
// DOC-END: take_back

// Room for jobs of `spawn`.

bool thread_pool_core::has_room(shared_state const& at) const noexcept {
    // A job that calls into its own pool makes the call itself, and may hold the last place.
    return is_mine() || at.admitted < static_cast<std::size_t>(at.maximum) + options_.queue_limit;
}

bool thread_pool_core::take_room() {
    shared_state& at = here();
    lock const entered = at.mutex.enter();
    if (at.closed) {
        throw_pool_closed();
    }
    if (!has_room(at)) {
        return false;
    }
    ++at.admitted;
    return true;
}

void thread_pool_core::wait_for_room() {
    check_shared_interruption();
    shared_state& at = here();
    maybe_under_way const count;
    lock entered = at.mutex.enter();
    if (at.closed) {
        throw_pool_closed();
    }
    if (has_room(at)) {
        ++at.admitted;
        return;
    }
    room_place mine;
    at.mutex.wait(entered, at.room_seekers, mine, deadline::never());
    if (!mine.given) {
        throw_pool_closed();
    }
}

void thread_pool_core::give_room_back() noexcept {
    shared_state& at = here();
    lock const entered = at.mutex.enter();
    // The child of a fork may give back what its parent has taken.
    at.admitted -= at.admitted > 0 ? 1 : 0;
    give_room(at);
}

// Requires: the mutex.
void thread_pool_core::give_room(shared_state& at) noexcept {
    std::size_t const most = static_cast<std::size_t>(at.maximum) + options_.queue_limit;
    while (at.admitted < most) {
        shared_place* const first = at.mutex.take_first(at.room_seekers);
        if (first == nullptr) {
            return;
        }
        static_cast<room_place*>(first)->given = true;
        ++at.admitted;
    }
}

pool_room::~pool_room() {
    if (where_ != nullptr) {
        where_->give_room_back();
    }
}

// Sizes and ends.

void thread_pool_core::set_maximum_size(std::ptrdiff_t maximum) {
    shared_state& at = here();
    lock const entered = at.mutex.enter();
    at.maximum = maximum;
    give_room(at);
    tell_idle(at);
    while (at.threads < at.jobs() && static_cast<std::ptrdiff_t>(at.threads) < maximum) {
        // Those that are there come to it if there can be no more.
        if (start_thread(at) != 0) {
            return;
        }
    }
}

// Requires: the mutex.
void thread_pool_core::tell_joiners(shared_state& at) noexcept {
    if (at.jobs() == 0 && !at.joiners.empty()) {
        while (at.mutex.take_first(at.joiners) != nullptr) {}
    }
}

bool thread_pool_core::join_until(deadline limit) {
    TENDRIL_REQUIRE(
        !is_mine(), "a job joins its own pool: it would wait for itself; let its caller join");
    check_shared_interruption();
    shared_state& at = here();
    maybe_under_way const count;
    lock entered = at.mutex.enter();
    shared_place mine;
    return at.jobs() == 0 || at.mutex.wait(entered, at.joiners, mine, limit);
}

// Requires: the mutex.
void thread_pool_core::refuse_queued(shared_state& at) noexcept {
    while (thread_job* const refused = at.queue.pop_front()) {
        --at.queued;
        refused->now = thread_job::stage::refused;
        refused->caller->tell();
    }
    tell_joiners(at);
}

// Requires: the mutex.
void thread_pool_core::tell_idle(shared_state& at) noexcept {
    while (pool_worker* const idle = at.idle_workers.pop_front()) {
        --at.idle;
        idle->tell();
    }
}

// Requires: the mutex.
void thread_pool_core::refuse_work(shared_state& at) noexcept {
    at.closed = true;
    refuse_queued(at);
    while (at.mutex.take_first(at.room_seekers) != nullptr) {}
    tell_idle(at);
}

// Who waits for a job that has not begun goes on waiting: the process ends around it.
void thread_pool_core::stop() noexcept {
    shared_state& at = here();
    lock const entered = at.mutex.enter();
    at.closed = true;
    at.on_their_own = true;
    tell_idle(at);
}

bool thread_pool_core::close_until(deadline limit) {
    TENDRIL_REQUIRE(
        !is_mine(), "a job closes its own pool: it would wait for itself; let its caller close it");
    check_shared_interruption();
    shared_state& at = here();
    maybe_under_way const count;
    {
        lock entered = at.mutex.enter();
        refuse_work(at);
        shared_place mine;
        if (at.threads != 0 && !at.mutex.wait(entered, at.closers, mine, limit)) {
            return false;
        }
    }
    join_ended(at);
    return true;
}

void thread_pool_core::close_for_good() noexcept {
    if (made_in_ != present_process()) {
        return;
    }
    if (may_park_here()) {
        interruption_shield const shield;
        close_until(deadline::never());
        return;
    }
    TENDRIL_ASSERT(!is_mine(), "a job destroys its own pool, which would wait for it for ever");
    shared_state& at = here();
    {
        lock entered = at.mutex.enter();
        refuse_work(at);
        at.thread_ended.wait(entered, [&] { return at.threads == 0; });
    }
    join_ended(at);
}

// What is left of a thread is the destruction of what is local to it. One is taken out at a time,
// so that the list keeps its room: a thread that ends cannot ask for memory.
void thread_pool_core::join_ended(shared_state& at) noexcept {
    while (true) {
        lock entered = at.mutex.enter();
        if (at.ended.empty()) {
            return;
        }
        pthread_t const last = at.ended.back();
        at.ended.pop_back();
        entered.unlock();
        ::pthread_join(last, nullptr);
    }
}

bool thread_pool_core::closed() {
    shared_state& at = here();
    lock const entered = at.mutex.enter();
    return at.closed;
}

std::ptrdiff_t thread_pool_core::maximum_size() {
    shared_state& at = here();
    lock const entered = at.mutex.enter();
    return at.maximum;
}

thread_pool_statistics thread_pool_core::statistics() {
    shared_state& at = here();
    lock const entered = at.mutex.enter();
    return {
        .threads = at.threads,
        .idle = at.idle,
        .queued = at.queued,
        .running = at.running,
        .admitted = at.admitted,
        .completed = at.completed,
    };
}

void check_before_job() { check_shared_interruption(); }

void wait_for_job(thread_pool_core& pool, thread_job& job) { pool.run(job); }

}  // namespace detail

namespace {

void require_threads(std::ptrdiff_t maximum) {
    TENDRIL_REQUIRE(maximum >= 1, "a thread_pool must be allowed one thread at least");
}

}  // namespace

thread_pool::thread_pool(thread_pool_options options) {
    require_threads(options.maximum_size);
    core_ = std::make_shared<detail::thread_pool_core>(std::move(options));
}

thread_pool::~thread_pool() { core_->close_for_good(); }

detail::pool_room thread_pool::wait_for_room() {
    core_->wait_for_room();
    return detail::pool_room{core_};
}

std::optional<detail::pool_room> thread_pool::take_room() {
    return core_->take_room() ? std::optional<detail::pool_room>{std::in_place, core_}
                              : std::nullopt;
}

bool thread_pool::join_until(deadline limit) { return core_->join_until(limit); }
bool thread_pool::close_until(deadline limit) { return core_->close_until(limit); }
bool thread_pool::closed() const { return core_->closed(); }
std::ptrdiff_t thread_pool::maximum_size() const { return core_->maximum_size(); }

void thread_pool::set_maximum_size(std::ptrdiff_t maximum) {
    require_threads(maximum);
    core_->set_maximum_size(maximum);
}

thread_pool_statistics thread_pool::statistics() const { return core_->statistics(); }

}  // namespace tendril
