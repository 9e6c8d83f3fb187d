// SPDX-License-Identifier: BSL-1.0
#pragma once

// A greenlet whose switches are checked by the compiler: `In` goes in, `Out` comes out.
//
//     tendril::typed_greenlet<int, std::string> length{[](std::string first, auto& caller) {
//         std::string second = caller.switch_to(int(first.size()));    // suspended here
//         return int(second.size());                                   // the last answer
//     }};
//     int a = length.switch_to(std::string{"four"});                   // 4
//     int b = length.switch_to(std::string{"seven77"});                // 7; it is dead now
//
// With a `greenlet` anybody may send anything, and what does not fit is noticed when it arrives.
// Here the function answers whoever has asked last, who is its parent meanwhile, so both sides know
// the types; a value that would have to be converted is a compile error. It travels from frame to
// frame, moved once.
//
// `void` as `In` or `Out` means that nothing goes that way.

#include <tendril/coroutine/asymmetric_coroutine.hpp>

#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

namespace tendril {

namespace detail {

/// A value on its way, in the frame of the one who sends it.
template <typename T>
class passed_value {
public:
    void pass(T& sent) noexcept { sent_ = std::addressof(sent); }
    void clear() noexcept { sent_ = nullptr; }
    bool arrived() const noexcept { return sent_ != nullptr; }
    T take() { return std::move(*std::exchange(sent_, nullptr)); }

private:
    T* sent_ = nullptr;
};
template <>
class passed_value<void> {
public:
    void clear() noexcept {}
    bool arrived() const noexcept { return true; }
    void take() noexcept {}
};

/// What a function has returned, while the frames of the function are gone.
template <typename T>
class kept_result {
public:
    template <typename Call>
    void keep(passed_value<T>& to, Call&& call) {
        result_.emplace(call());
        to.pass(*result_);
    }

private:
    std::optional<T> result_;
};
template <>
class kept_result<void> {
public:
    template <typename Call>
    void keep(passed_value<void>&, Call&& call) {
        call();
    }
};

template <typename Given, typename T>
concept exactly = std::same_as<std::remove_cvref_t<Given>, T>;

}  // namespace detail

/// What the function of a typed greenlet switches back with.
template <typename Out, typename In>
class typed_caller {
public:
    /// Suspends the function; the caller's `switch_to` returns `answer`. Returns what it sends
    /// next.
    /// Throws: what is thrown in; greenlet_exit when it is ended. Switches: may.
    template <detail::exactly<Out> Given>
    In switch_to(Given&& answer) {
        if constexpr (std::is_same_v<Given, Out>) {
            out_.pass(answer);
            wait();
        } else {
            Out copy(answer);
            out_.pass(copy);
            wait();
        }
        return in_.take();
    }
    In switch_to() requires std::is_void_v<Out> {
        wait();
        return in_.take();
    }

private:
    template <typename, typename>
    friend class typed_greenlet;
    explicit typed_caller(detail::asymmetric_coroutine& coroutine) noexcept
        : coroutine_{coroutine} {}

    // Whoever is continued without having been sent anything, as by an exit that finds it in a
    // destructor, waits on.
    void wait() {
        do {
            coroutine_.suspend();
        } while (!in_.arrived());
    }

    detail::asymmetric_coroutine& coroutine_;
    detail::passed_value<Out> out_;
    detail::passed_value<In> in_;
};

template <typename Out, typename In = void>
class [[nodiscard]] typed_greenlet {
public:
    /// What the function's last parameter is, for functions that spell it out.
    using caller_type = typed_caller<Out, In>;

    /// Makes a greenlet that will run `function(first, caller)`, or `function(caller)` when `In` is
    /// void. Nothing runs yet. Throws: std::bad_alloc; misuse for a stack above 1 GiB.
    /// Switches: never.
    template <typename F>
    requires(!std::same_as<std::remove_cvref_t<F>, typed_greenlet>) explicit typed_greenlet(
        F&& function, std::size_t stack_size = stack_pool::default_size, char const* name = nullptr,
        std::source_location where = std::source_location::current()) {
        auto made = std::make_unique<body<std::decay_t<F>>>(std::forward<F>(function));
        state* const kept = made.get();
        made.release()->make(stack_size, name, where);
        state_.reset(kept);
    }

    /// Suspends the caller and continues the function, which receives `sent`: as its first argument
    /// or from its `switch_to`. Returns what the function answers or, at its end, returns.
    /// Throws: what leaves the function; bad_value when it has exited (greenlet_exit) and so gives
    /// no answer; misuse when it is dead or running; wrong_thread; stack_exhausted. Switches: may.
    template <detail::exactly<In> Given>
    Out switch_to(Given&& sent) {
        if constexpr (std::is_same_v<Given, In>) {
            return exchange(sent);
        } else {
            In copy(sent);
            return exchange(copy);
        }
    }
    Out switch_to() requires std::is_void_v<In> {
        state& mine = checked();
        mine.make_ready();
        mine.caller.out_.clear();
        mine.resume_ready();
        return answer_of(mine);
    }

    /// As `switch_to`, but the function continues with an exception. One that has not begun ends
    /// without having run. Throws: as `switch_to`, and what was thrown in when it is not caught;
    /// bad_value when it has ended by an exit and there is no answer. Switches: may.
    Out throw_into(std::exception_ptr error) {
        state& mine = checked();
        mine.require_resumable_with(error);
        mine.caller.out_.clear();
        mine.resume_with(error);
        return answer_of(mine);
    }
    template <typename Error>
    requires(!std::convertible_to<Error, std::exception_ptr>) Out throw_into(Error error) {
        return throw_into(std::make_exception_ptr(std::move(error)));
    }

    /// Says whether its function has begun; whether it has ended; whether it is in between.
    /// Switches: never.
    bool started() const noexcept { return state_ != nullptr && state_->begun(); }
    bool dead() const noexcept { return state_ == nullptr || state_->ended(); }
    explicit operator bool() const noexcept { return started() && !dead(); }

private:
    struct state : detail::asymmetric_coroutine {
        caller_type caller{*this};
        detail::kept_result<Out> result;
    };

    template <typename F>
    struct body final : state {
        template <typename Source>
        explicit body(Source&& source) : function{std::in_place, std::forward<Source>(source)} {}
        value run(value) override {
            this->result.keep(this->caller.out_, [this]() -> Out {
                if constexpr (std::is_void_v<In>) {
                    return (*function)(this->caller);
                } else {
                    return (*function)(this->caller.in_.take(), this->caller);
                }
            });
            return value{};
        }
        void destroy_function() noexcept override { function.reset(); }
        std::optional<F> function;
    };

    template <typename Sent>
    Out exchange(Sent& sent) {
        state& mine = checked();
        mine.make_ready();
        mine.caller.out_.clear();
        mine.caller.in_.pass(sent);
        mine.resume_ready();
        return answer_of(mine);
    }
    state& checked() const {
        TENDRIL_REQUIRE(state_ != nullptr, "this typed_greenlet was moved from: it names nobody");
        return *state_;
    }
    static Out answer_of(state& mine) {
        if (!mine.caller.out_.arrived()) {
            throw bad_value{"the greenlet has exited (greenlet_exit), so it gives no answer: ask "
                            "dead() before, "
                            "or do not end it while its answer is awaited"};
        }
        return mine.caller.out_.take();
    }

    std::unique_ptr<state, detail::coroutine_dropper> state_;
};

}  // namespace tendril
