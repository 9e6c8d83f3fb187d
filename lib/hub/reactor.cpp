// SPDX-License-Identifier: BSL-1.0
//
// How Asio is driven, and why so:
// * The loop is ours. `run_one` is never called from inside a handler: with one thread, Asio puts
//   completions that are posted from within a handler into a private queue that is emptied only
//   when that handler returns, so a nested loop would never see them.
// * The context is told that one thread does all I/O, so the locks of its descriptors are off. Its
//   queue stays locked, because resolvers and other threads may post to it.
// * No work guard is held for ever, and waiting for the bell is not counted as work. When nothing
//   else keeps Asio busy, `run_one` returns at once, and that is how the hub learns that nobody can
//   ever wake it.
// * On a context of our own nobody reads the bell, and no operation waits for it. Asio watches for
//   edges, and each write is one, so the write alone ends `run_one`: Asio finds no operation that
//   wants it, and returns as if it had called one. On a context that the program runs a handler is
//   needed, and so the bell is read there.
// * A look at the reactor calls a bounded number of handlers: one that posts itself again and again
//   does not keep the greenlets waiting. It is one less than what one `epoll_wait` of Asio finds at
//   most (the sleep before has called the first), so that a busy server does not ask for more while
//   its greenlets could read without being told: fewer calls, and nobody is served out of turn.
// * A short sleep ends by the limit of `epoll_wait`, which costs no system call of its own. Asio
//   cuts such waits into pieces of a second, so a long sleep is ended by one Asio timer instead.
// * Handlers hold on to nothing: a context that the program owns may call them when the hub is
//   gone.
#include "reactor.hpp"

#include "descriptor_set.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace tendril::detail {
namespace {

using boost::system::error_code;
using executor = boost::asio::io_context::executor_type;

constexpr auto longest_short_sleep = std::chrono::milliseconds{900};
constexpr std::size_t most_handlers = 127;

}  // namespace

struct reactor::implementation : std::enable_shared_from_this<implementation> {
    explicit implementation(boost::asio::io_context* embedding)
        : own{embedding == nullptr
                  ? std::make_unique<boost::asio::io_context>(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO)
                  : nullptr},
          context{embedding == nullptr ? *own : *embedding} {}

    std::unique_ptr<boost::asio::io_context> own;
    boost::asio::io_context& context;
    boost::asio::steady_timer timer{context};
    time_point timer_at = time_point::max();
    bool timer_counts = true;
    boost::asio::posix::stream_descriptor bell{context};
    bool listening = false;
    // The last sleep has ended before its limit, and nobody has polled since.
    bool called_at_end_of_sleep = false;
    // Larger than what an eventfd gives: a short read tells Asio that there is no more to read.
    std::array<char, 16> bell_buffer{};
    descriptor_set descriptors;
    boost::asio::posix::stream_descriptor readiness{context};
    bool awaiting_readiness = false;
    std::uint64_t readiness_waits = 0;
    unique_function<void()> woken;
    std::optional<boost::asio::executor_work_guard<executor>> held;

    void wake() {
        if (woken) {
            woken();
        }
    }

    // Asio counts an operation as work when it starts, and off when its handler has returned. What
    // shall not be counted is counted off at once, so its handler counts it on again. A context
    // whose count falls to zero is stopped, which is not what the program that owns it has asked
    // for.
    template <typename Start, typename Done>
    void start_uncounted(Start&& start, Done&& done) {
        executor const counter = context.get_executor();
        bool const was_stopped = context.stopped();
        start([self = weak_from_this(), counter, done](error_code error, auto...) {
            counter.on_work_started();
            if (auto const alive = self.lock()) {
                done(*alive, error);
            }
        });
        counter.on_work_finished();
        if (!was_stopped) {
            restart_if_stopped();
        }
    }

    void wait_for_bell() {
        start_uncounted(
            [this](auto handler) {
                bell.async_read_some(boost::asio::buffer(bell_buffer), std::move(handler));
            },
            [](implementation& my, error_code error) {
                if (my.listening && error != boost::asio::error::operation_aborted) {
                    my.wait_for_bell();
                    my.wake();
                }
            });
    }

    // Calls handlers that are due, within bounds. Returns how many.
    std::size_t poll() {
        called_at_end_of_sleep = false;
        context.restart();
        std::size_t called = 0;
        while (called < most_handlers && context.poll_one() != 0) {
            ++called;
        }
        return called;
    }

    void set_timer(time_point moment, bool counts = true) {
        if (timer_at <= moment && timer_counts == counts) {
            return;
        }
        timer_at = time_point::max();
        timer.expires_at(moment);
        auto const start = [this](auto handler) { timer.async_wait(std::move(handler)); };
        auto const done = [](implementation& my, error_code error) {
            if (!error) {
                my.timer_at = time_point::max();
                my.wake();
            }
        };
        if (!counts) {
            start_uncounted(start, done);
        } else {
            start([self = weak_from_this(), done](error_code error) {
                if (auto const alive = self.lock()) {
                    done(*alive, error);
                }
            });
        }
        // Not before: the start may fail, and would be tried again.
        timer_at = moment;
        timer_counts = counts;
    }

    // Takes the timer back, so that it does not pass for work. Returns whether that has called
    // handlers.
    bool clear_timer() {
        if (timer_at == time_point::max()) {
            return false;
        }
        timer_at = time_point::max();
        timer.cancel();
        return poll() > 0;
    }

