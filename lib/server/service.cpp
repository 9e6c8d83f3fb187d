// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. A permit is taken before anything is accepted. It belongs to the `served` object as soon as
//    there is one, and is given back with it, whether its task ran, failed, or was ended before its
//    first turn.
// 2. What is served is in the list exactly as long as its object exists. In the child of a fork
//    those whose tasks are gone are objects that nobody destroys, and leave the list at the first
//    call.
#include "service.hpp"

#include <tendril/greenlet/greenlet.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/time/sleep.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <new>

namespace tendril::detail {
namespace {

// After they are told to exit, handlers get this long to clean up.
constexpr auto time_to_unwind = std::chrono::seconds{1};

std::ptrdiff_t permits_for(std::size_t limit) noexcept {
    constexpr auto most = std::numeric_limits<std::ptrdiff_t>::max();
    bool const unlimited = limit == 0 || limit > static_cast<std::size_t>(most);
    return unlimited ? most : static_cast<std::ptrdiff_t>(limit);
}

// A handler that stops its server does not wait for itself, and does not end itself.
bool is_caller(served const& each) noexcept {
    return each.served_by.valid() && each.served_by.id() == greenlet::current().id();
}

}  // namespace

served::served(std::shared_ptr<service> by) noexcept : owner{std::move(by)} {
    owner->has_served_ = true;
    owner->all_.push_back(*this);
    ++owner->at_work_;
}

served::~served() {
    unlink();
    --owner->at_work_;
    owner->permits_.release();
    owner->one_gone_.set();
}

// Belongs to the task that accepts. When that is ended from outside, before its first turn perhaps,
// nobody shall wait in vain to be accepted.
struct end_of_acceptor {
    end_of_acceptor(std::shared_ptr<service> of_whom, std::uint64_t number) noexcept
        : of{std::move(of_whom)},
          start{number} {}
    end_of_acceptor(end_of_acceptor&&) noexcept = default;
    ~end_of_acceptor() {
        if (of != nullptr && of->starts_ == start) {
            of->close_listening();
        }
    }

