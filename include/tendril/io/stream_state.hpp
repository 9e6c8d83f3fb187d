// SPDX-License-Identifier: BSL-1.0
#pragma once

// What stands behind a stream over a descriptor, whatever waits for it, and the steps that its
// operations are made of.
//
// A core is shared by the handle, which a program has, and by whoever is inside an operation,
// because the handle may be closed, moved or destroyed by another greenlet meanwhile. All of it
// belongs to one hub's thread.
//
//     class my_core final : public stream_state { … };
//
//     std::size_t my_stream::write_once(iovec const* parts, std::size_t count, error_code& error) {
//         return write_some_with(core_, error, [&](my_core& core, call_limit& limit) {
//             return call_when_ready(
//                 core, [&] { return kernel().writev(core.descriptor, parts, count); },
//                 [&] { return wait_until_writable(core, limit, error); }, error);
//         });
//     }
//
// Read next: stream_parts.hpp; lib/net/stream_socket.cpp, lib/file/descriptor_stream.cpp.

#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/context_bound.hpp>
#include <tendril/io/error.hpp>
#include <tendril/io/stream_parts.hpp>

#include <sys/types.h>
#include <sys/uio.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <utility>

namespace tendril::detail {

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
class counted_core {
public:
    explicit counted_core(hub& here) noexcept : home{here}, forks{forks_until_now()} {}
    counted_core(counted_core const&) = delete;
    counted_core& operator=(counted_core const&) = delete;

    /// Says whether it is the parent's still, in the child of a fork whose hub was reset: then
    /// nobody is inside an operation of it, and what waits for it is not this process's.
    /// Requires: the hub exists. Switches: never.
    bool is_of_parent() const noexcept {
        return forks != forks_until_now() && !home.must_be_reset();
    }

    hub& home;
    std::uint64_t forks;
    std::uint32_t references = 1;

protected:
    ~counted_core() = default;
};

/// The core of a stream, as far as all streams have the same.
class stream_state : public counted_core {
public:
    using counted_core::counted_core;

    /// Notes that nobody knows what the peer received. Switches: never.
    void break_off() noexcept {
        if (stage == stream_stage::open) {
            stage = stream_stage::broken;
        }
    }

    /// Makes it the child's own, if it is the parent's: with the same descriptor, waited for by
    /// nobody. On failure it is closed. Throws: std::bad_alloc, and then it can be called again.
    /// Switches: never.
    error_code follow_fork() {
        if (!is_of_parent()) [[likely]] {
            return {};
        }
        error_code const error = enter_child();
        reading = false;
        writing = false;
        forks = forks_until_now();
        return error;
    }

