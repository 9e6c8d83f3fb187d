// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the C library's `posix_spawn` is told.

#include <tendril/process/process_options.hpp>
#include <tendril/support/system_calls.hpp>

#include <signal.h>
#include <spawn.h>

#include <cerrno>
#include <new>
#include <string>

namespace tendril::detail {

class spawn_request {
public:
    spawn_request() {
        require_memory(::posix_spawn_file_actions_init(&actions_));
        if (int const error = ::posix_spawnattr_init(&attributes_); error != 0) {
            ::posix_spawn_file_actions_destroy(&actions_);
            require_memory(error);
        }
    }
    spawn_request(spawn_request const&) = delete;
    spawn_request& operator=(spawn_request const&) = delete;
    ~spawn_request() {
        ::posix_spawnattr_destroy(&attributes_);
        ::posix_spawn_file_actions_destroy(&actions_);
    }

    // Throws: std::bad_alloc. These are done in this order.
    void put(int source, int place) {
        require_memory(::posix_spawn_file_actions_adddup2(&actions_, source, place));
    }
    void close_from(int lowest) {
        require_memory(::posix_spawn_file_actions_addclosefrom_np(&actions_, lowest));
    }
    void change_folder(std::string const& folder) {
        require_memory(::posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str()));
    }

    // The C library does these first: signals, session, process group, user.
    void set_attributes(process_options const& options) noexcept {
        sigset_t set;
        sigemptyset(&set);
        ::posix_spawnattr_setsigmask(&attributes_, &set);
        sigfillset(&set);
        ::posix_spawnattr_setsigdefault(&attributes_, &set);
        int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
        flags |= options.new_session ? POSIX_SPAWN_SETSID : 0;
        flags |= options.reset_ids ? POSIX_SPAWN_RESETIDS : 0;
        if (options.process_group) {
            ::posix_spawnattr_setpgroup(&attributes_, *options.process_group);
            flags |= POSIX_SPAWN_SETPGROUP;
        }
        ::posix_spawnattr_setflags(&attributes_, static_cast<short>(flags));
    }

    // Returns the error, or 0.
    int spawn(pid_t& child, char const* path, char* const* arguments, char* const* environment)
        const noexcept {
        int const done = kernel().posix_spawn(
            &child, path, &actions_, &attributes_, arguments, environment);
        return done == 0 ? 0 : errno;
    }

private:
    static void require_memory(int error) {
        if (error != 0) {
            throw std::bad_alloc{};
        }
    }

    posix_spawn_file_actions_t actions_;
    posix_spawnattr_t attributes_;
};

}  // namespace tendril::detail
