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
// * A look at the reactor calls a bounded number of handlers: one that posts itself again and again
//   does not keep the greenlets waiting.
// * A short sleep ends by the limit of `epoll_wait`, which costs no system call of its own. Asio
//   cuts such waits into pieces of a second, so a long sleep is ended by one Asio timer instead.
#include "reactor.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>

namespace tendril::detail {
namespace {

using boost::system::error_code;

constexpr auto longest_short_sleep = std::chrono::milliseconds{900};
constexpr std::size_t most_handlers = 1024;

}  // namespace

struct reactor::implementation {
    boost::asio::io_context context{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
    boost::asio::steady_timer timer{context};
    time_point timer_at = time_point::max();
    boost::asio::posix::stream_descriptor bell{context};
    bool listening = false;
    // Larger than what an eventfd gives: a short read tells Asio that there is no more to read.
    std::array<char, 16> bell_buffer{};

    // Asio counts an operation as work when it starts, and off when its handler has returned. The
    // wait for the bell is counted off at once, so its handler counts it on again.
    void wait_for_bell() {
        auto const counter = context.get_executor();
        bell.async_read_some(
            boost::asio::buffer(bell_buffer), [this, counter](error_code error, std::size_t) {
                counter.on_work_started();
                if (listening && error != boost::asio::error::operation_aborted) {
                    wait_for_bell();
                }
            });
        counter.on_work_finished();
    }

    // Calls handlers that are due, within bounds. Returns how many.
    std::size_t poll() {
        restart_if_stopped();
        std::size_t called = 0;
        while (called < most_handlers && context.poll_one() != 0) {
            ++called;
        }
        return called;
    }

    void set_timer(time_point moment) {
        if (timer_at <= moment) {
            return;
        }
        timer_at = moment;
        timer.expires_at(moment);
        timer.async_wait([this](error_code error) {
            if (!error) {
                timer_at = time_point::max();
            }
        });
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
        restart_if_stopped();
        std::size_t called = 0;
        if (moment <= present) {
            called = context.poll_one();
        } else if (moment - present > longest_short_sleep) {
            set_timer(moment);
            called = context.run_one();
        } else {
            called = context.run_one_for(moment - present);
        }
        if (called != 0) {
            poll();
        }
    }

    // Returns false when there is nothing to wait for.
    bool sleep_for_ever() {
        restart_if_stopped();
        bool const called = context.run_one() != 0;
        if (called) {
            poll();
        }
        return called;
    }

    void restart_if_stopped() {
        if (context.stopped()) {
            context.restart();
        }
    }
};

reactor::reactor() : implementation_{std::make_unique<implementation>()} {}

reactor::~reactor() {
    stop_listening();
    // What Asio still holds must not touch this object when its context is destroyed.
    implementation_->timer.cancel();
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

void reactor::listen(int eventfd) {
    implementation& my = *implementation_;
    if (!my.listening) {
        my.bell.assign(eventfd);
        my.listening = true;
        my.wait_for_bell();
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
    implementation_->context.notify_fork(boost::asio::execution_context::fork_child);
}

}  // namespace tendril::detail
