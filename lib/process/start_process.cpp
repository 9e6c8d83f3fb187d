// SPDX-License-Identifier: BSL-1.0
//
// Whatever may fail with a name is done here and not in the child: files and the folder are opened,
// descriptors are tried, and the program is looked up. What is left for the child is to put
// descriptors into their places and to execute, and of that `posix_spawn` tells one number.
//
// Invariants:
// 1. Every descriptor that the child gets one from is above all places of the child, so that no
//    step destroys what a later one needs, whatever numbers the parent has free (`raise`).
// 2. All that we open is closed on exec, and the child closes what is above its places.
#include "start_process.hpp"

#include "environment.hpp"
#include "spawn_request.hpp"

#include <tendril/support/assert.hpp>
#include <tendril/support/system_calls.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tendril::detail {

std::array<owned_descriptor, 2> make_pipe() noexcept {
    std::array<int, 2> ends{-1, -1};
    if (kernel().pipe2(ends.data(), O_CLOEXEC) != 0) {
        return {};
    }
    return {owned_descriptor{ends[0]}, owned_descriptor{ends[1]}};
}

namespace {

constexpr std::array<char const*, 3> stream_names{"input", "output", "error output"};

error_code last_error_of_start() noexcept {
    return error_code{errno, boost::system::system_category()};
}

int open_again(char const* path, int flags) noexcept {
    constexpr mode_t made_with = 0666;
    int made = -1;
    do {
        made = kernel().open(path, flags | O_CLOEXEC, made_with);
    } while (made < 0 && errno == EINTR);
    return made;
}

// The descriptors of a child to be, and those of ours that go into them.
class descriptor_plan {
public:
    descriptor_plan(process_options const& options, start_failure& failure)
        : options_{options},
          failure_{failure},
          above_{3 + static_cast<int>(options.passed.size())} {}

    // Fills in the request. Returns false when something has failed.
    bool make(spawn_request& request) {
        std::array<redirection const*, 3> const wanted{
            &options_.input, &options_.output, &options_.error_output};
        for (int place = 0; place < 3; ++place) {
            if (!plan(*wanted[static_cast<std::size_t>(place)], place, request)) {
                return false;
            }
        }
        if (options_.error_output.what() == redirection::kind::output) {
            request.put(1, 2);
        }
        int place = 3;
        for (int const passed : options_.passed) {
            if (!put_copy(passed, place++, "passed descriptor", request)) {
                return false;
            }
        }
        request.close_from(above_);
        return true;
    }

    std::array<owned_descriptor, 3> take_ends() noexcept { return std::move(ends_); }

private:
    bool plan(redirection const& wanted, int place, spawn_request& request) {
        switch (wanted.what()) {
        case redirection::kind::usual:
        case redirection::kind::inherited:
            return true;
        case redirection::kind::pipe:
            return put_pipe(place, request);
        case redirection::kind::null:
            return put_file("/dev/null", O_RDWR, place, request);
        case redirection::kind::descriptor:
            return put_copy(wanted.number(), place, name_of(place), request);
        case redirection::kind::file:
            return put_file(
                wanted.path(), place == 0 ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC, place,
                request);
        case redirection::kind::end_of_file:
            TENDRIL_REQUIRE(
                place != 0, "a child cannot read from the end of a file: use redirection::file");
            return put_file(wanted.path(), O_WRONLY | O_CREAT | O_APPEND, place, request);
        case redirection::kind::output:
            TENDRIL_REQUIRE(
                place == 2,
                "only the error output of a child can go where its output goes: redirect its "
                "output to where both shall go");
            return true;
        }
        return true;
    }

    static char const* name_of(int place) { return stream_names[static_cast<std::size_t>(place)]; }

    bool put_pipe(int place, spawn_request& request) {
        std::array<owned_descriptor, 2> made = make_pipe();
        if (!made[0]) {
            return fail(std::string{"no pipe for its "} + name_of(place));
        }
        bool const child_reads = place == 0;
        owned_descriptor& ours = made[child_reads ? 1 : 0];
        owned_descriptor& its = made[child_reads ? 0 : 1];
        // The two ends are two open files: the child's stays as programs expect it.
        if (kernel().fcntl(ours.get(), F_SETFL, O_NONBLOCK) != 0) {
            return fail(std::string{"no pipe for its "} + name_of(place));
        }
        ends_[static_cast<std::size_t>(place)] = std::move(ours);
        return put(std::move(its), place, name_of(place), request);
    }

    bool put_file(std::string const& path, int flags, int place, spawn_request& request) {
        owned_descriptor opened{open_again(path.c_str(), flags)};
        if (!opened) {
            return fail("its " + std::string{name_of(place)} + ", " + path);
        }
        return put(std::move(opened), place, name_of(place), request);
    }

