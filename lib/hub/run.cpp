// SPDX-License-Identifier: BSL-1.0
//
// Where a thread's hub comes from: from `run`, or from the first call that needs one. And how main
// lets the others run.
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/run.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>

#include <memory>
#include <utility>

namespace tendril {
namespace {

// The hub that this thread has made by itself, or null. It ends with the thread.
constinit thread_local hub* own_hub = nullptr;

void close_own_hub() noexcept {
    hub* const made = std::exchange(own_hub, nullptr);
    // When exit() was called on a greenlet's stack, that cannot be unwound from here.
    if (made != nullptr && made->thread().current == made->thread().main) {
        delete made;
    }
}

// Main's own wait, which the hub finds in one of its words while it lasts.
class main_waiter final : public waiter {
public:
    main_waiter(char const* what, waiter*& place) : waiter{what}, place_{place} { place_ = this; }
    ~main_waiter() { place_ = nullptr; }

private:
    waiter*& place_;
};

}  // namespace

void hub::require_main(char const* refusal) const {
    require_usable();
    TENDRIL_REQUIRE(!embedded_, "an embedded hub runs while the program runs its io_context");
    TENDRIL_REQUIRE(thread_.current == main_ && runner_ == nullptr && joiner_ == nullptr, refusal);
}

void hub::run_forever() {
    require_main(
        "run_forever() and run_until_complete() are for the main greenlet, once at a time: let a "
        "task wait for what it needs instead");
    main_waiter me{"stop()", runner_};
    scope_exit const used_up{[this] { stop_wanted_ = false; }};
    callback_handle one_turn;
    scope_exit const not_later{[&] { one_turn.cancel(); }};
    if (stop_wanted_) {
        one_turn = call_soon([this] { stop(); });
    }
    me.park();
}

void hub::stop() {
    require_usable();
    stop_wanted_ = true;
    if (runner_ != nullptr) {
        runner_->wake();
    }
}

bool hub::join_until(deadline limit) {
    require_main(
        "join() is for the main greenlet, once at a time: no other can be the last one left");
    check_interruption();
    main_waiter me{"everybody else", joiner_};
    return me.park_until(limit, reference::unreferenced);
}

void hub::thread_ends() noexcept {
    if (own_hub == this) {
        close_own_hub();
    }
}

namespace detail {

hub& make_this_hub() {
    // The record is made before the hub: at the end of the thread the hub goes first.
    static_cast<void>(this_thread());
    // An earlier one has closed, or it would be found.
    delete std::exchange(own_hub, nullptr);
    own_hub = new hub;
    call_at_thread_end(&close_own_hub);
    return *own_hub;
}

run_scope::run_scope(hub_options const* options) {
    // Here too the record is made first.
    thread_record& thread = this_thread();
    hub* const present = hub::of(thread);
    bool const implicit = present != nullptr && own_hub == present;
    TENDRIL_REQUIRE(
        present == nullptr || (implicit && present->caller_may_close()),
        "run() inside run(): this thread has a hub and a main greenlet already; spawn a task "
        "instead");
    TENDRIL_REQUIRE(
        options == nullptr || !implicit,
        "run() with options, but this thread has made its hub already: call run() before anything "
        "that needs a hub");
    if (implicit) {
        own_.reset(std::exchange(own_hub, nullptr));
    } else {
        own_ = options == nullptr ? std::make_unique<hub>() : std::make_unique<hub>(*options);
    }
    own_->main_ = thread.current;
}

run_scope::~run_scope() = default;

}  // namespace detail
}  // namespace tendril
