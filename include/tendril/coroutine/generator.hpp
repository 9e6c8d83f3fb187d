// SPDX-License-Identifier: BSL-1.0
#pragma once

// A function that gives out values one at a time, and stands still in between.
//
//     tendril::generator<int> squares{[](auto& yield) {
//         for (int i = 0;; ++i) {
//             yield(i * i);                        // suspended here until the next one is wanted
//         }
//     }};
//     for (int v : squares) { if (v > 100) break; }    // its locals are destroyed with `squares`
//
// It has a stack of its own, so `yield` may be called from anywhere below the function: a helper, a
// recursion, a comparator that `std::sort` calls. An inner generator may even call the `yield` of
// an outer one; the outer one's consumer gets the value, and its next question continues the inner
// one.
//
// With `generator<T, Sent>` the consumer answers: `send(x)` makes `yield` return `x`.
//
//     state        next, send      throw_into                       close, destructor
//     not begun    begins it       ends it, throws here             ends it
//     suspended    continues it    throws at the yield              throws greenlet_exit there
//     running      misuse          misuse                           close: misuse
//     ended        null; send:     throws here                      nothing
//                  misuse
//
// A step allocates nothing. A generator is used on the thread that made it.

#include <tendril/coroutine/asymmetric_coroutine.hpp>

#include <cxxabi.h>

#include <concepts>
#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <source_location>
#include <type_traits>
#include <utility>

namespace tendril {

template <typename T, typename Sent = void>
class generator;

namespace detail {

template <typename Sent>
struct sent_value {
    using type = std::optional<Sent>;
    type take() { return std::exchange(sent, std::nullopt); }
    type sent;
};
template <>
struct sent_value<void> {
    using type = void;
    void take() const noexcept {}
};

}  // namespace detail

/// What a generator's function is given: called with a value, it hands that to the consumer.
template <typename T, typename Sent>
class yielder {
public:
    using item_type = std::remove_reference_t<T>;

    /// Gives a value to the consumer, and returns when the next one is wanted. With `Sent` it
    /// returns what the consumer has sent, or nothing when it has only asked.
    /// Throws: what the consumer throws in; greenlet_exit when the generator is closed or
    /// destroyed; misuse when it is called from outside the generator's function. Switches: may.
    [[gnu::always_inline]] typename detail::sent_value<Sent>::type operator()(T item) {
        item_ = std::addressof(item);
        coroutine_.suspend();
        return sent_.take();
    }

    /// Gives every value of a range, or of another generator, to the consumer. What the consumer
    /// sends or throws reaches that other generator. Throws: as above. Switches: may.
    template <std::ranges::input_range Range>
    void from(Range&& range) {
        for (auto&& item : range) {
            (*this)(static_cast<T>(std::forward<decltype(item)>(item)));
        }
    }
    template <typename OtherSent>
    void from(generator<T, OtherSent>& inner);
    template <typename OtherSent>
    void from(generator<T, OtherSent>&& inner) {
        from(inner);
    }

private:
    friend class generator<T, Sent>;
    explicit yielder(detail::asymmetric_coroutine& coroutine) noexcept : coroutine_{coroutine} {}

    detail::asymmetric_coroutine& coroutine_;
    // In the frame of the `yield` under way.
    item_type* item_ = nullptr;
    detail::sent_value<Sent> sent_;
};

/// How a generator is made.
struct generator_options {
    /// How many bytes of stack it needs.
    std::size_t stack_size = stack_pool::default_size;
    /// A name for messages: a literal, or text that outlives the generator.
    char const* name = "generator";
};

template <typename T, typename Sent>
class [[nodiscard]] generator {
public:
    /// What the function's parameter is, for functions that spell it out.
    using yield_type = yielder<T, Sent>;
    using item_type = std::remove_reference_t<T>;
    class iterator;

    /// Makes a generator that will run `function(yield)`. Nothing runs yet.
    /// Throws: std::bad_alloc; misuse for a stack above 1 GiB. Switches: never.
    template <typename F>
    requires std::invocable < std::decay_t<F>
    &,
        yield_type& > explicit generator(
                          F&& function, generator_options const& options = {},
                          std::source_location where = std::source_location::current()) {
        auto made = std::make_unique<body<std::decay_t<F>>>(std::forward<F>(function));
        state* const kept = made.get();
        made.release()->make(options.stack_size, options.name, where);
        state_.reset(kept);
    }

    /// Asks for the next value: a pointer to it, which is good until the next question, or null
    /// when the function has ended.
    /// Throws: what leaves the function; misuse when the generator is running, or somebody has
    /// switched to the caller meanwhile; wrong_thread; stack_exhausted. Switches: may.
    [[gnu::always_inline]] item_type* next() {
        if (state_ == nullptr || !state_->is_ready()) [[unlikely]] {
            if (ended()) {
                return nullptr;
            }
            state_->make_ready();
        }
        state& mine = *state_;
        mine.yield.item_ = nullptr;
        mine.resume_ready();
        return mine.yield.item_;
    }

