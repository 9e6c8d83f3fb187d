// SPDX-License-Identifier: BSL-1.0
#pragma once

// A server program as a child of the demo: started, asked for its port, measured, ended.

#include <sys/wait.h>

#include <spawn.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>

extern char** environ;

class child_process {
public:
    /// Starts a program and waits for its first line.
    explicit child_process(std::string const& program) {
        int ends[2];
        if (::pipe(ends) != 0) {
            throw std::system_error{errno, std::generic_category(), "pipe"};
        }
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        ::posix_spawn_file_actions_addclose(&actions, ends[0]);
        char* arguments[] = {const_cast<char*>(program.c_str()), nullptr};
        int const failed = ::posix_spawn(
            &id_, program.c_str(), &actions, nullptr, arguments, environ);
        ::posix_spawn_file_actions_destroy(&actions);
        ::close(ends[1]);
        if (failed != 0) {
            throw std::system_error{failed, std::generic_category(), "cannot start " + program};
        }
        std::FILE* const output = ::fdopen(ends[0], "r");
        char line[256] = "";
        if (std::fgets(line, sizeof line, output) != nullptr) {
            first_line_ = line;
        }
        std::fclose(output);
    }
    child_process(child_process const&) = delete;
    child_process& operator=(child_process const&) = delete;
    ~child_process() {
        if (id_ > 0) {
            ::kill(id_, SIGKILL);
            ::waitpid(id_, nullptr, 0);
        }
    }

    /// What it has printed first.
    std::string const& first_line() const { return first_line_; }

    /// How much memory it has touched, in bytes.
    long resident_bytes() const {
        std::ifstream status{"/proc/" + std::to_string(id_) + "/statm"};
        long size = 0;
        long resident = 0;
        status >> size >> resident;
        return resident * ::sysconf(_SC_PAGESIZE);
    }

    /// Sends it SIGTERM and returns its exit status.
    int terminate() {
        int status = 0;
        ::kill(id_, SIGTERM);
        ::waitpid(id_, &status, 0);
        id_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

private:
    pid_t id_ = 0;
    std::string first_line_;
};
