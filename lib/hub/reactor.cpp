// SPDX-License-Identifier: BSL-1.0
//
// How Asio is driven, and why so:
// * The loop is ours. `run_one` is never called from inside a handler: with one thread, Asio puts
//   completions that are posted from within a handler into a private queue that is emptied only
//   when that handler returns, so a nested loop would never see them.
// * The context is told that one thread does all I/O, so the locks of its descriptors are off. Its
//   queue stays locked, because resolvers and other threads may post to it.
// * No work guard is held for ever. When nothing else keeps Asio busy, `run_one` returns at once,
//   and that is how the hub learns that nobody can ever wake it.
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

}  // namespace

struct reactor::implementation {
    boost::asio::io_context context{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
    boost::asio::steady_timer timer{context};
    time_point timer_at = time_point::max();
    boost::asio::posix::stream_descriptor bell{context};
    bool listening = false;
    // Larger than what an eventfd gives: a short read tells Asio that there is no more to read.
    std::array<char, 16> bell_buffer{};

    void wait_for_bell() {
        bell.async_read_some(
            boost::asio::buffer(bell_buffer), [this](error_code error, std::size_t) {
                if (listening && error != boost::asio::error::operation_aborted) {
                    wait_for_bell();
                }
            });
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
        return context.poll() > 0;
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

void reactor::poll() {
    implementation_->restart_if_stopped();
    implementation_->context.poll();
}

bool reactor::sleep(deadline until) {
    implementation& my = *implementation_;
    my.restart_if_stopped();
    std::size_t called = 0;
    if (until.is_never()) {
        if (my.clear_timer()) {
            return true;
        }
        my.restart_if_stopped();
        called = my.context.run_one();
        if (called == 0) {
            return false;
        }
    } else {
        auto const work = boost::asio::make_work_guard(my.context);
        auto const remaining = until.moment() - std::chrono::steady_clock::now();
        if (remaining > longest_short_sleep) {
            my.set_timer(until.moment());
            called = my.context.run_one();
        } else if (remaining > remaining.zero()) {
            called = my.context.run_one_for(remaining);
        } else {
            called = my.context.poll_one();
        }
    }
    if (called != 0) {
        my.context.poll();
    }
    return true;
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

}  // namespace tendril::detail
