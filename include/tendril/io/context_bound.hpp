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
//
// What has tasks or descriptors in a hub can be used on the thread of that hub only, and destroyed
// there only. Calls throw `wrong_thread`. A destructor cannot throw, and to let go of what runs
// would leave a server that nobody can stop; so it ends the program. When the hub has gone, all
// that belonged to it has ended with it, and any thread may destroy what is left:
//
//     class server_state {
//         void stop() {
//             home_.require_own_thread("this server belongs to another thread: stop it there");
//             …
//         }
//         home_hub const home_{this_hub()};
//     };

#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/abi_lock.hpp>
#include <tendril/support/config.hpp>
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

    /// Asks another context to tell, and no longer the one before. Throws: std::bad_alloc, and then
    /// nothing has changed. Switches: never.
    void move_to(boost::asio::io_context& context);
};

/// The hub that an object belongs to, and which may end before the object.
class home_hub final : private context_bound {
public:
    /// Throws: std::bad_alloc. Switches: never. Thread: the hub's.
    explicit home_hub(hub& here)
        : context_bound{here.context()},
          hub_{&here},
          thread_{&here.thread()} {}
    home_hub(home_hub const&) = delete;
    home_hub& operator=(home_hub const&) = delete;
    ~home_hub() = default;

    /// Says whether the hub still exists. Switches: never. Thread: the hub's, or any later.
    bool exists() const noexcept;

    /// Throws: wrong_thread with this text, on another thread than that of the hub, while that
    /// exists. Switches: never. Thread: any.
    void require_own_thread(char const* text) const;

    /// The same for a destructor: there it ends the program, which is told `what` was destroyed.
    /// Switches: never. Thread: any.
    void require_own_thread_to_destroy(char const* what) const noexcept;

private:
    bool is_elsewhere() const noexcept;
    void leave_context() noexcept override { hub_ = nullptr; }

    // None when its context has gone; a hub on a context of the program may go before that.
    hub* hub_;
    thread_record const* thread_;
};

/// Ends the program: `what`, which belongs to a hub, goes on another thread than the hub's.
/// Switches: never. Thread: any.
[[noreturn]] TENDRIL_COLD void destroyed_on_another_thread(char const* what) noexcept;

}  // namespace tendril::detail
