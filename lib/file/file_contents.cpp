// SPDX-License-Identifier: BSL-1.0
#include "file_core.hpp"

#include <tendril/file/file_contents.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>

namespace tendril {
namespace {

using detail::call_answer;
using detail::call_in_thread;
using detail::call_uninterrupted;

// A read grows its text by so much at least, and a thread copies or reads so much at a time.
constexpr std::size_t least_growth = 64 * 1024;
constexpr std::uint64_t copied_at_once = 8 * 1024 * 1024;
constexpr std::uint64_t sent_at_once = 1024 * 1024;
constexpr std::size_t block_of_threads = 128 * 1024;

// Reads to the end. The size is asked for once, and may be wrong: files grow, and those of /proc
// have none.
std::string read_to_end(file const& from, std::size_t limit, error_code& error) {
    std::string text;
    auto& readable = const_cast<file&>(from);
    std::uint64_t const expected = from.size(error);
    std::size_t filled = 0;
    for (std::size_t room = expected + 1; !error.failed(); room = least_growth) {
        text.resize(std::min(filled + room, text.max_size()));
        auto const into = boost::asio::buffer(text.data() + filled, text.size() - filled);
        std::size_t const size = readable.read_at(filled, into, error);
        filled += size;
        if (filled > limit) {
            error = io_error(errc::too_long);
        } else if (size < into.size()) {
            break;
        }
    }
    text.resize(error.failed() ? 0 : filled);
    return text;
}

// A name beside a path that nobody else uses.
std::string name_beside(std::string const& path) {
    static std::atomic<unsigned> made{0};
    return path + "." + std::to_string(::getpid()) + "-" + std::to_string(++made) + ".new";
}

void write_and_close(file& to, std::string_view bytes, bool sync, error_code& error) {
    to.write(boost::asio::buffer(bytes), error);
    if (!error.failed() && sync) {
        to.sync(error);
    }
    error_code at_end;
    to.close(at_end);
    error = error.failed() ? error : at_end;
}

void write_beside(
    std::string const& path, std::string_view bytes, write_options const& options,
    error_code& error) {
    std::string const beside = name_beside(path);
    file made = file::open(
        beside, error,
        {.read = false, .write = true, .exclusive = true, .permissions = options.permissions});
    if (error.failed()) {
        return;
    }
    scope_exit remove{[&] { kernel().unlink(beside.c_str()); }};
    write_and_close(made, bytes, options.sync, error);
    if (!error.failed()) {
        error = call_in_thread(default_thread_pool(), [&] {
                    return kernel().rename(beside.c_str(), path.c_str());
                }).error();
    }
    if (!error.failed()) {
        remove.dismiss();
    }
}

bool kernel_cannot_copy(error_code const& error) noexcept {
    switch (error.value()) {
    case EXDEV:
    case EINVAL:
    case ENOSYS:
    case EOPNOTSUPP:
        return true;
    default:
        return false;
    }
}

// A copy under way. Its functions run in threads.
struct file_copy {
    int from;
    int to;
    std::uint64_t copied = 0;
    // Which the kernel may refuse to fill itself.
    std::unique_ptr<std::byte[]> block = nullptr;

