// SPDX-License-Identifier: BSL-1.0
#pragma once

// How a child process has ended.
//
//     tendril::exit_status const status = child.wait();
//     if (!status.success()) { log(status.text()); }            // "code 2", "SIGSEGV, core dumped"
//
//     the child                               code()         signal()   text()
//     returned from main, or called exit      0 to 255       0          "code 2"
//     was ended by a signal                   its negative   number     "SIGTERM"
//     was waited for by somebody else         255            0          "unknown"
//
// The last line is for programs that call `waitpid(-1, …)` themselves, or ignore SIGCHLD: then the
// kernel has told, or tells, nobody else how the child ended.
//
// Switches: never. Thread: any.

#include <cstdint>
#include <string>

namespace tendril {

class exit_status {
public:
    /// An end of which nothing is known.
    exit_status() noexcept = default;

    /// An end with a code, or by a signal.
    static exit_status of_code(int code) noexcept { return {how::code, code, false}; }
    static exit_status of_signal(int signal, bool dumped_core = false) noexcept {
        return {how::signal, signal, dumped_core};
    }

    /// Says whether it ended with code 0.
    bool success() const noexcept { return how_ == how::code && number_ == 0; }

    /// Says whether the kernel has told how it ended.
    bool known() const noexcept { return how_ != how::unknown; }

    /// The code that it ended with; the negative number of the signal that ended it; 255 when it is
    /// not known.
    int code() const noexcept;

    /// The signal that ended it, or 0.
    int signal() const noexcept { return how_ == how::signal ? number_ : 0; }

    /// Says whether it has left an image of its memory.
    bool dumped_core() const noexcept { return dumped_core_; }

    /// Names the end in a word or two. Throws: std::bad_alloc.
    std::string text() const;

    bool operator==(exit_status const&) const noexcept = default;

private:
    enum class how : std::uint8_t { unknown, code, signal };

    exit_status(how kind, int number, bool dumped_core) noexcept
        : how_{kind},
          dumped_core_{dumped_core},
          number_{number} {}

    how how_ = how::unknown;
    bool dumped_core_ = false;
    int number_ = 0;
};

}  // namespace tendril
