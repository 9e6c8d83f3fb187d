// SPDX-License-Identifier: BSL-1.0
//
// The threads of a pool.
//
// Invariants:
// 1. A job leaves the queue once, behind the mutex: taken by a worker, taken back by its caller, or
//    refused by whoever closes. Whoever takes it out has won.
// 2. A worker tells the caller behind the mutex that the job has ended. The caller goes on when the
//    worker has said that it is done with the frame, and with the mailbox of the caller's hub; if
//    it has not said so yet, the caller takes the mutex once more.
// 3. There are fewer threads than jobs only if there are as many as allowed, or the system gives
//    none. A thread that decides to end is not counted any more from that moment.
// 4. A thread that ends puts itself among `ended` as its last act behind the mutex; whoever closes
//    joins those. So nothing of a thread is left when the pool is destroyed.
// 5. In the child of a fork nothing of the parent's is touched: whoever comes first makes the
//    state anew, and a thread that was in a job when it forked goes nowhere after it.
#include "thread_pool_core.hpp"

#include <tendril/support/scope_exit.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <new>

namespace tendril {
namespace detail {
namespace {

// How many forks lie between the first process and this one. Not `forks_until_now()`: a pool may be
// used where there are no greenlets, and their count begins with the first.
std::atomic<unsigned> forks_of_process{0};
std::atomic_flag making_anew = ATOMIC_FLAG_INIT;

thread_local thread_job const* job_of_this_thread = nullptr;

void count_fork() noexcept {
    forks_of_process.fetch_add(1);
    making_anew.clear();
}

void hear_of_forks() {
    static int const failure = ::pthread_atfork(nullptr, nullptr, &count_fork);
    if (failure != 0) {
        throw std::bad_alloc{};
    }
}

// While it lives, this thread takes no signals, and threads that it makes never do.
class without_signals {
public:
    without_signals() noexcept {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &previous_);
    }
    without_signals(without_signals const&) = delete;
    without_signals& operator=(without_signals const&) = delete;
    ~without_signals() { ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }

private:
    sigset_t previous_;
};

timespec timespec_of(std::optional<std::chrono::nanoseconds> duration) noexcept {
    timespec result{};
    if (duration) {
        auto const whole = std::chrono::floor<std::chrono::seconds>(*duration);
        result.tv_sec = static_cast<std::time_t>(whole.count());
        result.tv_nsec = static_cast<long>((*duration - whole).count());
    }
    return result;
}

}  // namespace

std::atomic<thread_maker> make_pool_thread{&::pthread_create};

thread_local thread_pool_core const* thread_pool_core::of_this_thread_ = nullptr;

thread_pool_core::thread_pool_core(thread_pool_options options)
    : options_{std::move(options)},
      made_in_{present_process()},
      idle_limit_{timespec_of(options_.idle_time)},
      state_{options_.maximum_size} {
    hear_of_forks();
}

// What a parent has left stays as it is: its threads are not here, and its mutex may be locked.
thread_pool_core::~thread_pool_core() {
    if (made_in_ == present_process()) {
        state_.~shared_state();
    }
}

unsigned thread_pool_core::present_process() noexcept {
    return forks_of_process.load(std::memory_order_relaxed);
}

void thread_pool_core::make_anew() noexcept {
    while (making_anew.test_and_set(std::memory_order_acquire)) {}
    if (made_in_ != present_process()) {
        std::ptrdiff_t const maximum = state_.maximum;
        bool const closed = state_.closed;
        left_behind_ = state_.ended.data();
        ::new (static_cast<void*>(&state_)) shared_state{maximum};
        state_.closed = closed;
        made_in_.store(present_process(), std::memory_order_release);
    }
    making_anew.clear(std::memory_order_release);
}

// Returns what the system says, zero for a thread.
int thread_pool_core::start_thread(shared_state& at) noexcept {
    try {
        at.ended.reserve(at.ended.size() + at.threads + 1);
    } catch (std::bad_alloc const&) {
        return ENOMEM;
    }
    without_signals const until_made;
    pthread_t made;
    int const failure = make_pool_thread.load()(&made, nullptr, &run_thread, this);
    if (failure == 0) {
        ++at.threads;
    }
    return failure;
}

void* thread_pool_core::run_thread(void* core) {
    auto& mine = *static_cast<thread_pool_core*>(core);
    of_this_thread_ = &mine;
    ::pthread_setname_np(::pthread_self(), mine.options_.name.substr(0, 15).c_str());
    mine.work(mine.state_);
    return nullptr;
}

void thread_pool_core::work(shared_state& at) {
    unsigned const born_in = present_process();
    bool unwound = true;
    scope_exit const count_out{[&] {
        if (unwound && born_in == present_process()) {
            retire_unwound(at);
        }
    }};
    // Those that ended before, whom nobody else may have the time to wait for.
    join_ended(at);
    pool_worker me;
    lock entered = at.mutex.enter();
    while (thread_job* const job = next(at, entered, me)) {
        perform(at, entered, *job);
        if (born_in != present_process()) {
            // The mutex that it does not hold any more is not there any more.
            break;
        }
    }
    unwound = false;
}

// Returns null when the thread is to end, and is not counted any more. Requires: the mutex; leaves
// it, unless it returns null.
thread_job* thread_pool_core::next(shared_state& at, lock& entered, pool_worker& me) {
    while (static_cast<std::ptrdiff_t>(at.threads) <= at.maximum && !at.on_their_own) {
        if (thread_job* const queued = at.queue.pop_front()) {
            --at.queued;
            begin(at, *queued);
            entered.unlock();
            return queued;
        }
        if (at.closed) {
            break;
        }
        if (thread_job* const given = wait_for_work(at, entered, me)) {
            return given;
        }
        if (me.linked()) {
            // It has waited long enough.
            me.unlink();
            --at.idle;
            break;
        }
    }
    retire(at);
    return nullptr;
}

// Requires: the mutex; leaves it when it returns a job.
thread_job* thread_pool_core::wait_for_work(shared_state& at, lock& entered, pool_worker& me) {
    me.given = nullptr;
    // Whoever came last is woken first: it is warm, and the others may reach their limit.
    at.idle_workers.push_front(me);
    ++at.idle;
    entered.unlock();
    if (!me.wait(options_.idle_time ? &idle_limit_ : nullptr)) {
        entered.lock();
        if (me.linked()) {
            return nullptr;
        }
        entered.unlock();
        static_cast<void>(me.wait(nullptr));
    }
    if (me.given == nullptr) {
        entered.lock();
    }
    return me.given;
}

// Requires: the mutex.
void thread_pool_core::begin(shared_state& at, thread_job& job) noexcept {
    ++at.running;
    job.now = thread_job::stage::running;
}

// The job ends also when what it calls ends the thread.
void thread_pool_core::perform(shared_state& at, lock& entered, thread_job& job) {
    unsigned const begun_in = present_process();
    scope_exit const over{[&] {
        job_of_this_thread = nullptr;
        if (begun_in == present_process()) {
            end(at, entered, job);
        }
    }};
    job_of_this_thread = &job;
    if (job.context.get() == nullptr) [[likely]] {
        job.call();
        return;
    }
    set_context(greenlet::current(), job.context);
    scope_exit const carry_nothing{[] { set_context(greenlet::current(), {}); }};
    job.call();
}

// Leaves the mutex locked.
void thread_pool_core::end(shared_state& at, lock& entered, thread_job& job) noexcept {
    entered.lock();
    --at.running;
    ++at.completed;
    tell_joiners(at);
    if (job.caller != nullptr) {
        job.now = thread_job::stage::ended;
        job.caller->tell();
        return;
    }
    entered.unlock();
    job.drop();
    entered.lock();
}

// Requires: the mutex.
void thread_pool_core::retire(shared_state& at) noexcept {
    --at.threads;
    if (at.on_their_own) {
        ::pthread_detach(::pthread_self());
    } else {
        at.ended.push_back(::pthread_self());
    }
    if (at.threads == 0) {
        at.thread_ended.notify_all();
        while (at.mutex.take_first(at.closers) != nullptr) {}
    }
}

// The job has ended its thread, so another one must go on with what is queued.
void thread_pool_core::retire_unwound(shared_state& at) noexcept {
    lock const entered = at.mutex.enter();
    retire(at);
    if (at.queued > 0) {
        static_cast<void>(start_thread(at));
        if (at.threads == 0) {
            refuse_queued(at);
        }
    }
}

bool runs_on(thread_pool_core const& pool) noexcept { return pool.is_mine(); }

}  // namespace detail

bool job_cancelled() noexcept {
    return detail::job_of_this_thread != nullptr &&
        detail::job_of_this_thread->caller_wants_to_leave.load(std::memory_order_relaxed);
}

}  // namespace tendril
