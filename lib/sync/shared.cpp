// SPDX-License-Identifier: BSL-1.0
//
// How a wait between threads ends exactly once.
//
// Actors: the one who waits, on its thread; whoever has something to give, on any thread; and on
// the waiter's thread its limit, an interruption, and the end of its hub. The place in the queue is
// the state, and the mutex of the primitive guards it:
//
//     in the queue         waits
//     taken out by giver   has been given what it waits for, and will be told
//     taken out by itself  has given up: `withdraw`, or the end of a blocked thread's limit
//
// Invariants:
// 1. A place leaves the queue once, behind the mutex. Whoever takes it out has won; who comes later
//    finds it gone and does nothing.
// 2. The giver tells behind the same hold of the mutex. So when a giver has won, the letter is in
//    the mailbox of the waiter's hub before anybody can see that.
// 3. The letter takes the mutex once more before it wakes the greenlet, and so does a blocked
//    thread. So the giver is done with the frame, the mailbox and the primitive when the wait
//    returns. On the waiter's own thread nobody can be in the middle, and no letter is needed.
// 4. A greenlet that gave up too late is told all the same: its park ends with the letter and not
//    before, what it was given is its own, and the interruption stays pending.
// 5. No user code runs behind the mutex but moves of items, and no other lock is taken there.
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/remote.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/error.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/sync/wait_queue.hpp>

#include <condition_variable>
#include <limits>
#include <system_error>
#include <thread>

namespace tendril {
namespace detail {

// The one who waits, as whoever takes out its place sees it.
class shared_sleeper {
public:
    shared_sleeper(shared_sleeper const&) = delete;
    shared_sleeper& operator=(shared_sleeper const&) = delete;

    // Lets it go on. Returns false when it can never go on any more. Requires: the mutex.
    virtual bool tell() noexcept = 0;

    // Takes a place in the queue. Requires: the mutex.
    void enter(shared_places& queue) noexcept {
        mine_.whose_ = this;
        queue.push_back(mine_);
        ++core_.present_;
    }

protected:
    shared_sleeper(shared_core& core, shared_place& mine) noexcept : core_{core}, mine_{mine} {}
    ~shared_sleeper() = default;

    shared_core::lock take_mutex() const noexcept { return shared_core::lock{core_.mutex_}; }
    bool in_queue() const noexcept { return mine_.linked(); }

    // Is gone, as far as the primitive knows. Requires: the mutex.
    void leave() noexcept {
        mine_.unlink();
        --core_.present_;
    }

private:
    shared_core& core_;
    shared_place& mine_;
};

namespace {

// A greenlet, which parks.
class shared_parker final : public waiter, private letter, public shared_sleeper {
public:
    shared_parker(shared_core& core, shared_place& mine)
        : waiter{"what another thread may give"},
          shared_sleeper{core, mine},
          door_{home().remote()},
          thread_{std::this_thread::get_id()} {
        home().require_may_park();
    }
    ~shared_parker() = default;

    bool tell() noexcept override {
        if (std::this_thread::get_id() != thread_) {
            return door_.post(*this);
        }
        leave();
        return wake();
    }

    // An interruption that comes after the giver must wait for the letter: invariant 4.
    void park_until_told() { park_operation(); }

private:
    void open() override {
        leave_late();
        wake();
    }

    // The hub has ended without this greenlet, whose frame stays for ever, but not its door.
    void discard() noexcept override {
        leave_late();
        door_ = {};
    }

    void leave_late() noexcept {
        auto const entered = take_mutex();
        leave();
    }

    bool withdraw() noexcept override {
        {
            auto const entered = take_mutex();
            if (!in_queue()) {
                return false;
            }
            leave();
        }
        door_ = {};
        return true;
    }

    remote door_;
    std::thread::id const thread_;
};

// A thread without a hub, which blocks.
class shared_blocker final : public shared_sleeper {
public:
    shared_blocker(shared_core& core, shared_place& mine) noexcept : shared_sleeper{core, mine} {}

    bool tell() noexcept override {
        told_.notify_one();
        return true;
    }

    bool block(shared_core::lock& entered, deadline limit) {
        auto const is_told = [this] { return !in_queue(); };
        bool in_time = true;
        if (limit.is_never()) {
            told_.wait(entered, is_told);
        } else {
            in_time = told_.wait_until(entered, limit.moment(), is_told);
        }
        leave();
        return in_time;
    }

private:
    std::condition_variable told_;
};

bool has_hub() { return this_thread().loop != nullptr; }

}  // namespace

shared_core::~shared_core() {
    lock const entered{mutex_};
    if (present_ != 0) {
        destroyed_while_in_use(what_);
    }
}

bool shared_core::wait(lock& entered, shared_places& queue, shared_place& mine, deadline limit) {
    if (!has_hub()) {
        shared_blocker me{*this, mine};
        me.enter(queue);
        return me.block(entered, limit);
    }
    // All that may fail comes before the place in the queue.
    shared_parker me{*this, mine};
    park_limit const alarm{me, limit};
    me.enter(queue);
    entered.unlock();
    me.park_until_told();
    return me.settled() == waiter::outcome::woken;
}

shared_place* shared_core::take_first(shared_places& queue) noexcept {
    for (shared_place& each : queue) {
        // One whose hub takes no letters any more stays, until it leaves by itself.
        if (each.whose_->tell()) {
            each.unlink();
            return &each;
        }
    }
    return nullptr;
}

void check_shared_interruption() {
    if (has_hub()) {
        check_interruption();
    }
}

void throw_shared_closed() {
    throw std::system_error{make_error_code(errc::closed), "tendril: shared_queue"};
}

}  // namespace detail

void shared_event::set() {
    auto const entered = core_.enter();
    set_ = true;
    while (core_.take_first(waiting_) != nullptr) {}
}

void shared_event::reset() {
    auto const entered = core_.enter();
    set_ = false;
}

bool shared_event::is_set() const {
    auto const entered = core_.enter();
    return set_;
}

bool shared_event::wait_until(deadline limit) {
    detail::check_shared_interruption();
    auto entered = core_.enter();
    detail::shared_place mine;
    return set_ || core_.wait(entered, waiting_, mine, limit);
}

shared_semaphore::shared_semaphore(std::ptrdiff_t permits)
    : core_{"shared_semaphore"},
      permits_{permits} {
    TENDRIL_REQUIRE(permits >= 0, "a semaphore cannot start with a negative number of permits");
}

void shared_semaphore::release(std::ptrdiff_t permits) {
    TENDRIL_REQUIRE(permits >= 0, "release() of a negative number of permits");
    auto const entered = core_.enter();
    TENDRIL_REQUIRE(
        permits <= std::numeric_limits<std::ptrdiff_t>::max() - permits_,
        "release() of more permits than a semaphore can count: every release needs an acquire "
        "before it");
    for (; permits > 0 && core_.take_first(waiting_) != nullptr; --permits) {}
    permits_ += permits;
}

bool shared_semaphore::try_acquire() {
    auto const entered = core_.enter();
    return try_acquire_entered();
}

bool shared_semaphore::try_acquire_entered() noexcept {
    if (permits_ == 0) {
        return false;
    }
    --permits_;
    return true;
}

bool shared_semaphore::try_acquire_until(deadline limit) {
    detail::check_shared_interruption();
    auto entered = core_.enter();
    detail::shared_place mine;
    return try_acquire_entered() || core_.wait(entered, waiting_, mine, limit);
}

std::ptrdiff_t shared_semaphore::available() const {
    auto const entered = core_.enter();
    return permits_;
}

}  // namespace tendril
