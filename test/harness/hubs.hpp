// SPDX-License-Identifier: BSL-1.0
#pragma once

// Words that many tests of the hub, and of what is built on it, share.

#include <harness/tendril_test.hpp>
#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/errors.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/time/sleep.hpp>
#include <tendril/time/timeout.hpp>

#include <chrono>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

// Of the leak checker of the sanitizers, where there is one: what this thread allocates from now on
// counts as in use.
extern "C" [[gnu::weak]] void __lsan_disable();

namespace tendril::test {

using testing::virtual_clock;

/// From now on, what nobody collects goes into a transcript as "whose: error", and is not printed.
inline void collect_errors(transcript& into) {
    this_hub().set_error_handler([&into](std::exception_ptr error, std::string_view whose) {
        into.push_back(std::string{whose} + ": " + describe(error));
    });
}

/// From now on, what nobody collects is forgotten.
inline void ignore_errors() {
    this_hub().set_error_handler([](std::exception_ptr, std::string_view) {});
}

/// A waiter that is handed nothing.
class lone_waiter final : public waiter {
public:
    explicit lone_waiter(char const* what = "a test") : waiter{what} {}
};

/// A wish that throws its word.
class wish final : public interruption {
public:
    explicit wish(std::string word, rank importance = rank::edge, std::uint64_t inside = 0)
        : interruption{importance, inside},
          word_{std::move(word)} {}
    ~wish() = default;

private:
    void raise() override { throw word_; }

    std::string word_;
};

/// Calls a function and says in a word how that ended.
template <typename F>
std::string outcome_of(F&& function) {
    try {
        std::forward<F>(function)();
        return "returned";
    } catch (std::string const& word) {
        return word;
    } catch (greenlet_exit const&) {
        return "exit";
    } catch (cancelled const&) {
        return "cancelled";
    } catch (timed_out const&) {
        return "timed out";
    } catch (would_block_forever const&) {
        return "would block forever";
    } catch (wrong_thread const&) {
        return "wrong thread";
    } catch (misuse const&) {
        return "misuse";
    } catch (std::runtime_error const& error) {
        return error.what();
    }
}

/// Who calls.
inline control_block& self() { return *this_thread().current; }

/// How a short sleep ends.
inline std::string sleep_outcome() {
    return outcome_of([] { sleep_for(std::chrono::milliseconds{1}); });
}

/// Calls a function and returns the text of the misuse that it throws; empty when it throws none.
template <typename F>
std::string misuse_of(F&& function) {
    try {
        std::forward<F>(function)();
    } catch (misuse const& error) {
        return error.what();
    }
    return {};
}

/// Says whether one text has another in it.
inline bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

/// Runs a function as the main greenlet of a hub on a thread of its own.
template <typename F>
void run_on_new_thread(F&& function) {
    std::thread{[&] {
        virtual_clock clock;
        run({.clock = &clock}, std::forward<F>(function));
    }}.join();
}

/// The same for a function that leaves greenlets behind for ever: their memory is no leak.
template <typename F>
void strand_on_new_thread(F&& function) {
    std::thread{[&] {
        bool const leaks_are_checked = &__lsan_disable != nullptr;
        if (leaks_are_checked) {
            __lsan_disable();
        }
        virtual_clock clock;
        run({.clock = &clock}, std::forward<F>(function));
    }}.join();
}

/// Calls a function on another thread and waits for it: what that may not do throws there.
template <typename F>
std::string outcome_elsewhere(F&& function) {
    std::string outcome;
    std::thread{[&] { outcome = outcome_of(function); }}.join();
    return outcome;
}

/// Ends the park of the running greenlet when it is destroyed: cleanup that waits.
struct yields_when_destroyed {
    transcript& seen;
    std::string word;
    ~yields_when_destroyed() {
        lone_waiter pause;
        pause.park_until(deadline::after(std::chrono::milliseconds{1}));
        seen.push_back(word);
    }
};

}  // namespace tendril::test