    std::shared_ptr<service> of;
    std::uint64_t start;
};

service::service(std::string called, std::size_t most_at_once, accept_pauses pauses)
    : name{std::move(called)},
      most_at_once_{most_at_once},
      accepting_{name, pauses},
      permits_{permits_for(most_at_once)} {}

// The beginning.

// Returns whether there is something to do.
bool service::enter_start() {
    require_own_thread();
    if (running()) {
        return false;
    }
    // It ran in a hub that has gone.
    enter_stopped_from(service_stage::running);
    TENDRIL_REQUIRE(
        stage_ == service_stage::stopped,
        "start() while another start() or a stop() is under way: wait for it");
    stage_ = service_stage::starting;
    ++runs_;
    // Whoever still waits in a stop waits no more: what is served from now on is none of its own.
    one_gone_.set();
    scope_exit fail{[&] { enter_stopped_from(service_stage::starting); }};
    home_.emplace(this_hub());
    fail.dismiss();
    return true;
}

void service::require_still_starting(std::uint64_t run) const {
    if (stage_ != service_stage::starting || runs_ != run) {
        throw system_error{io_error(errc::closed), "the server was stopped while it started"};
    }
}

// Another start may have come after the stop that this one fails for.
void service::fail_start(std::uint64_t run) noexcept {
    if (runs_ == run) {
        close_listening();
        enter_stopped_from(service_stage::starting);
    }
}

void service::begin_to_accept() {
    stopped_.reset();
    acceptor_ = spawn(
        {.name = "acceptor", .where = {}},
        [own = end_of_acceptor{shared_from_this(), starts_ + 1}] {
            service& my = *own.of;
            my.accepting_.run([&my](error_code& error) { my.accept_one(error); });
        });
    // Not before: one that could not be spawned closes nothing.
    ++starts_;
    paused_ = false;
}

void service::require_own_thread() {
    if (is_of_parent()) {
        follow_fork();
    }
    if (!home_) {
        home_.emplace(this_hub());
    }
    home_->require_own_thread("this server belongs to another thread: post to its hub");
}

// Pausing.

// Another start may put another task in its place while this waits.
void service::end_acceptor() {
    if (task<void> const ending = acceptor_; ending.valid()) {
        ending.cancel();
        ending.join();
    }
}

void service::stop_accepting() {
    require_own_thread();
    TENDRIL_REQUIRE(
        running(), "stop_accepting() of a server that does not run: call start() first");
    paused_ = true;
    // The acceptor that ends here leaves the listener open.
    ++starts_;
    end_acceptor();
}

void service::start_accepting() {
    require_own_thread();
    TENDRIL_REQUIRE(
        running(), "start_accepting() of a server that does not run: call start() first");
    if (!paused_) {
        return;
    }
    // One whose end was not waited for may still be there.
    end_acceptor();
    if (paused_ && running()) {
        begin_to_accept();
    }
}

void service::give_up() noexcept {
    close_listening();
    enter_stopped_from(service_stage::running);
}

// The end.

void service::wait_until_stopped() {
    scope_exit stop_when_interrupted{[&] { stop_at_once(); }};
    stopped_.wait();
    stop_when_interrupted.dismiss();
}

bool service::stop(deadline limit) {
    if (home_) {
        home_->require_own_thread(
            "this server belongs to another thread: post to its hub, and stop it there");
    }
    if (is_of_parent()) {
        follow_fork();
    }
    close_listening();
    stage_ = service_stage::stopping;
    std::uint64_t const run = runs_;
    std::uint64_t const before = kills_;
    scope_exit when_interrupted{[&] {
        if (runs_ == run) {
            end_handlers();
            finish_stop();
        }
    }};
    end_acceptor();
    bool const in_time = end_run(run, limit);
    when_interrupted.dismiss();
    // Another stop, with less patience, may have ended some.
    return in_time && kills_ == before;
}

// Another stop may end before, and the server be started again: then there is nothing left to do.
bool service::end_run(std::uint64_t run, deadline limit) {
    if (runs_ != run) {
        return false;
    }
    tell_handlers();
    std::size_t const spared = handlers_of_caller();
    bool const in_time = wait_until_left(spared, limit, run);
    if (!in_time && runs_ == run) {
        end_handlers();
        wait_until_left(spared, deadline::after(time_to_unwind), run);
    }
    if (runs_ == run) {
        finish_stop();
    }
    return in_time;
}

// Another one may have ended before.
void service::finish_stop() noexcept {
    if (stage_ == service_stage::stopping) {
        // A handler that has stopped its own server goes on.
        has_served_ = handlers_of_caller() > 0;
        close_rest();
        enter_stopped_from(service_stage::stopping);
    }
}

void service::end_with_its_object(char const* what) {
    if (home_) {
        home_->require_own_thread_to_destroy(what);
    }
    if (is_of_parent()) {
        follow_fork();
        close_listening();
    }
    if (stage_ != service_stage::stopped || has_served_) {
        stop_at_once();
    }
}

// Stops where nothing may be thrown: at the end of a scope. What is requested for the greenlet is
// delivered later, so whoever is interrupted again does not leave the server half stopped. The
// moment is no present one: that would look at the hub's clock, and the hub may be gone.
void service::stop_at_once() {
    hub* const here = hub::of(this_thread());
    if (here != nullptr && !here->may_park()) {
        begin_end();
        return;
    }
    interruption_shield const until_stopped;
    try {
        stop(deadline::at(time_point::min()));
    } catch (std::bad_alloc const&) {
        wait_without_memory();
    }
}

// For a callback of the hub, where nobody may wait.
void service::begin_end() {
    close_listening();
    stage_ = service_stage::stopping;
    if (acceptor_.valid()) {
        acceptor_.cancel();
    }
    end_handlers();
    finish_stop();
}

// The handlers were ended, and a wait with a limit needs memory. They get some turns to unwind.
void service::wait_without_memory() noexcept {
    constexpr int turns_to_unwind = 100;
    try {
        std::size_t const spared = handlers_of_caller();
        for (int turn = 0; turn < turns_to_unwind && at_work_ > spared; ++turn) {
            yield();
        }
    } catch (std::bad_alloc const&) {
        // Then they end by themselves.
    }
}

// Does nothing when somebody else has changed the stage meanwhile.
void service::enter_stopped_from(service_stage present) noexcept {
    if (stage_ == present) {
        stage_ = service_stage::stopped;
        paused_ = false;
        stopped_.set();
    }
}

// Waits until no more than `number` are at work, or another run has begun. Returns whether it has
// come to the first in time.
bool service::wait_until_left(std::size_t number, deadline limit, std::uint64_t run) {
    while (at_work_ > number && runs_ == run) {
        one_gone_.reset();
        if (!one_gone_.wait_until(limit)) {
            return false;
        }
    }
    return at_work_ <= number;
}

std::size_t service::handlers_of_caller() {
    return static_cast<std::size_t>(std::count_if(all_.begin(), all_.end(), is_caller));
}

void service::tell_handlers() noexcept {
    for (served& each : all_) {
        if (!is_caller(each)) {
            tell_of_stop(each);
        }
    }
}

void service::end_handlers() {
    for (served& each : all_) {
        if (!is_caller(each)) {
            ++kills_;
            each.served_by.kill();
        }
    }
}

// In the child of a fork all tasks are gone, but for the caller's; what they held is taken back.
// The listener goes on. Connections are closed here, which their peers and the parent do not
// notice: otherwise they would not end when the parent ends them.
void service::follow_fork() {
    forks_ = forks_until_now();
    has_served_ = false;
    acceptor_ = {};
    for (auto at = all_.begin(); at != all_.end();) {
        served& each = *at;
        ++at;
        if (!is_caller(each)) {
            leave_to_parent(each);
            each.unlink();
            --at_work_;
        }
    }
    auto const left = static_cast<std::ptrdiff_t>(at_work_);
    permits_.release(permits_for(most_at_once_) - left - permits_.available());
    follow_fork_too();
    enter_stopped_from(stage_);
}

}  // namespace tendril::detail
