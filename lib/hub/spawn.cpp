// SPDX-License-Identifier: BSL-1.0
//
// How greenlets come into the hub: unstarted, without a stack. They get it at their first turn, or
// at once when their spawner lets them begin on its own. If there is no stack, they end there.
#include "pending_list.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/support/scope_exit.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace tendril {
namespace {

// What `spawn_raw` runs.
class raw_body final : public greenlet_body {
public:
    raw_body(hub& owner, unique_function<void()> function) noexcept
        : owner_{owner},
          function_{std::move(function)},
          spawner_{owner.thread().current->id} {}

    std::optional<std::uint32_t> spawner() const noexcept override { return spawner_; }

    value run(value) override {
        scope_exit const destroy_captures{[this] {
            seal_interruptions(*owner_.thread().current);
            function_ = nullptr;
        }};
        // Who was ended before the first turn never begins.
        deliver_interruption();
        function_();
        return value{};
    }

    void abandon(std::exception_ptr reason) noexcept override {
        owner_.report_error(std::move(reason), "a greenlet that could not begin");
    }

private:
    hub& owner_;
    unique_function<void()> function_;
    std::uint32_t spawner_;
};

}  // namespace

greenlet hub::spawn_raw(unique_function<void()> function) {
    auto body = std::make_unique<raw_body>(*this, std::move(function));
    control_block& block = create(*body, stack_pool::default_size);
    body.release();
    greenlet spawned{greenlet_ref{block}};
    schedule(block);
    return spawned;
}

control_block& hub::create(greenlet_body& body, std::size_t stack_size) {
    if (&thread_ != &this_thread() || stage_ > stage::closing) [[unlikely]] {
        require_usable();
    }
    std::size_t const stack_class = stack_pool::size_class_of(stack_size);
    control_block& block = thread_.blocks.create(
        thread_, loop_, &body, thread_.next_id++, stack_class);
    retain_parent(*loop_);
    return block;
}

inline void hub::take_over(control_block& block) noexcept {
    block.scheduled = true;
    block.held_by_loop = true;
    ++spawned_;
    pending_list{block}.ask_to_switch(ready_.order() != nullptr);
    if (stage_ != stage::open) {
        request_exit(block);
    }
}

void hub::schedule(control_block& block) noexcept {
    take_over(block);
    queue(block);
}

void hub::run_first_step(control_block& block) {
    take_over(block);
    if (std::exception_ptr const no_stack = begin(block)) {
        end_without_stack(block, no_stack);
    } else {
        step_into(block, jump_and_return);
    }
}

// Readies an unstarted greenlet for its first turn. Returns why there is no stack for it, or null.
std::exception_ptr dispatcher::begin(control_block& block) noexcept {
    try {
        start_on_new_stack(thread_, block);
        return nullptr;
    } catch (...) {
        return std::current_exception();
    }
}

// Returns who goes on when it is the turn of one that is unstarted. If there is no stack for it,
// the loop ends it, which is nothing to do on the stack of the one that leaves.
control_block& dispatcher::begin_or_leave_to_loop(control_block& first) noexcept {
    try {
        start_on_new_stack(thread_, first);
        return first;
    } catch (...) {
        ready_.put_back(first);
        return *loop_;
    }
}

void hub::end_without_stack(control_block& block, std::exception_ptr const& reason) noexcept {
    --spawned_;
    abandon(block, reason);
    block.held_by_loop = false;
    release(block);
}

}  // namespace tendril
