// SPDX-License-Identifier: BSL-1.0
//
// Asio is asked for readiness only, and every datagram is moved by a call of our own. Asio could
// receive one by itself, but not many with one call, and would not say that one was truncated. Its
// `async_wait` costs one system call, with which it arms the descriptor. A wait of ours
// (hub/descriptor.hpp) would cost three: one to add the descriptor to our set, one to ask that set,
// one to take the descriptor out again; a socket is waited for again and again, so it stays in
// Asio's.
#include "datagram_core.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/io/operation.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/error.hpp>

#include <utility>

namespace tendril::detail {
namespace {

// Waits for readiness.
class readiness_of_datagrams final : public io_operation {
public:
    readiness_of_datagrams(datagram_core& core, char const* what)
        : io_operation{what},
          core_{core} {}

    // The completion handler, with its memory in this frame.
    class handler {
    public:
        using allocator_type = operation_allocator<void>;

        explicit handler(readiness_of_datagrams& waiting) noexcept : waiting_{&waiting} {}
        allocator_type get_allocator() const noexcept { return allocator_type{waiting_->memory_}; }
        void operator()(error_code const& error) const noexcept {
            waiting_->error_ = without_place(error);
            waiting_->complete();
        }

    private:
        readiness_of_datagrams* waiting_;
    };
    handler completion() noexcept { return handler{*this}; }

    // Says whether the wait has ended without a result of its own.
    bool was_aborted() const noexcept { return error_ == boost::asio::error::operation_aborted; }
    // Says whether it was asked to stop before the socket was closed, if it was.
    bool asked_before_close() const noexcept { return asked_before_close_; }
    error_code const& error() const noexcept { return error_; }

private:
    // Asio cancels both directions of a descriptor at once; the other one, if it has a user, finds
    // that nobody asked it to stop and starts again.
    void stop() noexcept override {
        if (core_.stage == stream_stage::open) {
            asked_before_close_ = true;
            error_code ignored;
            core_.descriptor->cancel(ignored);
        }
    }

    datagram_core& core_;
    error_code error_;
    bool asked_before_close_ = false;
    operation_memory memory_;
};

}  // namespace

// Asio answers the waits under way with "aborted", later, from the loop; they do not touch the
// descriptor any more.
int datagram_core::part() noexcept {
    if (stage == stream_stage::closed) {
        return -1;
    }
    stage = stream_stage::closed;
    return descriptor->is_open() ? descriptor->release() : -1;
}

int datagram_core::release() noexcept {
    int const released = part();
    if (stand_in >= 0) {
        call_off_waits(std::exchange(stand_in, -1));
    }
    return released;
}

void datagram_core::close() noexcept {
    if (int const released = release(); released >= 0) {
        kernel().close(released);
    }
}

error_code datagram_core::follow_fork() {
    if (!is_of_parent()) [[likely]] {
        return {};
    }
    move_to(home.context());
    forks = forks_until_now();
    receiving = false;
    sending = false;
    int const same = release();
    descriptor.emplace(home.context().get_executor());
    error_code error;
    descriptor->assign(same, error);
    if (error.failed()) {
        kernel().close(same);
    } else {
        stage = stream_stage::open;
    }
    return without_place(error);
}

// Nobody waits any more: the hub has ended those who did.
void datagram_core::leave_context() noexcept {
    if (int const released = part(); released >= 0) {
        kernel().close(released);
    }
    descriptor.reset();
}

bool wait_for_datagrams(
    datagram_core& core, datagram_wait wanted, deadline limit, error_code& error) {
    bool const receives = wanted == datagram_wait::receive;
    deliver_interruption();
    readiness_of_datagrams ready{core, receives ? "a datagram" : "room for a datagram"};
    park_limit const until{ready, limit};
    core.descriptor->async_wait(
        receives ? plain_descriptor::wait_read : plain_descriptor::wait_write, ready.completion());
    ready.await();
    error = ready.was_aborted() ? error_code{} : ready.error();
    if (ready.was_aborted() && (core.stage == stream_stage::open || ready.asked_before_close())) {
        deliver_interruption();
    }
    return ready.wanted() != waiter::outcome::timed_out;
}

}  // namespace tendril::detail
