// SPDX-License-Identifier: BSL-1.0
#pragma once

// A greenlet: a function with a stack of its own, which one switches to and from by hand.
//
//     tendril::greenlet g{[](int x) {
//         auto back = tendril::greenlet::current().parent();
//         auto s = back.switch_to(x + 1).as<std::string>();   // suspended here, until …
//         return int(s.size());
//     }};
//     int a = g.switch_to(41).as<int>();                      // 42
//     int n = g.switch_to(std::string("four")).as<int>();     // … 4; g is dead from now on
//
// `switch_to` suspends the caller and continues the other one; its result is whatever is later sent
// back, by whom ever. Every greenlet but the first of a thread has a parent, which receives what
// its function returns or throws.
//
// There are two kinds of handle. `greenlet` counts: the last one to a suspended greenlet ends it,
// by throwing `greenlet_exit` into it, so that its destructors run. `greenlet_ref` only names: it
// must not outlive the greenlet. `current()` and `parent()` give references, because a greenlet
// that counted itself would never end.
//
// A greenlet runs only on the thread that made it. Use from another thread throws `wrong_thread`.
//
//     operation     unstarted            suspended  running       in the hub  dead
//     switch_to     starts it            continues  returns its   misuse      goes to the nearest
//                                        it         own values                living ancestor
//     throw_into    it dies, the parent  throws     throws here   misuse      as above; an exit
//                   gets the error       there                                is returned
//     last handle   frees it             ends it    ends it when  the hub     frees it
//     dropped                                       it leaves     ends it
//
// Read next: switch.hpp, and docs/greenlet.md for the whole story.

#include <tendril/context/stack_pool.hpp>
#include <tendril/greenlet/closure.hpp>
#include <tendril/greenlet/control_block.hpp>
#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/greenlet/switch.hpp>
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/greenlet/value.hpp>
#include <tendril/support/assert.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iosfwd>
#include <memory>
#include <source_location>
#include <type_traits>
#include <utility>

namespace tendril {

class greenlet;

/// A handle that names a greenlet and does not keep it alive.
class greenlet_ref {
public:
    /// Makes a handle that names nobody.
    greenlet_ref() noexcept = default;
    explicit greenlet_ref(control_block& block) noexcept : block_{&block} {}

    /// Suspends the caller and continues this greenlet, which receives the arguments. Returns what
    /// is sent to the caller next, from whomever.
    /// Throws: wrong_thread, stack_exhausted; misuse when it waits in the hub; what is thrown into
    /// the caller while it is suspended.
    /// Switches: may. Thread: its own.
    template <typename... Args>
    [[gnu::always_inline]] value switch_to(Args&&... args) const {
        if constexpr (sizeof...(Args) == 0) {
            return switch_by_hand(block_, nullptr);
        } else {
            value carried(std::forward<Args>(args)...);
            return switch_by_hand(block_, &carried);
        }
    }

    /// Suspends the caller and continues this greenlet with an exception, at the place where it was
    /// suspended. Without arguments that is `greenlet_exit`. Returns as `switch_to` does.
    /// Throws: as `switch_to`, and misuse for a null pointer. Switches: may. Thread: its own.
    value throw_into(std::exception_ptr error) const;
    value throw_into() const { return throw_into(std::make_exception_ptr(greenlet_exit{})); }
    template <typename Error>
    requires(!std::convertible_to<Error, std::exception_ptr>) value throw_into(Error error)
    const { return throw_into(std::make_exception_ptr(std::move(error))); }

    /// Says whether its function has begun, even if it has ended since.
    /// Switches: never. Thread: any.
    bool started() const noexcept {
        return block_ != nullptr && block_->started.load(std::memory_order_relaxed);
    }

    /// Says whether its function has ended or can never run: also when its thread is over.
    /// Switches: never. Thread: any.
    bool dead() const noexcept;

    /// Says whether it has started and not ended. Switches: never. Thread: any.
    explicit operator bool() const noexcept { return started() && !dead(); }

    /// The one that receives its result; names nobody for the main greenlet of a thread.
    /// Switches: never. Thread: its own.
    greenlet_ref parent() const;

    /// Makes another greenlet its parent. Throws: misuse when that would make a circle, or for a
    /// main greenlet; wrong_thread when the parent belongs to another thread.
    /// Switches: may, when nobody else holds the old parent, which then ends. Thread: its own.
    void set_parent(greenlet_ref const& parent) const;

    /// Its number on its thread: 0 is the main greenlet. Switches: never. Thread: any.
    std::uint32_t id() const noexcept { return block_ == nullptr ? 0 : block_->id; }

