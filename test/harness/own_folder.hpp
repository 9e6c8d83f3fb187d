// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace tendril::test {

/// A folder of its own, which goes at the end of the scope with all that is in it.
class own_folder {
public:
    own_folder() {
        std::string made = (std::filesystem::temp_directory_path() / "tendril-XXXXXX").string();
        if (::mkdtemp(made.data()) == nullptr) {
            throw std::runtime_error{"no temporary folder"};
        }
        path_ = made;
    }
    own_folder(own_folder const&) = delete;
    own_folder& operator=(own_folder const&) = delete;
    // Without an allocation, which might fail.
    ~own_folder() {
        auto const remove = [](char const* each, struct stat const*, int, FTW*) {
            return std::remove(each);
        };
        ::nftw(path_.c_str(), remove, 8, FTW_DEPTH | FTW_PHYS);
    }

    std::string file(std::string_view name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

/// An open file without a name, with some text in it; closed at the end of the scope.
class unnamed_file {
public:
    explicit unnamed_file(std::string_view text = {}) {
        if (::pwrite(descriptor_, text.data(), text.size(), 0) !=
            static_cast<ssize_t>(text.size())) {
            ::close(descriptor_);
            throw std::runtime_error{"no temporary file"};
        }
    }
    unnamed_file(unnamed_file const&) = delete;
    unnamed_file& operator=(unnamed_file const&) = delete;
    ~unnamed_file() { ::close(descriptor_); }

    int descriptor() const noexcept { return descriptor_; }

private:
    int descriptor_ = ::memfd_create("unnamed", MFD_CLOEXEC);
};

}  // namespace tendril::test
