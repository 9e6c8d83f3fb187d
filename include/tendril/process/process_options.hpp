// SPDX-License-Identifier: BSL-1.0
#pragma once

// What a child process is started with.
//
//     tendril::process_options sort{
//         .program = "sort",
//         .arguments = {"-n"},
//         .environment = {{"LC_ALL", "C"}},
//         .folder = "/var/log",
//         .input = tendril::redirection::file("numbers"),
//         .output = tendril::redirection::pipe(),
//     };
//
// Nothing of the parent reaches the child but what is said here: of its descriptors 0, 1 and 2 and
// those in `passed`, none of its signal handlers, ignored and blocked signals. The environment, the
// folder, the user and the umask are the parent's where nothing else is said.
//
//     redirection        the child's descriptor                       for
//     usual              inherited; `run_process` makes other ones    all
//     inherited()        the parent's                                 all
//     pipe()             a pipe, its other end is in `process`        all
//     null()             /dev/null                                    all
//     descriptor(n)      a copy of descriptor n, which stays open     all
//     file(path)         a file, read; made or emptied, and written   all
//     append_to(path)    a file, made, and written at its end         output, error_output
//     to_output()        where its output goes                        error_output
//
// Read next: process.hpp, run_process.hpp.

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tendril {

/// Where one of the descriptors 0, 1 and 2 of a child comes from. Switches: never. Thread: any.
class redirection {
public:
    /// What it is.
    enum class kind : std::uint8_t {
        usual,
        inherited,
        pipe,
        null,
        descriptor,
        file,
        end_of_file,
        output,
    };

    redirection() noexcept = default;
    static redirection inherited() { return redirection{kind::inherited}; }
    static redirection pipe() { return redirection{kind::pipe}; }
    static redirection null() { return redirection{kind::null}; }
    /// The descriptor must be open when the child is started, and may be closed afterwards.
    static redirection descriptor(int number) { return redirection{kind::descriptor, number}; }
    /// The path is looked up in the parent's folder.
    static redirection file(std::string path) {
        return redirection{kind::file, -1, std::move(path)};
    }
    static redirection append_to(std::string path) {
        return redirection{kind::end_of_file, -1, std::move(path)};
    }
    static redirection to_output() { return redirection{kind::output}; }

    kind what() const noexcept { return kind_; }
    /// The descriptor, or -1.
    int number() const noexcept { return number_; }
    std::string const& path() const noexcept { return path_; }

private:
    explicit redirection(kind what, int number = -1, std::string path = {})
        : kind_{what},
          number_{number},
          path_{std::move(path)} {}

    kind kind_ = kind::usual;
    int number_ = -1;
    std::string path_;
};

struct process_options {
    /// What is run: a path when it has a slash, taken from `folder` when it is relative; otherwise
    /// a name, which is looked up in the absolute folders of the parent's PATH.
    std::string program = {};
    /// What it is given, without its own name.
    std::vector<std::string> arguments = {};
    /// What it is told as its own name, when that is not `program`.
    std::optional<std::string> own_name = {};
    /// Whether it has the parent's environment.
    bool inherit_environment = true;
    /// What is added to that or, where there is no value, taken out of it; else, all that it has.
    std::map<std::string, std::optional<std::string>> environment = {};
    /// The folder that it works in, when that is not the parent's.
    std::string folder = {};
    redirection input = {};
    redirection output = {};
    redirection error_output = {};
    /// Descriptors that the child has as 3, 4 and so on, in this order.
    std::vector<int> passed = {};
    /// Whether it leads a session of its own, without a terminal, and with that a process group.
    bool new_session = false;
    /// The process group that it joins; 0 means one of its own. A signal to a group reaches all in
    /// it (`process::send_signal_to_group`).
    std::optional<pid_t> process_group = {};
    /// Whether its effective user and group become the real ones of this process, for programs that
    /// run with somebody else's.
    bool reset_ids = false;
};

}  // namespace tendril
