// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. `stage_` leaves `unfinished` once, in `finish`; joiners and links learn of it there.
// 2. `block_` is valid exactly while the stage is unfinished: the control block dies later.
// 3. An error is collected by somebody, or reported once, when the state is freed.
#include <tendril/greenlet/context_carrier.hpp>
#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/greenlet/scheduler.hpp>
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/task/task_state.hpp>
#include <tendril/time/sleep.hpp>

#include <memory>
#include <new>
#include <utility>

namespace tendril::detail {
namespace {

class joining_waiter final : public waiter {
public:
    using waiter::waiter;
};

}  // namespace

// Not in the namespace above, because `delayed_start` has one.
class task_reference {
public:
    explicit task_reference(task_core& named) noexcept : named_{&named} { named.add_reference(); }
    task_reference(task_reference&& other) noexcept
        : named_{std::exchange(other.named_, nullptr)} {}
    ~task_reference() {
        if (named_ != nullptr) {
            named_->drop_reference();
        }
    }
    task_core* operator->() const noexcept { return named_; }
    explicit operator bool() const noexcept { return named_ != nullptr; }

private:
    task_core* named_;
};

// The call of the hub that lets a task begin. A hub that closes drops its calls, and so ends those
// that have not begun.
class task_core::delayed_start {
public:
    explicit delayed_start(task_core& started) noexcept : started_{started} {}
    delayed_start(delayed_start&& other) noexcept = default;
    ~delayed_start() {
        if (started_) {
            started_->end_before_start(std::make_exception_ptr(greenlet_exit{}));
        }
    }