    bool put_copy(int given, int place, char const* what, spawn_request& request) {
        return put(owned_descriptor{given}, place, what, request, true);
    }

    // Keeps a descriptor above all places. A borrowed one is copied, so that it stays as it is.
    bool put(
        owned_descriptor source, int place, char const* what, spawn_request& request,
        bool borrowed = false) {
        int const number = source.get();
        if (borrowed || number < above_) {
            owned_descriptor raised{kernel().fcntl(number, F_DUPFD_CLOEXEC, above_)};
            if (borrowed) {
                source.release();
            }
            if (!raised) {
                return fail(std::string{"its "} + what + ", descriptor " + std::to_string(number));
            }
            source = std::move(raised);
        }
        request.put(source.get(), place);
        kept_.push_back(std::move(source));
        return true;
    }

    bool fail(std::string text) {
        failure_ = {last_error_of_start(), std::move(text)};
        return false;
    }

    process_options const& options_;
    start_failure& failure_;
    // The lowest number above the places of the child.
    int above_;
    std::array<owned_descriptor, 3> ends_;
    // Until the child has them.
    std::vector<owned_descriptor> kept_;
};

bool is_program(std::string const& path) noexcept {
    struct stat found {};
    if (kernel().access(path.c_str(), X_OK) != 0 || kernel().stat(path.c_str(), &found) != 0) {
        return false;
    }
    if (!S_ISREG(found.st_mode)) {
        errno = EACCES;
        return false;
    }
    return true;
}

// The path of a program. Folders that are not absolute are passed over: what they have depends on
// where one stands.
std::optional<std::string> look_up(std::string const& program, start_failure& failure) {
    if (program.find('/') != std::string::npos) {
        return program;
    }
    char const* const listed = std::getenv("PATH");
    std::string_view left = listed != nullptr ? listed : "/usr/local/bin:/usr/bin:/bin";
    int reason = ENOENT;
    while (!left.empty()) {
        std::string_view const folder = left.substr(0, left.find(':'));
        left.remove_prefix(std::min(folder.size() + 1, left.size()));
        if (!folder.starts_with('/')) {
            continue;
        }
        std::string path = std::string{folder} + "/" + program;
        if (is_program(path)) {
            return path;
        }
        reason = errno == ENOENT || errno == ENOTDIR ? reason : errno;
    }
    failure = {error_code{reason, boost::system::system_category()}, "not found in PATH"};
    return std::nullopt;
}

void require_sound(process_options const& options) {
    TENDRIL_REQUIRE(!options.program.empty(), "a child needs a program: set `program`");
    TENDRIL_REQUIRE(
        !options.new_session || !options.process_group,
        "the leader of a session has a process group of its own already: leave `process_group` "
        "out");
    auto const has_end = [](std::string const& text) {
        return text.find('\0') != std::string::npos;
    };
    bool ends = has_end(options.program) || has_end(options.folder);
    for (std::string const& argument : options.arguments) {
        ends = ends || has_end(argument);
    }
    TENDRIL_REQUIRE(
        !ends,
        "what a child is given cannot have a zero character in it: the system takes it for "
        "the end of the text");
}

// What is to blame for a failed `posix_spawn`, which does not say.
std::string blame(process_options const& options, std::string const& path, int reason) {
    if (reason == EAGAIN || reason == ENOMEM) {
        return "no room for another process";
    }
    if (!options.folder.empty() && kernel().access(options.folder.c_str(), X_OK) != 0) {
        return "its folder, " + options.folder;
    }
    if (options.process_group.value_or(0) != 0 && (reason == EPERM || reason == ESRCH)) {
        return "its process group, " + std::to_string(*options.process_group);
    }
    return path;
}

}  // namespace

started_process start_process(process_options const& options, start_failure& failure) {
    require_sound(options);
    std::optional<std::string> const path = look_up(options.program, failure);
    if (!path) {
        return {};
    }
    spawn_request request;
    descriptor_plan plan{options, failure};
    if (!plan.make(request)) {
        return {};
    }
    if (!options.folder.empty()) {
        request.change_folder(options.folder);
    }
    request.set_attributes(options);
    argument_list const arguments{options};
    environment_list const environment{options};
    started_process started{.ends = plan.take_ends()};
    int const reason = request.spawn(
        started.number, path->c_str(), arguments.pointers(), environment.pointers());
    if (reason != 0) {
        failure = {
            error_code{reason, boost::system::system_category()}, blame(options, *path, reason)};
        return {};
    }
    return started;
}

}  // namespace tendril::detail
