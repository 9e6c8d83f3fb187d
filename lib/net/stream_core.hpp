// SPDX-License-Identifier: BSL-1.0
#pragma once

// What stands behind a stream: Asio's socket, and who is using it.
//
// A core is shared by the handle and by whoever is inside an operation, because the handle may be
// closed, moved or destroyed by another greenlet meanwhile. All of it belongs to one hub's thread.
// When the hub's context goes, its cores are closed and lose their sockets.

#include <tendril/io/context_bound.hpp>

#include <tendril/hub/hub.hpp>
#include <tendril/io/error.hpp>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace tendril::detail {

using plain_executor = boost::asio::io_context::executor_type;
using stream_protocol = boost::asio::generic::stream_protocol;
using plain_socket = boost::asio::basic_stream_socket<stream_protocol, plain_executor>;

/// Where a stream is in its life.
enum class stream_stage : std::uint8_t {
    /// It can be used.
    open,
    /// A write was interrupted half way: nothing may be written any more.
    broken,
    /// It was closed.
    closed,
};

/// What stands for "no limit" among durations.
inline constexpr std::chrono::nanoseconds no_limit = std::chrono::nanoseconds::max();

/// Counts who shares a core.
class shared_core {
public:
    explicit shared_core(hub& here) noexcept : home{here} {}
    shared_core(shared_core const&) = delete;
    shared_core& operator=(shared_core const&) = delete;

    hub& home;
    std::uint32_t references = 1;

protected:
    ~shared_core() = default;
};

class stream_core final : public shared_core, private context_bound {
public:
    explicit stream_core(hub& here)
        : shared_core{here},
          context_bound{here.context()},
          socket{std::in_place, here.context()} {}

    /// Closes the descriptor and wakes whoever is inside an operation. Switches: never.
    void close() noexcept;
    /// As above, but gives the descriptor away. Requires: not closed. Switches: never.
    int release(error_code& error);
    /// Takes a descriptor, which it closes when it cannot keep it.
    /// Throws: std::bad_alloc. Switches: never.
    void take(int descriptor, int family, error_code& error);
    /// Notes that nobody knows what the peer received. Switches: never.
    void break_off() noexcept {
        if (stage == stream_stage::open) {
            stage = stream_stage::broken;
        }
    }
    /// Says whether it is of a hub that still exists.
    bool belongs_to_hub() const noexcept { return socket.has_value(); }

    // There is one unless the stage is `closed`.
    std::optional<plain_socket> socket;
    stream_stage stage = stream_stage::open;
    bool reading = false;
    bool writing = false;
    /// The last read filled its buffer, so there is probably more to read at once.
    bool more_is_likely = false;
    /// The family of its addresses.
    int family = 0;
    /// How long each read, and each write, may wait.
    std::chrono::nanoseconds read_limit = no_limit;
    std::chrono::nanoseconds write_limit = no_limit;

private:
    void leave_context() noexcept override {
        close();
        socket.reset();
    }
};

/// Keeps a core alive during an operation.
template <typename Core>
class core_user {
public:
    explicit core_user(Core& used) noexcept : used_{used} { ++used_.references; }
    core_user(core_user const&) = delete;
    core_user& operator=(core_user const&) = delete;
    ~core_user() { drop(used_); }

    static void drop(Core& dropped) noexcept {
        if (--dropped.references == 0) {
            delete &dropped;
        }
    }

private:
    Core& used_;
};

/// Marks one direction of a core as in use.
class direction_use {
public:
    explicit direction_use(bool& mark) noexcept : mark_{mark} { mark_ = true; }
    direction_use(direction_use const&) = delete;
    direction_use& operator=(direction_use const&) = delete;
    ~direction_use() { mark_ = false; }

private:
    bool& mark_;
};

/// How many steps of the hub's budget an accept or a connect takes, which is several system calls;
/// a read or write takes `io_steps`. With more, a turn is over before it has served what one look
/// at the reactor has found, and a request costs more looks.
inline constexpr int accept_steps = 16;

/// Takes the steps of one immediate success and lets others run when the budget is used up. Nothing
/// is delivered here: the success is not lost. Switches: may.
inline void account_for_success(hub& home, int steps = io_steps) {
    if (home.spend(steps) && home.may_park()) {
        home.leave_ready();
    }
}

/// What the system said last, as a code.
inline error_code last_system_error() noexcept {
    return error_code{errno, boost::system::system_category()};
}

/// Throws when the calling thread is not the one of `home`.
void require_thread_of(hub const& home);

/// Ends the program: a handle whose core belongs to a hub goes on another thread than the hub's.
[[noreturn]] TENDRIL_COLD void destroyed_on_another_thread() noexcept;

/// Closes what a handle holds that is being destroyed. Switches: never. Thread: hub.
template <typename Core>
void end_handle(Core* core) noexcept {
    if (core == nullptr) {
        return;
    }
    if (core->belongs_to_hub() && &core->home.thread() != &this_thread()) [[unlikely]] {
        destroyed_on_another_thread();
    }
    core->close();
    core_user<Core>::drop(*core);
}

}  // namespace tendril::detail
