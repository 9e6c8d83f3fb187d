// SPDX-License-Identifier: BSL-1.0
//
// A process that forks while another thread leaves something here.
#include <harness/forking.hpp>
#include <harness/greenlets.hpp>
#include <tendril/greenlet/scheduler.hpp>
#include <tendril/greenlet/thread_record.hpp>

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <exception>
#include <semaphore>
#include <thread>
#include <utility>

namespace {

using namespace tendril;
using test::suspended_greenlet;

std::counting_semaphore<> fork_begins{0};

// Released before the library's own preparations for a fork: the handlers of a younger call come
// first.
void announce_forks() {
    static int const announced = ::pthread_atfork([] { fork_begins.release(); }, nullptr, nullptr);
    EXPECT_EQ(announced, 0);
    while (fork_begins.try_acquire()) {
        // Somebody else has forked since.
    }
}

// A loop that is told of a visitor, and takes until after the beginning of a fork to return.
class slow_loop final : public scheduler {
public:
    slow_loop() { set_loop(this_thread(), this); }
    slow_loop(slow_loop const&) = delete;
    slow_loop& operator=(slow_loop const&) = delete;
    ~slow_loop() { set_loop(this_thread(), nullptr); }

    control_block& successor() noexcept override { return *this_thread().main; }
    void adopt(control_block&) noexcept override {}
    void report(std::exception_ptr, control_block const&) noexcept override {}
    void notice_visitor() noexcept override {
        noticing.release();
        fork_begins.acquire();
        for (int turn = 0; turn < 1000; ++turn) {
            ::sched_yield();
        }
    }

    control_block& loop_greenlet() noexcept override { return *this_thread().main; }
    void forget(control_block&) noexcept override {}
    void forked() noexcept override {}

    std::binary_semaphore noticing{0};
};

}  // namespace

TENDRIL_TEST(thread_record, a_child_of_fork_can_end_while_another_thread_was_dropping_a_handle) {
#if TENDRIL_TSAN
    GTEST_SKIP() << "a forked child cannot switch under ThreadSanitizer";
#endif
    int ended = 0;
    greenlet g = suspended_greenlet(ended);
    announce_forks();
    slow_loop loop;
    std::thread dropper{[moved = std::exchange(g, greenlet{})]() mutable { moved = greenlet{}; }};
    loop.noticing.acquire();
    ::pid_t const child = ::fork();
    if (child == 0) {
        // Ends the child if it waits for a lock that nobody gives back.
        ::alarm(10);
        receive_visitors(this_thread());
        test::end_child(true);
    }
    dropper.join();
    EXPECT_TRUE(test::has_held(child));
    receive_visitors(this_thread());
    EXPECT_EQ(ended, 1);
}
