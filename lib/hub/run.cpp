// SPDX-License-Identifier: BSL-1.0
//
// Where a thread's hub comes from: from `run`, or from the first call that needs one.
#include <tendril/hub/hub.hpp>
#include <tendril/hub/run.hpp>
#include <tendril/support/assert.hpp>

#include <memory>
#include <utility>

namespace tendril {
namespace {

// The hub that a thread has made by itself. It ends with the thread.
struct implicit_hub {
    std::unique_ptr<hub> made;

    ~implicit_hub() {
        if (made && made->thread().current != made->thread().main) {
            // exit() was called on a greenlet's stack, which cannot be unwound from here.
            static_cast<void>(made.release());
        }
    }
};

thread_local implicit_hub own_hub;

}  // namespace

namespace detail {

hub& make_this_hub() {
    // The record is made before `own_hub` is: at the end of the thread the hub goes first.
    static_cast<void>(this_thread());
    own_hub.made = nullptr;
    own_hub.made = std::make_unique<hub>();
    return *own_hub.made;
}

run_scope::run_scope(hub_options const* options) {
    // Here too the record is made first.
    thread_record& thread = this_thread();
    hub* const present = hub::of(thread);
    bool const implicit = present != nullptr && own_hub.made.get() == present;
    TENDRIL_REQUIRE(
        present == nullptr || (implicit && present->caller_may_close()),
        "run() inside run(): this thread has a hub and a main greenlet already; spawn a task "
        "instead");
    TENDRIL_REQUIRE(
        options == nullptr || !implicit,
        "run() with options, but this thread has made its hub already: call run() before anything "
        "that needs a hub");
    if (implicit) {
        own_ = std::move(own_hub.made);
    } else {
        own_ = options == nullptr ? std::make_unique<hub>() : std::make_unique<hub>(*options);
    }
    own_->main_ = thread.current;
}

run_scope::~run_scope() = default;

}  // namespace detail
}  // namespace tendril
