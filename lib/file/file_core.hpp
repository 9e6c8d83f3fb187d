// SPDX-License-Identifier: BSL-1.0
#pragma once

// What stands behind a file, shared by the handle and by whoever is in a call, because the handle
// may be closed meanwhile by another greenlet of the thread. Whoever leaves last closes it.

#include <tendril/io/error.hpp>
#include <tendril/io/stream_state.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/threads/run_in_thread.hpp>
#include <tendril/threads/thread_pool.hpp>

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

namespace tendril::detail {

struct file_core {
    file_core() = default;
    file_core(file_core const&) = delete;
    file_core& operator=(file_core const&) = delete;
    ~file_core() {
        if (descriptor != -1) {
            kernel().close(descriptor);
        }
    }

    thread_pool& threads() const { return pool != nullptr ? *pool : default_thread_pool(); }

    std::uint32_t references = 1;
    int descriptor = -1;
    bool closed = false;
    /// Somebody uses the position.
    bool busy = false;
    /// The file system cannot say whether a read or a write would block.
    bool reads_block = false;
    bool writes_block = false;
    std::uint64_t position = 0;
    thread_pool* pool = nullptr;
    std::string path;
};

using file_user = core_user<file_core>;

/// What a system call returned, and `errno`.
struct call_answer {
    ssize_t value = -1;
    int code = 0;

    error_code error() const noexcept {
        return value < 0 ? error_code{code, boost::system::system_category()} : error_code{};
    }
};

/// Makes a call until no signal interrupts it. Switches: never.
template <typename Call>
call_answer call_uninterrupted(Call&& call) {
    call_answer answer;
    do {
        answer.value = call();
        answer.code = errno;
    } while (answer.value < 0 && answer.code == EINTR);
    return answer;
}

/// Has a thread make a system call. Throws: as `thread_pool::run`. Switches: may.
template <typename Call>
call_answer call_in_thread(thread_pool& pool, Call&& call) {
    return pool.run([&] { return call_uninterrupted(call); });
}

/// Reads or writes some parts at a place. Returns how much; nothing with an error, and at the end
/// of the file. Throws: as `thread_pool::run`. Switches: may.
std::size_t read_parts_at(
    file_core& core, iovec const* parts, std::size_t count, std::uint64_t offset,
    error_code& error);
std::size_t write_parts_at(
    file_core& core, iovec const* parts, std::size_t count, std::uint64_t offset,
    error_code& error);

/// Says whether the kernel has the bytes at a place in memory, as far as it can say that. Switches:
/// never.
bool is_in_memory(file_core const& core, std::uint64_t offset);

/// Throws `system_error` with the name of a call, or of what was to be done, and of the file.
[[noreturn]] void throw_for_file(
    error_code const& error, std::string const& what, std::string const& path);

}  // namespace tendril::detail