    void sleep_until(time_point moment) {
        time_point const present = std::chrono::steady_clock::now();
        context.restart();
        std::size_t called = 0;
        if (moment <= present) {
            called = context.poll_one();
        } else if (moment - present > longest_short_sleep) {
            set_timer(moment);
            called = context.run_one();
        } else {
            called = context.run_one_for(moment - present);
        }
        called_at_end_of_sleep = called != 0;
    }

    // Returns false when there is nothing to wait for.
    bool sleep_for_ever() {
        context.restart();
        called_at_end_of_sleep = context.run_one() != 0;
        return called_at_end_of_sleep;
    }

    void restart_if_stopped() {
        if (context.stopped()) {
            context.restart();
        }
    }

    // While anybody waits for a descriptor, Asio waits for the set of them.
    void await_readiness() {
        if (awaiting_readiness || descriptors.empty()) {
            return;
        }
        if (!readiness.is_open()) {
            readiness.assign(descriptors.descriptor());
        }
        auto const wait = boost::asio::posix::stream_descriptor::wait_read;
        readiness.async_wait(
            wait, [self = weak_from_this(), number = ++readiness_waits](error_code error) {
                auto const alive = self.lock();
                // A handler of a wait that was given up may be queued already.
                bool const is_latest = alive && number == alive->readiness_waits;
                if (is_latest && error != boost::asio::error::operation_aborted) {
                    alive->awaiting_readiness = false;
                    alive->descriptors.tell_ready();
                    alive->await_readiness();
                }
            });
        awaiting_readiness = true;
    }

    void stop_awaiting_readiness() noexcept {
        if (readiness.is_open()) {
            readiness.release();
        }
        awaiting_readiness = false;
    }
};

reactor::reactor(boost::asio::io_context* embedding)
    : implementation_{std::make_shared<implementation>(embedding)} {}

reactor::~reactor() {
    implementation& my = *implementation_;
    stop_listening();
    my.stop_awaiting_readiness();
    // What Asio still holds must not touch this object when its context is destroyed.
    my.timer.cancel();
}

boost::asio::io_context& reactor::context() noexcept { return implementation_->context; }

void reactor::poll() { implementation_->poll(); }

bool reactor::sleep(deadline until, bool may_be_rung) {
    implementation& my = *implementation_;
    if (!until.is_never()) {
        auto const work = boost::asio::make_work_guard(my.context);
        my.sleep_until(until.moment());
        return true;
    }
    if (my.clear_timer()) {
        return true;
    }
    if (may_be_rung) {
        auto const work = boost::asio::make_work_guard(my.context);
        return my.sleep_for_ever();
    }
    return my.sleep_for_ever();
}

bool reactor::may_have_more() const noexcept { return implementation_->called_at_end_of_sleep; }

bool reactor::has_left_nothing() noexcept {
    return std::exchange(implementation_->called_at_end_of_sleep, false) &&
        implementation_->context.stopped();
}

bool reactor::has_work() {
    implementation_->clear_timer();
    implementation_->poll();
    return !implementation_->context.stopped();
}

void reactor::listen(int eventfd) {
    implementation& my = *implementation_;
    if (!my.listening) {
        my.bell.assign(eventfd);
        my.listening = true;
        if (my.own == nullptr) {
            my.wait_for_bell();
        }
    }
}

void reactor::stop_listening() noexcept {
    implementation& my = *implementation_;
    if (my.listening) {
        my.listening = false;
        my.bell.release();
    }
}

void reactor::forked() noexcept {
    implementation& my = *implementation_;
    // First, because it parts Asio from the parent's epoll instance, of which nothing may be taken.
    my.context.notify_fork(boost::asio::execution_context::fork_child);
    my.stop_awaiting_readiness();
    my.descriptors.forked();
}

// Descriptors.

void reactor::add(descriptor_wait& added) {
    implementation_->descriptors.add(added);
    try {
        implementation_->await_readiness();
    } catch (...) {
        implementation_->descriptors.remove(added);
        throw;
    }
}

void reactor::remove(descriptor_wait& removed) noexcept {
    implementation& my = *implementation_;
    my.descriptors.remove(removed);
    if (my.descriptors.empty()) {
        // It would pass for something that may still wake the hub.
        my.stop_awaiting_readiness();
    }
}

int reactor::call_off(int descriptor) noexcept {
    int const called_off = implementation_->descriptors.call_off(descriptor);
    if (implementation_->descriptors.empty()) {
        implementation_->stop_awaiting_readiness();
    }
    return called_off;
}

// Embedded.

void reactor::when_woken(unique_function<void()> function) {
    implementation_->woken = std::move(function);
}

void reactor::call_soon() {
    boost::asio::post(implementation_->context, [self = implementation_->weak_from_this()] {
        if (auto const alive = self.lock()) {
            alive->wake();
        }
    });
}

void reactor::call_at(deadline when, bool counts_as_work) {
    implementation& my = *implementation_;
    if (when.is_never()) {
        my.timer_at = time_point::max();
        my.timer.cancel();
    } else {
        my.set_timer(when.moment(), counts_as_work);
    }
}

void reactor::hold(bool held) noexcept {
    implementation& my = *implementation_;
    if (!held) {
        my.held.reset();
    } else if (!my.held) {
        my.held.emplace(my.context.get_executor());
    }
}

bool reactor::is_being_run() const noexcept {
    return implementation_->context.get_executor().running_in_this_thread();
}

}  // namespace tendril::detail
