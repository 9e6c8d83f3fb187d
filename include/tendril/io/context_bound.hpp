// SPDX-License-Identifier: BSL-1.0
#pragma once

// What holds an object of Asio's and may live longer than the context of that object.
//
// A server may be a global, or a member of what owns the program: it is made before the hub and
// destroyed after it. The destructors of Asio's objects call into their context, which is gone by
// then. So a context that goes tells everybody who holds one of its objects, and they let go.
//
//     class my_socket final : private context_bound {
//         void leave_context() noexcept override { socket.reset(); }
//         std::optional<boost::asio::ip::tcp::socket> socket;
//     };

#include <tendril/io/abi_lock.hpp>
#include <tendril/support/intrusive_list.hpp>

#include <boost/asio/io_context.hpp>

namespace tendril::detail {

/// Base of what lets go of Asio's objects when their context goes. Thread: the context's.
class context_bound : public list_hook<> {
public:
    /// Destroys what belongs to the context. Switches: never.
    virtual void leave_context() noexcept = 0;

protected:
    /// Asks the context to tell. Throws: std::bad_alloc. Switches: never.
    explicit context_bound(boost::asio::io_context& context);
    ~context_bound() = default;
};

}  // namespace tendril::detail
