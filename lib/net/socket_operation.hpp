// SPDX-License-Identifier: BSL-1.0
#pragma once

// One asynchronous operation on a socket, in the frame of the greenlet that waits for it.

#include <tendril/io/error.hpp>
#include <tendril/io/operation.hpp>

#include <cstddef>

namespace tendril::detail {

/// Waits for an operation of `Socket` and learns how it ended.
template <typename Socket>
class socket_operation final : public io_operation {
public:
    socket_operation(Socket& socket, char const* what) : io_operation{what}, socket_{socket} {}

    /// The completion handler: three pointers' worth, with its memory in this frame.
    class handler {
    public:
        using allocator_type = operation_allocator<void>;

        explicit handler(socket_operation& waiting) noexcept : waiting_{&waiting} {}
        allocator_type get_allocator() const noexcept { return allocator_type{waiting_->memory_}; }
        void operator()(error_code const& error, std::size_t size = 0) const noexcept {
            waiting_->error_ = without_place(error);
            waiting_->size_ = size;
            waiting_->complete();
        }

    private:
        socket_operation* waiting_;
    };
    handler completion() noexcept { return handler{*this}; }

    error_code const& error() const noexcept { return error_; }
    std::size_t size() const noexcept { return size_; }
    /// Says whether it was asked to stop before its socket was closed.
    bool stopped_while_open() const noexcept { return stopped_while_open_; }

private:
    // Asio cancels both directions of a socket at once; the other one, if it has a user, finds that
    // nobody asked it to stop and starts again.
    void stop() noexcept override {
        stopped_while_open_ |= socket_.is_open();
        error_code ignored;
        socket_.cancel(ignored);
    }

    Socket& socket_;
    error_code error_;
    std::size_t size_ = 0;
    bool stopped_while_open_ = false;
    operation_memory memory_;
};

}  // namespace tendril::detail
