// SPDX-License-Identifier: BSL-1.0
#pragma once

// A greenlet that answers whoever asks: the engine of `generator` and `typed_greenlet`.
//
// Greenlets switch to whom they like. Here the two sides have roles: the caller *resumes*, and the
// body *suspends*, which always goes back to the one who has resumed last (after de Moura and
// Ierusalimschy, "Revisiting Coroutines"). So what the two hand each other has types that are
// known, and travels by pointer from frame to frame; this class only moves the control.
//
// Invariants:
// 1. `caller_` names whoever waits in `resume`, and nobody at other times.
// 2. While somebody waits there, he is the parent of the body, so that its end and its errors go to
//    him. The parent is not counted: he cannot end while he waits. At rest the parent is the
//    thread's main greenlet, which is counted; a coroutine that kept alive the greenlet on whose
//    stack it stands would keep itself alive.
// 3. `next_` is who continues at the next `resume`: the greenlet that called `suspend`. That is the
//    body itself, or a coroutine inside it that answers in its place; `stand_in_` is in the frame
//    of that one, and takes it out of here when the frame goes.
// 4. One that is destroyed while somebody waits in `resume` stays until he has left: then he is
//    counted as its parent, and gets misuse.

#include <tendril/greenlet/greenlet.hpp>
#include <tendril/greenlet/switch.hpp>
#include <tendril/support/assert.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <source_location>
#include <utility>

namespace tendril::detail {

class asymmetric_coroutine : public greenlet_body {
public:
    asymmetric_coroutine() noexcept = default;
    asymmetric_coroutine(asymmetric_coroutine const&) = delete;
    asymmetric_coroutine& operator=(asymmetric_coroutine const&) = delete;

    // The caller's side.

    /// Makes the greenlet, with this as its body. Throws: as `greenlet`. Switches: never.
    void make(std::size_t stack_size, char const* name, std::source_location where);

    /// Begins or continues the body, and returns when it has suspended or ended.
    /// Throws: what leaves the body; stack_exhausted, and then it has not begun; wrong_thread;
    /// misuse when it has ended, when it is being resumed already, or when somebody else has
    /// switched to the caller meanwhile. Switches: may.
    TENDRIL_ALWAYS_INLINE void resume() {
        make_ready();
        resume_ready();
    }

    /// The first half of `resume`: throws what it throws while nothing has changed yet.
    /// Switches: never.
    TENDRIL_ALWAYS_INLINE void make_ready() {
        if (!is_ready()) [[unlikely]] {
            prepare_resume(this_thread());
        }
    }
    /// The second half. Requires: `make_ready` has returned just now, or `is_ready`. Throws: as
    /// `resume`. Switches: may.
    TENDRIL_ALWAYS_INLINE void resume_ready() { change_sides(*next_->thread); }

    /// Says whether it is suspended on this thread and waits to be resumed. Switches: never.
    bool is_ready() const noexcept {
        return caller_ == nullptr && next_->thread == this_thread_record &&
            next_->state.load(std::memory_order_relaxed) == greenlet_state::suspended;
    }

    /// As `resume`, but the body continues with an exception. One that has not begun ends without
    /// having run. Throws: as `resume`; what was thrown in, when the body has not begun or does not
    /// catch it, but for an exit. Switches: may.
    void resume_with(std::exception_ptr const& error);

    /// Throws what `resume_with` would throw while nothing has changed yet. Switches: never.
    void require_resumable_with(std::exception_ptr const& error);

    /// As `resume_with` an exit, but always in the body, which ends those that answer in its place.
    void resume_body_with_exit();

    /// Says whether the body has begun, and whether it will not continue. Switches: never.
    bool begun() const noexcept { return block_->started.load(std::memory_order_relaxed); }
    bool ended() const noexcept {
        return stage_ == stage::ended || block_->thread->ended.load(std::memory_order_relaxed);
    }
    bool is_being_resumed() const noexcept { return caller_ != nullptr; }

    /// Drops the greenlet, which ends it, and then this object; the object stays until the greenlet
    /// is gone and nobody waits in `resume` any more. Whoever waits there gets misuse when it is
    /// continued. Switches: may.
    static void destroy(asymmetric_coroutine* dropped) noexcept;

    // The body's side.

    /// Goes back to the caller, and returns when it resumes. Throws: what is thrown in; misuse when
    /// it is called from outside the body. Switches: may.
    TENDRIL_ALWAYS_INLINE void suspend() {
        thread_record& thread = this_thread();
        control_block* const to = caller_;
        if (to == nullptr || thread.current != block_) [[unlikely]] {
            suspend_otherwise(thread);
            return;
        }
        next_ = block_;
        stage_ = stage::answered;
        thread.transfer = nullptr;
        switch_stacks(thread, *to, greenlet_state::suspended);
        finish_arrival(thread);
    }

    void abandon(std::exception_ptr) noexcept final { end(); }
    void dispose() noexcept final;

protected:
    ~asymmetric_coroutine() override {
        if (stand_in_ != nullptr) {
            stand_in_->of = nullptr;
        }
    }

    /// Destroys the function. Called once, on the greenlet's stack. Switches: may.
    virtual void destroy_function() noexcept = 0;

private:
    enum class stage : std::uint8_t {
        /// It has not answered the resume under way, or there was none yet.
        asked,
        /// It has suspended.
        answered,
        /// Its function is over.
        ended,
    };

    TENDRIL_COLD void prepare_resume(thread_record& thread);
    TENDRIL_COLD void suspend_otherwise(thread_record& thread);
    void suspend_in_place_of_body(thread_record& thread);
    void require_own_thread(thread_record const& thread) const;
    [[noreturn]] TENDRIL_COLD void throw_interfered() const;
    [[noreturn]] TENDRIL_COLD void leave_dropped(thread_record& thread);
    void end() noexcept;

    TENDRIL_ALWAYS_INLINE void change_sides(thread_record& thread) {
        caller_ = thread.current;
        stage_ = stage::asked;
        block_->parent = caller_;
        thread.transfer = nullptr;
        switch_stacks(thread, *next_, greenlet_state::suspended);
        if (dropped_) [[unlikely]] {
            leave_dropped(thread);
        }
        block_->parent = thread.main;
        caller_ = nullptr;
        finish_arrival(thread);
        if (stage_ == stage::asked) [[unlikely]] {
            throw_interfered();
        }
    }

    greenlet self_;
    // The block of `self_`, and who continues at the next resume.
    control_block* block_ = nullptr;
    control_block* next_ = nullptr;
    control_block* caller_ = nullptr;
    stage stage_ = stage::asked;
    // Whoever made it has dropped it, so it goes when the greenlet does.
    bool dropped_ = false;
    // It was dropped while somebody waited in `resume`, whose frame still refers to it.
    bool awaited_ = false;
    // The greenlet has no more use for it.
    bool disposed_ = false;

    // Somebody who answers in place of the body; `of` is null when the coroutine has gone first.
    struct stand_in {
        asymmetric_coroutine* of;
    };
    stand_in* stand_in_ = nullptr;
};

/// Drops a coroutine at the end of the scope.
struct coroutine_dropper {
    void operator()(asymmetric_coroutine* dropped) const noexcept {
        asymmetric_coroutine::destroy(dropped);
    }
};

}  // namespace tendril::detail
