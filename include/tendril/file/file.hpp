// SPDX-License-Identifier: BSL-1.0
#pragma once

// Files, without blocking a hub for a disk.
//
//     auto log = tendril::file::open("/var/log/messages");
//     tendril::buffered_reader reader{log, {.block = 65536}};
//     for (std::string const& line : reader.lines()) { … }
//
//     auto out = tendril::file::create("answer.txt");
//     out.write(boost::asio::buffer(text));
//     out.sync();
//     out.close();                          // says what the system says at the end; ~file does not
//
// No kernel tells when a file can be read: it is always "ready", and then a call blocks for as long
// as the disk takes. So a thread of a pool makes it and the greenlet parks. What the kernel has in
// memory is copied at once, without a thread (`preadv2` with RWF_NOWAIT, where the file system
// knows that), and takes from the turn of the greenlet, so that others have theirs. Writes, `sync`,
// `size` and the like always go to a thread. (Asio's own files, by io_uring, are not used: they are
// switched off in most builds of Boost, and forbidden in many containers.)
//
// A file is a stream for everything that takes a `read_stream` or `write_stream`, with a position
// of its own: `read_some` and `write_some` move it, `read_at` and `write_at` do not care. One
// greenlet at a time uses the position (another one gets `errc::busy`), and any number `read_at`
// and `write_at`: nothing else is put in order here.
//
// Interruption. The buffer is the caller's, and a call that a thread has begun can be neither
// stopped nor left behind. So a greenlet that is asked to leave waits until the thread is back, has
// the result, and leaves at its next wait. What waits for a thread leaves at once. There are no
// limits, for the same reason.
//
//     condition                             error
//     end of file                           asio::error::eof
//     closed by this program                errc::closed
//     another greenlet uses the position    errc::busy
//     a pipe, a terminal, a device          errc::wrong_kind: they are for `descriptor_stream`
//     anything else                         the system's
//
// Read next: file_contents.hpp; lib/file/file.cpp.

#include <tendril/io/error.hpp>
#include <tendril/io/stream_parts.hpp>
#include <tendril/threads/thread_pool.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace tendril {

namespace detail {
struct file_core;
}

/// How a file is opened. It is closed in other programs that this one executes.
struct file_options {
    bool read = true;
    bool write = false;
    /// Every write goes to the end, wherever that is then. Implies `write`.
    bool append = false;
    /// Makes the file if there is none.
    bool create = false;
    /// There must be none yet. Implies `create`.
    bool exclusive = false;
    /// What is in it goes.
    bool truncate = false;
    /// Around the kernel's memory; buffers and sizes are then as the file system wants them.
    bool direct = false;
    /// Who may do what with a file that is made; the process's umask takes away from that.
    mode_t permissions = 0666;
    /// Whose threads are used; null means those of the process.
    thread_pool* pool = nullptr;
};

class file : public detail::gathered_stream_forms<file, stream_forms<file>> {
public:
    using executor_type = boost::asio::io_context::executor_type;
    using lowest_layer_type = file;

    /// Makes a file that is not open: every operation says `errc::closed`.
    file() noexcept = default;
    file(file&& other) noexcept : core_{std::exchange(other.core_, nullptr)} {}
    /// Closes the file that was there, as the destructor does. Switches: never.
    file& operator=(file&& other) noexcept;

    /// Closes it, now or when the last call has ended, on this thread and without a word about
    /// errors: after writing, call `close`. Switches: never.
    ~file();

    /// Opens a file. Throws: system_error, naming it, with `errc::wrong_kind` for a folder and for
    /// what can be waited for; as `thread_pool::run`. Switches: may. Thread: any; one without a hub
    /// blocks.
    static file open(std::string const& path, file_options const& options = {});
    static file open(std::string const& path, error_code& error, file_options const& options = {});

    /// Makes a file to write, or empties the one that is there; and one whose end is written to.
    /// Throws: as `open`. Switches: may.
    static file create(std::string const& path) {
        return open(path, {.read = false, .write = true, .create = true, .truncate = true});
    }
    static file append_to(std::string const& path) {
        return open(path, {.read = false, .append = true, .create = true});
    }

    /// Takes over the descriptor of a regular file or block device, with its position; on failure
    /// it is closed. Throws: system_error; std::bad_alloc. Switches: never.
    static file adopt(int descriptor, thread_pool* pool = nullptr);

    /// Reads at a place of its own until the buffer is full or the file ends. Returns how many
    /// bytes; that is no error at the end. Switches: may.
    std::size_t read_at(std::uint64_t offset, boost::asio::mutable_buffer into, error_code& error);
    std::size_t read_at(std::uint64_t offset, boost::asio::mutable_buffer into);

    /// Writes all of the buffer at a place of its own. Returns how many bytes; fewer only with an
    /// error. Switches: may.
    std::size_t write_at(std::uint64_t offset, boost::asio::const_buffer from, error_code& error);
    std::size_t write_at(std::uint64_t offset, boost::asio::const_buffer from);

    /// Where the next read or write of the stream begins; moves that. What is appended goes to the
    /// end all the same. Switches: never.
    std::uint64_t tell() const noexcept;
    void seek(std::uint64_t position) noexcept;

    /// How long it is. Switches: may.
    std::uint64_t size(error_code& error) const;
    std::uint64_t size() const;

    /// Cuts it, or makes it longer with zeros. Switches: may.
    void resize(std::uint64_t size, error_code& error);
    void resize(std::uint64_t size);

    /// Waits until what was written is on the disk; `sync_data` leaves out what is not needed to
    /// read it again, such as times. Switches: may.
    void sync(error_code& error);
    void sync();
    void sync_data(error_code& error);
    void sync_data();

    /// Closes it, in a thread. What some file systems notice only now is the error. While another
    /// greenlet is in a call, that goes on, and the file closes behind it. A second call does
    /// nothing. It is closed also when this throws. Switches: may.
    void close(error_code& error);
    void close();

    /// Gives the descriptor away, which stays open; -1 when it is not open. Throws: misuse while
    /// another greenlet is in a call. Switches: never.
    int release();

    /// Says whether it is open. Switches: never.
    bool is_open() const noexcept { return core_ != nullptr; }

    /// The descriptor, or -1. It stays the file's. Switches: never.
    int native_handle() const noexcept;

    /// What it was opened as; empty for one that was adopted. Switches: never.
    std::string path() const;

    /// For code that is written for Asio's layers: the executor of the thread's hub.
    /// Switches: never. Thread: hub.
    executor_type get_executor() const;
    lowest_layer_type& lowest_layer() noexcept { return *this; }
    lowest_layer_type const& lowest_layer() const noexcept { return *this; }

    /// What stands behind it; null when it is not open. Switches: never.
    detail::file_core* core() const noexcept { return core_; }

private:
    friend gathered_stream_forms;
    friend stream_forms<file>;

    explicit file(detail::file_core& core) noexcept : core_{&core} {}

    std::size_t read_parts(
        iovec const* parts, std::size_t count, error_code& error, deadline const*);
    std::size_t write_once(iovec const* parts, std::size_t count, error_code& error);
    std::size_t write_all(detail::parts_source next, error_code& error, deadline const*);
    std::size_t checked(std::size_t size, error_code const& error, char const* call) const;

    detail::file_core* core_ = nullptr;
};

}  // namespace tendril