    /// Says whether both name the same greenlet.
    bool operator==(greenlet_ref const&) const noexcept = default;

    /// What the library knows about it; null when it names nobody. Switches: never. Thread: any.
    control_block* block() const noexcept { return block_; }

protected:
    control_block* block_ = nullptr;
};

/// How a greenlet is made.
struct greenlet_options {
    /// Who receives its result; nobody named means the greenlet that makes it.
    greenlet_ref parent{};
    /// How many bytes of stack it needs.
    std::size_t stack_size = stack_pool::default_size;
    /// A name for messages: a literal, or text that outlives the greenlet.
    char const* name = nullptr;
};

namespace detail {
inline constexpr char const* on_another_thread =
    "this greenlet belongs to another thread: a greenlet is used only on the thread that made it";

/// What a greenlet can be made to run: not another handle, and not a body, which has its own way.
template <typename F>
concept runnable = !std::derived_from<std::remove_cvref_t<F>, greenlet_ref> &&
    !std::convertible_to<F, std::unique_ptr<greenlet_body>>;
}  // namespace detail

/// A handle that keeps a greenlet alive. Copies name the same greenlet.
class greenlet : public greenlet_ref {
public:
    /// Makes a handle that names nobody.
    greenlet() noexcept = default;

    /// Makes a greenlet that will run `function`. Nothing runs yet and no stack is taken: the first
    /// switch starts it, with what that switch carries as arguments.
    /// Throws: std::bad_alloc; misuse for a stack above 1 GiB; wrong_thread for a parent of another
    /// thread. Switches: may, to end greenlets whose last handle another thread has dropped.
    template <detail::runnable F>
    explicit greenlet(
        F&& function, greenlet_options const& options = {},
        std::source_location where = std::source_location::current())
        : greenlet{make(
              std::unique_ptr<greenlet_body>{
                  new detail::closure<std::decay_t<F>>{std::forward<F>(function)}},
              options, where)} {}

    /// As above, for a body of one's own, which the greenlet takes over.
    greenlet(
        std::unique_ptr<greenlet_body> body, greenlet_options const& options = {},
        std::source_location where = std::source_location::current())
        : greenlet{make(std::move(body), options, where)} {}

    /// Keeps the greenlet alive that `named` names. Switches: never. Thread: any.
    greenlet(greenlet_ref const& named) noexcept : greenlet_ref{named} { retain_block(); }
    greenlet(greenlet const& other) noexcept : greenlet_ref{other} { retain_block(); }
    greenlet(greenlet&& other) noexcept : greenlet_ref{other} { other.block_ = nullptr; }
    greenlet& operator=(greenlet other) noexcept {
        std::swap(block_, other.block_);
        return *this;
    }

    /// Drops the handle. Switches: may, when it is the last one to a suspended greenlet: that one
    /// is ended before the drop is complete. Thread: any; on another thread than the greenlet's, it
    /// is ended when its own thread next makes a greenlet or turns its loop.
    ~greenlet() {
        if (block_ != nullptr) {
            release(*block_);
        }
    }

    /// The greenlet that executes the call. Switches: never.
    static greenlet_ref current() { return greenlet_ref{*this_thread().current}; }

private:
    explicit greenlet(control_block& adopted) noexcept : greenlet_ref{adopted} {}
    static control_block& make(
        std::unique_ptr<greenlet_body> body, greenlet_options const& options,
        std::source_location where);
    void retain_block() const noexcept {
        if (block_ != nullptr) {
            retain(*block_);
        }
    }
};

// Inline, because most of it is known where a greenlet is made: the options are seldom given.
inline control_block& greenlet::make(
    std::unique_ptr<greenlet_body> body, greenlet_options const& options,
    std::source_location where) {
    body->made_at = where;
    thread_record& thread = this_thread();
    receive_visitors(thread);
    std::size_t const stack_class = stack_pool::size_class_of(options.stack_size);
    control_block* const parent = options.parent.block() == nullptr ? thread.current
                                                                    : options.parent.block();
    TENDRIL_REQUIRE_AS(wrong_thread, parent->thread == &thread, detail::on_another_thread);
    control_block& block = thread.blocks.create(
        thread, parent, body.get(), thread.next_id++, stack_class);
    body.release();
    retain_parent(*parent);
    block.name = options.name;
    return block;
}

/// Prints number, name and state. Switches: never. Thread: any.
std::ostream& operator<<(std::ostream& out, greenlet_ref const& printed);

}  // namespace tendril