    void operator()() const noexcept {
        started_->awaits_start_ = false;
        started_->hub_.schedule(*started_->block_);
    }

private:
    task_reference started_;
};

void task_core::report_uncollected() noexcept {
    if (!error_collected_ && stage_ == stage::failed) {
        std::string whose;
        try {
            whose = describe_self();
        } catch (std::bad_alloc const&) {
            // Without memory for its name; the error is told all the same.
        }
        if (hub::of(this_thread()) == &hub_) {
            hub_.report_error(error_, whose);
        } else {
            print_error(error_, whose);
        }
    }
}

std::string const& task_core::name() const noexcept {
    static std::string const none;
    return extras_ == nullptr ? none : extras_->name;
}

task_extras& task_core::extras() {
    if (extras_ == nullptr) {
        extras_ = std::make_unique<task_extras>();
    }
    return *extras_;
}

inline control_block& task_core::make_greenlet(std::size_t stack_size) {
    control_block& block = hub_.create(*this, stack_size);
    block_ = &block;
    id_ = block.id;
    // Nobody else knows it yet, so the count needs no locked instruction.
    references_.store(references_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    control_block const& spawner = *this_thread().current;
    keep_number(spawner.id);
    if (context_values* const inherited = spawner.context) [[unlikely]] {
        set_context(greenlet_ref{block}, carried_context{inherited});
    }
    return block;
}

void task_core::start(spawn_options&& options) { hub_.schedule(make_greenlet(std::move(options))); }
void task_core::start() { hub_.schedule(make_greenlet(stack_pool::default_size)); }

void task_core::start_eagerly(spawn_options&& options) {
    hub_.run_first_step(make_greenlet(std::move(options)));
}
void task_core::start_eagerly() { hub_.run_first_step(make_greenlet(stack_pool::default_size)); }

void task_core::start_at(spawn_options&& options, time_point when) {
    task_extras& more = extras();
    make_greenlet(std::move(options));
    awaits_start_ = true;
    more.start = hub_.call_at(when, delayed_start{*this}, made_at);
}

// It is over in this very call: there is no stack on which it could end in its turn.
void task_core::end_before_start(std::exception_ptr reason) noexcept {
    if (!awaits_start_) {
        return;
    }
    awaits_start_ = false;
    // The call and the greenlet have references, and the captures may hold the last handle.
    task_reference const alive{*this};
    extras_->start.cancel();
    control_block& block = *block_;
    tendril::abandon(block, std::move(reason));
    release(block);
}

void task_core::check_first_step() {
    check_interruption();
    hub& here = this_hub();
    here.require_not_forked();
    here.require_may_park();
    if (here.spend(1)) {
        yield();
    }
}

control_block& task_core::make_greenlet(spawn_options&& options) {
    made_at = options.where;
    bool const named = !options.name.empty();
    if (named) {
        extras().name = std::move(options.name);
    }
    control_block& block = make_greenlet(options.stack_size);
    block.name = named ? extras_->name.c_str() : nullptr;
    return block;
}

void task_core::record(std::exception_ptr error) noexcept {
    stage how = stage::failed;
    try {
        std::rethrow_exception(error);
    } catch (greenlet_exit const&) {
        how = stage::exited;
    } catch (cancelled const&) {
        how = stage::cancelled;
    } catch (...) {}
    error_ = std::move(error);
    finish(how);
}

// DOC: finish
void task_core::finish(stage how) noexcept {
    TENDRIL_ASSERT(stage_ == stage::unfinished, "task invariant 1");
    if (pending()) [[unlikely]] {
        withdraw(*block_, *this);
    }
    stage_ = how;
    block_ = nullptr;
    if (how == stage::returned && error_ != nullptr) [[unlikely]] {
        // A kill that comes too late.
        error_ = nullptr;
    }
    while (completion* const next = observers_) {
        next->unlink();
        next->completed(*this);
    }
    while (!joiners_.empty()) {
        waiter& next = *joiners_.pop_front();
        next.wake();
    }
    if (extras_ != nullptr && !extras_->links.empty()) [[unlikely]] {
        schedule_links();
    }
}
// DOC-END: finish

bool task_core::wait_until(deadline limit) {
    check_interruption();
    if (done()) {
        return true;
    }
    joining_waiter me{"a task"};
    enlist(me);
    return me.park_until_in_line(limit);
}

void task_core::enlist(waiter& joiner) {
    TENDRIL_REQUIRE_AS(
        wrong_thread, block_->thread == &this_thread(),
        "this task belongs to another thread: wait for it there, and send the result over");
    TENDRIL_REQUIRE(
        block_ != this_thread().current, "a task waits for itself: it would wait for ever");
    joiners_.push_back(joiner);
}

void task_core::rethrow_failure() {
    switch (stage_) {
    case stage::failed:
        error_collected_ = true;
        std::rethrow_exception(error_);
    case stage::cancelled:
        throw task_cancelled{describe_self() + " was cancelled"};
    case stage::exited:
        throw task_cancelled{describe_self() + " was ended before it had a result"};
    case stage::returned:
    case stage::unfinished:
        return;
    }
}

std::exception_ptr task_core::collect_error() noexcept {
    if (stage_ != stage::failed) {
        return nullptr;
    }
    error_collected_ = true;
    return error_;
}

void task_core::observe(completion& added) {
    TENDRIL_REQUIRE_AS(
        wrong_thread, hub::of(this_thread()) == &hub_,
        "this task belongs to another thread, or its hub has closed: wait for it there, and send "
        "the result over");
    completion** end = &observers_;
    while (*end != nullptr) {
        end = &(*end)->next_;
    }
    added.link_to(*end);
}

completion* task_core::observer_for(void const* owner) noexcept {
    for (completion* each = observers_; each != nullptr; each = each->next_) {
        if (each->owner() == owner) {
            return each;
        }
    }
    return nullptr;
}

std::exception_ptr task_core::failure() {
    try {
        rethrow_failure();
    } catch (...) {
        return std::current_exception();
    }
    return nullptr;
}

task_core* task_core::running() noexcept {
    return dynamic_cast<task_core*>(this_thread().current->body);
}

bool task_core::cancel() {
    if (done()) {
        return false;
    }
    require_own_thread();
    if (cancel_requests_ < UINT16_MAX) {
        ++cancel_requests_;
    }
    // One that was to begin later ends here, and may be gone.
    send_edge(nullptr);
    return true;
}

// The last request that is taken back takes the `cancelled` along that was not delivered.
std::uint32_t task_core::uncancel() {
    if (done() || cancel_requests_ == 0) {
        return 0;
    }
    require_own_thread();
    --cancel_requests_;
    if (cancel_requests_ == 0 && pending() && error_ == nullptr) {
        withdraw(*block_, *this);
        edge_sent_ = false;
    }
    return cancel_requests_;
}

void task_core::kill(std::exception_ptr error) {
    TENDRIL_REQUIRE(error != nullptr, "kill() needs an exception, not a null pointer");
    if (!done()) {
        send_edge(std::move(error));
    }
}

// DOC: send_edge
// A second request while one is on its way is not delivered twice: a kill replaces what will be
// thrown, a cancel does not.
void task_core::send_edge(std::exception_ptr error) {
    require_own_thread();
    if (awaits_start_) {
        end_before_start(error == nullptr ? std::make_exception_ptr(cancelled{}) : error);
        return;
    }
    if (error != nullptr) {
        error_ = std::move(error);
    }
    if (!edge_sent_) {
        edge_sent_ = true;
        request(*block_, *this);
    }
}
// DOC-END: send_edge

void task_core::require_own_thread() const {
    TENDRIL_REQUIRE_AS(
        wrong_thread, block_->thread == &this_thread(),
        "cancel() or kill() from another thread: post to the task's hub and do it there");
}

void task_core::raise() {
    edge_sent_ = false;
    if (std::exception_ptr const error = std::exchange(error_, nullptr)) {
        std::rethrow_exception(error);
    }
    throw cancelled{};
}

void task_core::on_done(unique_function<void()> link) {
    TENDRIL_REQUIRE_AS(
        wrong_thread, hub::of(this_thread()) == &hub_,
        "on_done() from another thread, or after the task's hub has closed: nobody would call the "
        "link");
    auto& links = extras().links;
    links.push_back(std::move(link));
    if (done() && links.size() == 1) {
        schedule_links();
    }
}

// The links are called from one callback, so that they keep their order, and from the hub, so that
// none of them runs inside `on_done` or on the task's stack.
void task_core::schedule_links() noexcept {
    // The call has a reference, which goes with it even when the hub drops the call, and so do the
    // links, which may hold handles to this very task.
    auto const drop = [](task_core* core) {
        std::exchange(core->extras_->links, {}).clear();
        core->drop_reference();
    };
    add_reference();
    std::unique_ptr<task_core, decltype(drop)> self{this, drop};
    try {
        hub_.call_soon([self = std::move(self)] { self->call_links(); });
    } catch (...) {
        hub_.report_error(std::current_exception(), describe_self());
    }
}

void task_core::call_links() noexcept {
    // A link may add links; they are called in this pass.
    auto& links = extras_->links;
    for (std::size_t next = 0; next < links.size(); ++next) {
        unique_function<void()> link = std::move(links[next]);
        try {
            link();
        } catch (...) {
            hub_.report_error(std::current_exception(), "a link of " + describe_self());
        }
    }
    links.clear();
}

std::string task_core::describe_self() const {
    std::string text = "task " + std::to_string(id_);
    if (!name().empty()) {
        text += " '" + name() + "'";
    }
    if (made_at.line() != 0) {
        text += std::string{" spawned at "} + made_at.file_name() + ":" +
            std::to_string(made_at.line());
    }
    return text;
}

}  // namespace tendril::detail