    stream_stage stage = stream_stage::open;
    bool reading = false;
    bool writing = false;
    /// How long each read, and each write, may wait.
    std::chrono::nanoseconds read_limit = no_limit;
    std::chrono::nanoseconds write_limit = no_limit;

protected:
    ~stream_state() = default;

private:
    /// Has the descriptor waited for by the child's hub, and by nothing else.
    virtual error_code enter_child() { return {}; }
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

/// How many steps of the hub's budget an accept or a connect takes, which is several system calls.
inline constexpr int accept_steps = 16;

/// Takes the steps of one immediate success and lets others run when the budget is used up. Nothing
/// is delivered here: the success is not lost. Switches: may.
inline void account_for_success(hub& home, int steps) {
    if (home.spend(steps) && home.may_park()) {
        home.leave_ready();
    }
}

/// What the system said last, as a code.
inline error_code last_system_error() noexcept {
    return error_code{errno, boost::system::system_category()};
}

/// Says whether a call is to be made again when the descriptor is ready.
inline bool would_block(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

/// Throws when the calling thread is not the one of `home`.
void require_thread_of(hub const& home);

/// Closes what a handle holds that is being destroyed. Switches: never. Thread: hub.
template <typename Core>
void end_handle(Core* core) noexcept {
    if (core == nullptr) {
        return;
    }
    if (core->belongs_to_hub() && &core->home.thread() != &this_thread()) [[unlikely]] {
        destroyed_on_another_thread("a stream, socket or listener");
    }
    core->close();
    core_user<Core>::drop(*core);
}

/// Until when a call may wait: until the moment that it was given, or else for as long as its
/// stream allows each call, counted from the moment when that is asked for first. So a call that
/// succeeds at once does not look at the clock.
class call_limit {
public:
    call_limit(deadline const* given, std::chrono::nanoseconds each) noexcept
        : moment_{given != nullptr ? *given : deadline::never()},
          each_{given != nullptr ? no_limit : each} {}

    deadline moment() {
        if (each_ != no_limit) [[unlikely]] {
            moment_ = deadline::after(std::exchange(each_, no_limit));
        }
        return moment_;
    }
    bool has_passed(hub& home) { return !moment().is_never() && home.now() >= moment_.moment(); }

private:
    deadline moment_;
    std::chrono::nanoseconds each_;
};

/// Says why an operation on `core` cannot begin, if it cannot. Throws: wrong_thread.
/// Switches: never.
error_code refusal(stream_state* core, bool stream_state::*direction);

/// The same for one that writes. Throws: wrong_thread. Switches: never.
error_code refusal_to_write(stream_state* core);

/// Between two parts of a long write: notices what was requested for the greenlet, that the stream
/// was closed, and that the limit has passed. Switches: may, when a `ready_order` wants it.
void look_up_between_parts(stream_state& core, call_limit& limit, error_code& error);

/// In the frame of a long write: breaks the stream off when it is left half way, by an exception or
/// by its limit. Then nobody knows what the peer received.
class half_way_guard {
public:
    half_way_guard(
        stream_state& core, std::uint64_t const& written, error_code const& error) noexcept
        : core_{core},
          written_{written},
          error_{error},
          exceptions_{std::uncaught_exceptions()} {}
    half_way_guard(half_way_guard const&) = delete;
    half_way_guard& operator=(half_way_guard const&) = delete;
    ~half_way_guard() {
        bool const left = std::uncaught_exceptions() > exceptions_ || error_ == errc::timed_out;
        if (left && written_ > 0) {
            core_.break_off();
        }
    }

private:
    stream_state& core_;
    std::uint64_t const& written_;
    error_code const& error_;
    int exceptions_;
};

/// Makes a system call until it has done something, and returns how much; nothing with an error.
/// When it would block, `wait` waits, and returns false when the operation is over; `error` says
/// why. Switches: may.
template <typename Call, typename Wait>
std::size_t call_when_ready(stream_state& core, Call&& call, Wait&& wait, error_code& error) {
    while (core.stage != stream_stage::closed) {
        ssize_t const done = call();
        if (done >= 0) {
            auto const size = static_cast<std::size_t>(done);
            account_for_success(core.home, io_steps_for(size));
            return size;
        }
        if (errno == EINTR) {
            continue;
        }
        if (!would_block(errno)) {
            error = last_system_error();
            return end_at_once();
        }
        if (!wait()) {
            return 0;
        }
    }
    error = io_error(errc::closed);
    return 0;
}

/// Steps over what has been written.
void advance(std::span<iovec>& parts, std::size_t written) noexcept;

/// Writes some parts to their end, and changes them meanwhile: `write_some(parts, count)` writes
/// what it can, at least a byte or with an error. Adds to `written`, which is right even when this
/// throws. Switches: may.
template <typename WriteSome>
void write_to_end(
    stream_state& core, std::span<iovec> parts, call_limit& limit, std::uint64_t& written,
    error_code& error, WriteSome&& write_some) {
    while (!parts.empty()) {
        if (written > 0) {
            look_up_between_parts(core, limit, error);
        }
        if (!error.failed()) {
            std::size_t const size = write_some(parts.data(), parts.size());
            written += size;
            advance(parts, size);
        }
        if (error.failed()) {
            return;
        }
    }
}

/// What `write_some` is on a stream: makes `write_once(core, limit)` when nothing is against it.
/// Throws: wrong_thread; what was requested for the greenlet. Switches: may.
template <typename Core, typename WriteOnce>
std::size_t write_some_with(Core* maybe, error_code& error, WriteOnce&& write_once) {
    check_interruption();
    error = refusal_to_write(maybe);
    if (error.failed()) {
        return end_at_once();
    }
    Core& core = *maybe;
    core_user<Core> const alive{core};
    direction_use const writer{core.writing};
    call_limit limit{nullptr, core.write_limit};
    return write_once(core, limit);
}

/// What `write` is on a stream: `write_parts(core, parts, limit, written)` writes some parts to
/// their end. Throws: wrong_thread; what was requested for the greenlet. Switches: may.
template <typename Core, typename WriteParts>
std::size_t write_all_with(
    Core* maybe, parts_source next, error_code& error, deadline const* given,
    WriteParts&& write_parts) {
    check_interruption();
    stream_parts parts;
    std::size_t count = next(parts);
    if (count == 0) {
        return end_with_nothing(error);
    }
    error = refusal_to_write(maybe);
    if (error.failed()) {
        return end_at_once();
    }
    Core& core = *maybe;
    core_user<Core> const alive{core};
    direction_use const writer{core.writing};
    call_limit limit{given, core.write_limit};
    std::uint64_t written = 0;
    half_way_guard const judge{core, written, error};
    while (count > 0) {
        write_parts(core, std::span<iovec>{parts.data(), count}, limit, written);
        count = error.failed() ? 0 : next(parts);
    }
    return written;
}

}  // namespace tendril::detail