    /// As `next`, and makes the `yield` that waits return `sent`. Throws: as `next`; misuse when no
    /// `yield` waits, because the function has not begun or has ended. Switches: may.
    template <typename S = Sent>
    requires(!std::is_void_v<S>) item_type* send(S sent) {
        TENDRIL_REQUIRE(
            state_ != nullptr && state_->begun() && !ended(),
            "nobody waits for what is sent: call next() first, and send() while there is more");
        state_->make_ready();
        state_->yield.sent_.sent.emplace(std::move(sent));
        return next();
    }

    /// As `next`, but the `yield` that waits throws. A generator that has not begun ends without
    /// having run, and one that has ended stays as it is; then the error is thrown here, unless it
    /// is an exit. Throws: as `next`, and what was thrown in. Switches: may.
    item_type* throw_into(std::exception_ptr error) {
        TENDRIL_REQUIRE(
            state_ != nullptr, "this generator was moved from: throw into the one that has it");
        state& mine = *state_;
        mine.require_resumable_with(error);
        mine.yield.item_ = nullptr;
        mine.resume_with(error);
        return mine.yield.item_;
    }
    template <typename Error>
    requires(!std::convertible_to<Error, std::exception_ptr>) item_type* throw_into(Error error) {
        return throw_into(std::make_exception_ptr(std::move(error)));
    }

    /// Ends it: throws greenlet_exit at the `yield` that waits, so that its locals are destroyed.
    /// Does nothing when it has ended. Throws: what leaves the function instead of the exit; misuse
    /// when it is running, or when it swallows the exit and yields again. Switches: may.
    void close() {
        if (ended()) {
            return;
        }
        state_->resume_body_with_exit();
        TENDRIL_REQUIRE(
            ended(),
            "a generator that was closed has yielded again: let a catch (...) around a yield "
            "rethrow what it caught");
    }

    /// Says whether its function has not ended; it may still have nothing more to give.
    /// Switches: never.
    explicit operator bool() const noexcept { return !ended(); }

    /// Asks for the first value, or goes on where an earlier loop has stopped. The iterators are
    /// input iterators and all stand at the generator's latest value.
    /// Throws: as `next`. Switches: may.
    iterator begin() {
        next();
        return iterator{*this};
    }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    struct state : detail::asymmetric_coroutine {
        yield_type yield{*this};
    };

    template <typename F>
    struct body final : state {
        template <typename Source>
        explicit body(Source&& source) : function{std::in_place, std::forward<Source>(source)} {}
        value run(value) override {
            (*function)(this->yield);
            return value{};
        }
        void destroy_function() noexcept override {
            function.reset();
            this->yield.item_ = nullptr;
        }
        std::optional<F> function;
    };

    bool ended() const noexcept { return state_ == nullptr || state_->ended(); }

    std::unique_ptr<state, detail::coroutine_dropper> state_;
};

/// Where a loop over a generator stands. Moving on asks for the next value.
template <typename T, typename Sent>
class generator<T, Sent>::iterator {
public:
    using value_type = std::remove_cvref_t<T>;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    item_type& operator*() const noexcept { return *from_->state_->yield.item_; }
    item_type* operator->() const noexcept { return from_->state_->yield.item_; }
    [[gnu::always_inline]] iterator& operator++() {
        from_->next();
        return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const noexcept {
        return from_->ended() || from_->state_->yield.item_ == nullptr;
    }

private:
    friend class generator<T, Sent>;
    explicit iterator(generator& from) noexcept : from_{&from} {}
    generator* from_;
};

template <typename T, typename Sent>
template <typename OtherSent>
void yielder<T, Sent>::from(generator<T, OtherSent>& inner) {
    detail::sent_value<Sent> sent;
    item_type* item = inner.next();
    while (item != nullptr) {
        std::exception_ptr thrown;
        try {
            if constexpr (std::is_void_v<Sent>) {
                (*this)(static_cast<T&&>(*item));
            } else {
                sent.sent = (*this)(static_cast<T&&>(*item));
            }
        } catch (greenlet_exit const&) {
            inner.close();
            throw;
        } catch (abi::__forced_unwind const&) {
            throw;
        } catch (...) {
            thrown = std::current_exception();
        }
        if (thrown) {
            item = inner.throw_into(thrown);
            continue;
        }
        if constexpr (!std::is_void_v<Sent> && !std::is_void_v<OtherSent>) {
            if (sent.sent) {
                item = inner.send(OtherSent(*sent.take()));
                continue;
            }
        }
        item = inner.next();
    }
}

}  // namespace tendril
