// SPDX-License-Identifier: BSL-1.0
#pragma once

// The path of a Unix socket, which goes with whoever has made it.
//
// It is removed only while the file there is still the same one, and by the process that has made
// it: somebody else may have taken its place by then, and the child of a fork has its parent's.

#include <tendril/support/system_calls.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <utility>

namespace tendril::detail {

class made_path {
public:
    /// Stands for no path.
    made_path() noexcept = default;

    /// Notes which file is there: a socket that was just bound.
    explicit made_path(std::string path) noexcept : path_{std::move(path)} {
        struct stat found {};
        if (kernel().lstat(path_.c_str(), &found) == 0) {
            device_ = found.st_dev;
            file_ = found.st_ino;
            owner_ = ::getpid();
        }
    }
    made_path(made_path&& other) noexcept
        : path_{std::move(other.path_)},
          device_{other.device_},
          file_{other.file_},
          owner_{std::exchange(other.owner_, 0)} {}
    /// Removes the one that was there.
    made_path& operator=(made_path&& other) noexcept {
        if (this != &other) {
            remove();
            path_ = std::move(other.path_);
            device_ = other.device_;
            file_ = other.file_;
            owner_ = std::exchange(other.owner_, 0);
        }
        return *this;
    }
    ~made_path() { remove(); }

    /// Removes the file. A second call does nothing. Switches: never.
    void remove() noexcept {
        struct stat found {};
        if (owner_ != 0 && owner_ == ::getpid() && kernel().lstat(path_.c_str(), &found) == 0 &&
            found.st_dev == device_ && found.st_ino == file_) {
            kernel().unlink(path_.c_str());
        }
        owner_ = 0;
    }

private:
    std::string path_;
    dev_t device_ = 0;
    ino_t file_ = 0;
    pid_t owner_ = 0;
};

}  // namespace tendril::detail