    // Copies a piece. Returns zero at the end.
    call_answer copy_in_kernel() {
        return call_uninterrupted([&] {
            auto read_at = static_cast<off_t>(copied);
            auto write_at = static_cast<off_t>(copied);
            return kernel().copy_file_range(from, &read_at, to, &write_at, copied_at_once, 0);
        });
    }
    call_answer copy_a_block() {
        iovec part{block.get(), block_of_threads};
        call_answer const read = call_uninterrupted(
            [&] { return kernel().preadv2(from, &part, 1, static_cast<off_t>(copied), 0); });
        if (read.value <= 0) {
            return read;
        }
        part.iov_len = static_cast<std::size_t>(read.value);
        return call_uninterrupted(
            [&] { return kernel().pwritev2(to, &part, 1, static_cast<off_t>(copied), 0); });
    }
    call_answer copy_blocks() {
        call_answer total{.value = 0};
        while (static_cast<std::uint64_t>(total.value) < copied_at_once) {
            call_answer const done = copy_a_block();
            if (done.value <= 0) {
                return total.value > 0 ? total : done;
            }
            copied += static_cast<std::uint64_t>(done.value);
            total.value += done.value;
        }
        return total;
    }
};

void copy_to_end(file_copy& going, error_code& error) {
    thread_pool& pool = default_thread_pool();
    while (going.block == nullptr) {
        call_answer const done = pool.run([&] { return going.copy_in_kernel(); });
        error = done.error();
        going.copied += error.failed() ? 0 : static_cast<std::uint64_t>(done.value);
        // Some file systems say that there is nothing where there is something.
        if (kernel_cannot_copy(error) || (done.value == 0 && going.copied == 0)) {
            going.block = std::make_unique<std::byte[]>(block_of_threads);
            error = {};
        } else if (done.value <= 0) {
            return;
        }
    }
    call_answer done{.value = 1};
    while (done.value > 0) {
        done = pool.run([&] { return going.copy_blocks(); });
    }
    error = done.error();
}

mode_t permissions_of(file const& given, error_code& error) {
    struct stat found {};
    error = call_in_thread(default_thread_pool(), [&] {
                return kernel().fstat(given.native_handle(), &found);
            }).error();
    return found.st_mode & 07777;
}

// Has a thread read what of a part of a file is not in memory yet. It stays there for a while.
void read_ahead(detail::file_core& core, std::uint64_t offset, std::uint64_t count) {
    if (detail::is_in_memory(core, offset) && detail::is_in_memory(core, offset + count - 1)) {
        return;
    }
    core.threads().run([&] {
        auto const block = std::make_unique<std::byte[]>(block_of_threads);
        ssize_t size = 1;
        for (std::uint64_t read = 0; read < count && size > 0;
             read += static_cast<std::uint64_t>(size)) {
            iovec const part{
                block.get(),
                static_cast<std::size_t>(std::min<std::uint64_t>(count - read, block_of_threads))};
            auto const at = static_cast<off_t>(offset + read);
            size = kernel().preadv2(core.descriptor, &part, 1, at, 0);
        }
    });
}

}  // namespace

std::string read_file(std::string const& path, error_code& error, std::size_t limit) {
    file const from = file::open(path, error);
    return error.failed() ? std::string{} : read_to_end(from, limit, error);
}

std::string read_file(std::string const& path, std::size_t limit) {
    error_code error;
    std::string text = read_file(path, error, limit);
    if (error.failed()) {
        detail::throw_for_file(error, "cannot read", path);
    }
    return text;
}

void write_file(
    std::string const& path, std::string_view bytes, error_code& error,
    write_options const& options) {
    TENDRIL_REQUIRE(
        !options.append || !options.replace,
        "write_file cannot append to a file that it replaces: choose one of the two");
    if (options.replace) {
        write_beside(path, bytes, options, error);
        return;
    }
    file to = file::open(
        path, error,
        {.read = false,
         .write = true,
         .append = options.append,
         .create = true,
         .truncate = !options.append,
         .permissions = options.permissions});
    if (!error.failed()) {
        write_and_close(to, bytes, options.sync, error);
    }
}

void write_file(std::string const& path, std::string_view bytes, write_options const& options) {
    error_code error;
    write_file(path, bytes, error, options);
    if (error.failed()) {
        detail::throw_for_file(error, "cannot write", path);
    }
}

std::uint64_t copy_file(std::string const& from, std::string const& to, error_code& error) {
    file const source = file::open(from, error);
    if (error.failed()) {
        return 0;
    }
    mode_t const permissions = permissions_of(source, error);
    if (error.failed()) {
        return 0;
    }
    file target = file::open(
        to, error,
        {.read = false,
         .write = true,
         .create = true,
         .truncate = true,
         .permissions = permissions});
    if (error.failed()) {
        return 0;
    }
    file_copy going{.from = source.native_handle(), .to = target.native_handle()};
    copy_to_end(going, error);
    error_code at_end;
    target.close(at_end);
    error = error.failed() ? error : at_end;
    return going.copied;
}

std::uint64_t copy_file(std::string const& from, std::string const& to) {
    error_code error;
    std::uint64_t const size = copy_file(from, to, error);
    if (error.failed()) {
        detail::throw_for_file(error, "cannot copy " + from + " to", to);
    }
    return size;
}

std::uint64_t send_file(
    stream_socket& stream, file const& from, error_code& error, std::uint64_t offset,
    std::uint64_t count) {
    std::uint64_t const size = from.size(error);
    if (error.failed()) {
        return 0;
    }
    std::uint64_t const end = offset + std::min(count, size - std::min(size, offset));
    detail::file_user const alive{*from.core()};
    std::uint64_t sent = 0;
    while (offset + sent < end && !error.failed()) {
        std::uint64_t const piece = std::min(end - offset - sent, sent_at_once);
        read_ahead(*from.core(), offset + sent, piece);
        std::uint64_t const step = stream.send_file(
            from.native_handle(), offset + sent, piece, error);
        sent += step;
        if (step == 0) {
            break;
        }
    }
    return sent;
}

std::uint64_t send_file(
    stream_socket& stream, file const& from, std::uint64_t offset, std::uint64_t count) {
    error_code error;
    std::uint64_t const sent = send_file(stream, from, error, offset, count);
    if (error.failed()) {
        detail::throw_for_file(error, "send_file", from.path());
    }
    return sent;
}

}  // namespace tendril
