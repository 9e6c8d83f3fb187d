// SPDX-License-Identifier: BSL-1.0
//
// Waiting goes through shared_core (sync/shared.cpp), which has one winner for each wait.
//
// Invariants:
// 1. A future leaves `pending` once, behind the mutex, and in the same hold all its readers are
//    told and all its links posted. So links of one hub keep their order, also with those that are
//    added later.
// 2. Value and error do not change after that: who has seen the end behind the mutex, or was told
//    of it, reads them without.
// 3. No user code runs behind the mutex but the move of the value: links whose hub has closed are
//    destroyed after it.
#include <tendril/hub/hub.hpp>
#include <tendril/hub/remote.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/task/shared_future.hpp>
#include <tendril/task/when_done.hpp>

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace tendril::detail {

// A function on its way to the hub that has added it.
class shared_link final : public letter {
public:
    using kind = shared_future_core::link_kind;

    shared_link(hub& home, unique_function<void()> function, kind does)
        : home_{&home.thread()},
          door_{home.remote()},
          function_{std::move(function)},
          kind_{does} {}
    ~shared_link() = default;

    // Its number among the links of its future. Guarded by the mutex of that.
    std::uint64_t number = 0;

    // Lets its hub call it, which owns it from then on. Otherwise it stays the caller's.
    static void send(std::unique_ptr<shared_link>& link) noexcept {
        // A door of its own: the hub may have called and destroyed the link before `post` is over.
        remote const door = link->door_;
        shared_link* const sent = link.release();
        if (!door.post(*sent)) {
            link.reset(sent);
        }
    }

    // Whether the calling thread may let it wake somebody now.
    bool wakes_here() const noexcept {
        return kind_ == kind::wakes && this_thread_record == home_ && hub::of(*home_) != nullptr;
    }
    void wake_here() { function_(); }

private:
    void open() override {
        std::unique_ptr<shared_link> const until_called{this};
        function_();
    }
    void discard() noexcept override { delete this; }

    thread_record* home_;
    remote door_;
    unique_function<void()> function_;
    kind kind_;
};

shared_future_core::shared_future_core(char const* what) : core_{"shared_future"}, what_{what} {}

shared_future_core::~shared_future_core() { settled_.report_uncollected(what_); }

settlement::stage shared_future_core::how() const {
    auto const entered = enter();
    return settled_.how();
}

bool shared_future_core::wait_until(deadline limit) {
    check_shared_interruption();
    auto entered = enter();
    shared_place mine;
    return settled_.done() || core_.wait(entered, readers_, mine, limit);
}

void shared_future_core::rethrow_failure() {
    {
        auto const entered = enter();
        settled_.mark_collected();
    }
    settled_.rethrow(what_);
}

std::exception_ptr shared_future_core::collect_error() {
    {
        auto const entered = enter();
        if (!settled_.done()) {
            return nullptr;
        }
        settled_.mark_collected();
    }
    return settled_.error(what_);
}

void shared_future_core::fulfil(shared_core::lock& entered) noexcept {
    settled_.fulfil();
    tell_readers(entered);
}

bool shared_future_core::try_fail(std::exception_ptr error) {
    TENDRIL_REQUIRE(error != nullptr, "set_exception() needs an exception, not a null pointer");
    auto entered = enter();
    if (settled_.done()) {
        return false;
    }
    settled_.fail(std::move(error));
    tell_readers(entered);
    return true;
}

bool shared_future_core::cancel() {
    auto entered = enter();
    settled_.mark_collected();
    if (settled_.done()) {
        return false;
    }
    settled_.cancel();
    tell_readers(entered);
    return true;
}

void shared_future_core::lose_last_promise() noexcept {
    auto entered = enter();
    if (!settled_.done()) {
        settled_.break_off();
        tell_readers(entered);
    }
}

void shared_future_core::tell_readers(shared_core::lock& entered) noexcept {
    while (core_.take_first(readers_) != nullptr) {}
    links left = std::exchange(links_, {});
    for (auto& each : left) {
        if (!each->wakes_here()) {
            shared_link::send(each);
        }
    }
    entered.unlock();
    // What is given is there before an interruption that comes later in this turn.
    for (auto const& each : left) {
        if (each != nullptr && each->wakes_here()) {
            each->wake_here();
        }
    }
}

std::uint64_t shared_future_core::add_link(unique_function<void()> link, link_kind kind) {
    hub* const here = hub::of(this_thread());
    TENDRIL_REQUIRE(
        here != nullptr,
        "on_done() on a thread without a hub, where nobody would call the link: "
        "wait for the future there");
    auto made = std::make_unique<shared_link>(*here, std::move(link), kind);
    auto const entered = enter();
    std::uint64_t const number = ++links_added_;
    made->number = number;
    if (settled_.done()) {
        shared_link::send(made);
    } else {
        links_.push_back(std::move(made));
    }
    return number;
}

void shared_future_core::remove_link(std::uint64_t number) noexcept {
    std::unique_ptr<shared_link> removed;
    auto const entered = enter();
    auto const found = std::find_if(
        links_.begin(), links_.end(), [&](auto const& each) { return each->number == number; });
    if (found != links_.end()) {
        removed = std::move(*found);
        links_.erase(found);
    }
}

void shared_watch::begin(shared_future_core& watched, waiter& whole) {
    watched_ = &watched;
    process_ = ::getpid();
    told_ = std::make_shared<told>(whole);
    link_ = watched.add_link(
        [weak = std::weak_ptr{told_}] {
            if (auto const still_there = weak.lock(); still_there && !still_there->left) {
                still_there->part.wake();
            }
        },
        shared_future_core::link_kind::wakes);
}

// In the child of a fork the mutex may be locked by a thread that is not there.
void shared_watch::leave() noexcept {
    if (told_ != nullptr && !std::exchange(told_->left, true) && process_ == ::getpid()) {
        watched_->remove_link(link_);
    }
}

}  // namespace tendril::detail
