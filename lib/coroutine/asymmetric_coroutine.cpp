// SPDX-License-Identifier: BSL-1.0
#include <tendril/coroutine/asymmetric_coroutine.hpp>
#include <tendril/greenlet/scheduler.hpp>
#include <tendril/support/scope_exit.hpp>

#include <utility>

namespace tendril::detail {

void asymmetric_coroutine::make(
    std::size_t stack_size, char const* name, std::source_location where) {
    greenlet_options const options{
        .parent = greenlet_ref{*this_thread().main}, .stack_size = stack_size, .name = name};
    self_ = greenlet{std::unique_ptr<greenlet_body>{this}, options, where};
    block_ = self_.block();
    next_ = block_;
    block_->parent_is_lent = true;
}

// The slow half of `resume`: it is not simply suspended. Returns when it is.
void asymmetric_coroutine::prepare_resume(thread_record& thread) {
    require_own_thread(thread);
    TENDRIL_REQUIRE(!ended(), "this coroutine has ended: ask it before whether there is more");
    TENDRIL_REQUIRE(
        caller_ == nullptr,
        "this coroutine is being resumed already, so it cannot be resumed from within itself");
    if (next_->state.load(std::memory_order_relaxed) == greenlet_state::unstarted) {
        start_on_new_stack(thread, *next_);
    }
    TENDRIL_REQUIRE(
        next_->state.load(std::memory_order_relaxed) == greenlet_state::suspended,
        "this coroutine waits in the hub and has not suspended: let it answer first");
}

void asymmetric_coroutine::require_own_thread(thread_record const& thread) const {
    TENDRIL_REQUIRE_AS(
        wrong_thread, block_->thread == &thread,
        "this coroutine belongs to another thread: it is resumed only on the thread that made it");
}

void asymmetric_coroutine::require_resumable_with(std::exception_ptr const& error) {
    TENDRIL_REQUIRE(
        error != nullptr, "a coroutine continues with an exception, not a null pointer");
    require_own_thread(this_thread());
    if (begun() && !ended()) {
        make_ready();
    }
}

void asymmetric_coroutine::resume_with(std::exception_ptr const& error) {
    require_resumable_with(error);
    if (!begun() && !ended()) {
        tendril::abandon(*block_, error);
    }
    if (ended()) {
        if (!is_exit(error)) {
            std::rethrow_exception(error);
        }
        return;
    }
    thread_record& thread = this_thread();
    thread.raising = error;
    thread.on_arrival |= raise_error;
    change_sides(thread);
}

void asymmetric_coroutine::resume_body_with_exit() {
    std::exception_ptr const exit = std::make_exception_ptr(greenlet_exit{});
    require_resumable_with(exit);
    next_ = block_;
    resume_with(exit);
}

// A coroutine inside the body goes back to the caller of the outer one. Its frame may go before the
// outer one does, or after it.
void asymmetric_coroutine::suspend_in_place_of_body(thread_record& thread) {
    control_block& inner = *thread.current;
    stand_in mine{this};
    if (stand_in_ != nullptr) {
        // The body has caught its exit and begun another one.
        stand_in_->of = nullptr;
    }
    stand_in_ = &mine;
    next_ = &inner;
    stage_ = stage::answered;
    scope_exit const leave{[&] {
        if (asymmetric_coroutine* const of = mine.of) {
            of->stand_in_ = nullptr;
            of->next_ = of->block_;
        }
    }};
    thread.transfer = nullptr;
    switch_stacks(thread, *caller_, greenlet_state::suspended);
    finish_arrival(thread);
}

// The slow half of `suspend`: not the body calls it, or nobody has resumed.
void asymmetric_coroutine::suspend_otherwise(thread_record& thread) {
    if (caller_ != nullptr) {
        suspend_in_place_of_body(thread);
        return;
    }
    control_block const* inside = thread.current;
    while (inside != nullptr && inside != block_) {
        inside = inside->parent;
    }
    TENDRIL_REQUIRE(
        inside != nullptr && stage_ != stage::ended,
        "nobody has asked: a coroutine suspends only from within its own function, while somebody "
        "waits for it");
    // It is being ended. Whoever ends it is the parent meanwhile, and throws the exit once more.
    next_ = thread.current;
    static_cast<void>(switch_by_hand(block_->parent, nullptr));
}

void asymmetric_coroutine::throw_interfered() const {
    detail::throw_misuse<misuse>(
        "somebody switched to this greenlet while it waited for a coroutine, which has not "
        "answered yet: switch to the coroutine's function instead");
}

// The waiter is back, and the coroutine was destroyed meanwhile.
void asymmetric_coroutine::leave_dropped(thread_record& thread) {
    scope_exit const go{[this] {
        awaited_ = false;
        if (disposed_) {
            delete this;
        }
    }};
    finish_arrival(thread);
    detail::throw_misuse<misuse>(
        "this coroutine was destroyed while somebody waited for its answer: keep it until the "
        "step is over");
}

void asymmetric_coroutine::end() noexcept {
    stage_ = stage::ended;
    destroy_function();
}

void asymmetric_coroutine::dispose() noexcept {
    if (stage_ != stage::ended) {
        end();
    }
    disposed_ = true;
    if (dropped_ && !awaited_) {
        delete this;
    }
}

void asymmetric_coroutine::destroy(asymmetric_coroutine* dropped) noexcept {
    asymmetric_coroutine& self = *dropped;
    self.dropped_ = true;
    if (self.caller_ != nullptr && self.block_->thread == detail::this_thread_record) {
        // Somebody waits for it, and remains the parent, counted from here on: when the body ends
        // by itself, he is told. Invariants 1 and 2 end here.
        self.awaited_ = true;
        retain_parent(*std::exchange(self.caller_, nullptr));
        release_parent(*self.block_->thread->main);
    }
    bool const is_gone = self.disposed_ && !self.awaited_;
    greenlet last = std::move(self.self_);
    if (is_gone) {
        delete dropped;
    }
}

}  // namespace tendril::detail
