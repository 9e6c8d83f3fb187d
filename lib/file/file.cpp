// SPDX-License-Identifier: BSL-1.0
//
// A read asks the kernel first for what it has in memory. That costs a system call more where there
// is nothing, and saves two switches of threads where there is something: copying 64 KiB takes
// about as long as a thread takes to hear of it.
//
// Invariants:
// 1. A core's descriptor is closed when nobody is in a call any more (`file_user`).
// 2. A thread is waited for: it has pointers into the frame of the caller and into its buffers.
// 3. The position moves by what was read or written, also when the call ends with an exception.
#include "file_core.hpp"

#include <tendril/file/descriptor_kind.hpp>
#include <tendril/file/file.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>

#include <boost/asio/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>

namespace tendril {
namespace detail {
namespace {

// A hub copies at most so much at once: about as long as a few switches of threads.
constexpr std::size_t most_at_once = 256 * 1024;
// One step of the budget for so many bytes.
constexpr std::size_t bytes_in_a_step = 4096;

// The first bytes of some parts.
class first_parts {
public:
    first_parts(iovec const* from, std::size_t number) noexcept {
        std::size_t room = most_at_once;
        for (; count_ < number && room > 0; ++count_) {
            parts_[count_] = {from[count_].iov_base, std::min(from[count_].iov_len, room)};
            room -= parts_[count_].iov_len;
        }
    }
    iovec const* data() const noexcept { return parts_.data(); }
    int count() const noexcept { return static_cast<int>(count_); }

private:
    stream_parts parts_;
    std::size_t count_ = 0;
};

void account_for_bytes(std::size_t size) {
    if (hub* const home = hub::of(this_thread())) {
        account_for_success(*home, io_steps + static_cast<int>(size / bytes_in_a_step));
    }
}

using vector_call = ssize_t (*system_calls::*)(int, iovec const*, int, off_t, int);

// Makes one call, without a thread if the kernel can do that.
std::size_t transfer(
    file_core& core, vector_call row, bool& blocks, iovec const* parts, std::size_t count,
    std::uint64_t offset, error_code& error) {
    auto const at = static_cast<off_t>(offset);
    if (!blocks) {
        first_parts const some{parts, count};
        ssize_t const done = (kernel().*row)(
            core.descriptor, some.data(), some.count(), at, RWF_NOWAIT);
        if (done >= 0) {
            auto const size = static_cast<std::size_t>(done);
            account_for_bytes(size);
            return size;
        }
        if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EAGAIN && errno != EINTR) {
            error = last_system_error();
            return end_at_once();
        }
        blocks = errno == EOPNOTSUPP || errno == ENOSYS;
    }
    call_answer const answer = call_in_thread(core.threads(), [&] {
        return (kernel().*row)(core.descriptor, parts, static_cast<int>(count), at, 0);
    });
    error = answer.error();
    return error.failed() ? 0 : static_cast<std::size_t>(answer.value);
}

int flags_of(file_options const& options) noexcept {
    bool const writes = options.write || options.append;
    int const access = !writes ? O_RDONLY : options.read ? O_RDWR : O_WRONLY;
    // A FIFO would keep the thread until somebody opens its other end.
    return access | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (options.append ? O_APPEND : 0) |
        (options.create || options.exclusive ? O_CREAT : 0) | (options.exclusive ? O_EXCL : 0) |
        (options.truncate ? O_TRUNC : 0) | (options.direct ? O_DIRECT : 0);
}

bool is_for_files(descriptor_kind kind) noexcept {
    return kind == descriptor_kind::regular || kind == descriptor_kind::block_device;
}

// Opens a file, in a thread. The core closes it when it is of the wrong kind.
error_code open_core(file_core& core, std::string const& path, file_options const& options) {
    call_answer const opened = call_uninterrupted(
        [&] { return kernel().open(path.c_str(), flags_of(options), options.permissions); });
    if (opened.value < 0) {
        return opened.error();
    }
    core.descriptor = static_cast<int>(opened.value);
    error_code error;
    descriptor_kind const kind = kind_of(core.descriptor, error);
    if (!error.failed() && !is_for_files(kind)) {
        error = io_error(errc::wrong_kind);
    }
    int const flags = kernel().fcntl(core.descriptor, F_GETFL, 0);
    if (flags >= 0) {
        kernel().fcntl(core.descriptor, F_SETFL, flags & ~O_NONBLOCK);
    }
    return error;
}

}  // namespace

std::size_t read_parts_at(
    file_core& core, iovec const* parts, std::size_t count, std::uint64_t offset,
    error_code& error) {
    return transfer(core, &system_calls::preadv2, core.reads_block, parts, count, offset, error);
}

std::size_t write_parts_at(
    file_core& core, iovec const* parts, std::size_t count, std::uint64_t offset,
    error_code& error) {
    return transfer(core, &system_calls::pwritev2, core.writes_block, parts, count, offset, error);
}

bool is_in_memory(file_core const& core, std::uint64_t offset) {
    char byte;
    iovec const part{&byte, 1};
    auto const at = static_cast<off_t>(offset);
    return !core.reads_block && kernel().preadv2(core.descriptor, &part, 1, at, RWF_NOWAIT) >= 0;
}

void throw_for_file(error_code const& error, std::string const& what, std::string const& path) {
    throw system_error{without_place(error), path.empty() ? what : what + " " + path};
}

}  // namespace detail

using detail::call_answer;
using detail::call_in_thread;
using detail::file_core;
using detail::file_user;

namespace {

error_code refusal_of_file(file_core const* core) noexcept {
    return core == nullptr || core->closed ? io_error(errc::closed) : error_code{};
}

// The same for what uses the position.
error_code refusal_of_position(file_core const* core) noexcept {
    error_code const error = refusal_of_file(core);
    return !error.failed() && core->busy ? io_error(errc::busy) : error;
}

void throw_if_file(error_code const& error, char const* call, std::string const& path) {
    if (error.failed()) {
        detail::throw_for_file(error, call, path);
    }
}

// Has a thread make a call that returns nothing else than whether it has worked.
template <typename Call>
void change_file(file_core* maybe, error_code& error, Call&& call) {
    detail::check_before_job();
    error = refusal_of_file(maybe);
    if (!error.failed()) {
        file_user const alive{*maybe};
        error = call_in_thread(maybe->threads(), [&] { return call(maybe->descriptor); }).error();
    } else {
        detail::end_at_once();
    }
}

}  // namespace

file& file::operator=(file&& other) noexcept {
    if (this != &other) {
        file const old{std::move(*this)};
        core_ = std::exchange(other.core_, nullptr);
    }
    return *this;
}

file::~file() {
    if (core_ != nullptr) {
        core_->closed = true;
        file_user::drop(*core_);
    }
}

file file::open(std::string const& path, error_code& error, file_options const& options) {
    file made{*new file_core};
    file_core& core = *made.core_;
    core.path = path;
    core.pool = options.pool;
    // A read around the kernel's memory waits for the disk, whatever it is told.
    core.reads_block = options.direct;
    core.writes_block = options.direct;
    error = core.threads().run([&] { return detail::open_core(core, path, options); });
    return error.failed() ? file{} : std::move(made);
}

file file::open(std::string const& path, file_options const& options) {
    error_code error;
    file opened = open(path, error, options);
    throw_if_file(error, "cannot open", path);
    return opened;
}

file file::adopt(int descriptor, thread_pool* pool) {
    scope_exit close_on_failure{[&] { kernel().close(descriptor); }};
    file made{*new file_core};
    error_code error;
    descriptor_kind const kind = kind_of(descriptor, error);
    if (!error.failed() && !detail::is_for_files(kind)) {
        error = io_error(errc::wrong_kind);
    }
    if (error.failed()) {
        detail::throw_for_file(
            error, "cannot use descriptor " + std::to_string(descriptor) + " as a file", {});
    }
    off_t const position = kernel().lseek(descriptor, 0, SEEK_CUR);
    close_on_failure.dismiss();
    made.core_->position = position > 0 ? static_cast<std::uint64_t>(position) : 0;
    made.core_->descriptor = descriptor;
    made.core_->pool = pool;
    return made;
}

std::size_t file::read_parts(
    iovec const* parts, std::size_t count, error_code& error, deadline const*) {
    detail::check_before_job();
    error = refusal_of_position(core_);
    if (error.failed()) {
        return detail::end_at_once();
    }
    file_core& core = *core_;
    file_user const alive{core};
    detail::direction_use const user{core.busy};
    std::size_t const size = detail::read_parts_at(core, parts, count, core.position, error);
    core.position += size;
    if (size == 0 && !error.failed()) {
        error = boost::asio::error::eof;
    }
    return size;
}

std::size_t file::write_once(iovec const* parts, std::size_t count, error_code& error) {
    detail::check_before_job();
    error = refusal_of_position(core_);
    if (error.failed()) {
        return detail::end_at_once();
    }
    file_core& core = *core_;
    file_user const alive{core};
    detail::direction_use const user{core.busy};
    std::size_t const size = detail::write_parts_at(core, parts, count, core.position, error);
    core.position += size;
    return size;
}

std::size_t file::write_all(detail::parts_source next, error_code& error, deadline const*) {
    std::size_t written = 0;
    detail::stream_parts parts;
    error = {};
    for (std::size_t count = next(parts); count > 0; count = next(parts)) {
        for (std::span<iovec> left{parts.data(), count}; !left.empty();) {
            std::size_t const size = write_once(left.data(), left.size(), error);
            written += size;
            if (error.failed()) {
                return written;
            }
            detail::advance(left, size);
        }
    }
    return written;
}

std::size_t file::checked(std::size_t size, error_code const& error, char const* call) const {
    // The name is copied only for an error: that is half of what a read from memory costs here.
    if (error.failed()) [[unlikely]] {
        detail::throw_for_file(error, call, path());
    }
    return size;
}

std::size_t file::read_at(
    std::uint64_t offset, boost::asio::mutable_buffer into, error_code& error) {
    detail::check_before_job();
    error = refusal_of_file(core_);
    if (error.failed()) {
        return detail::end_at_once();
    }
    file_core& core = *core_;
    file_user const alive{core};
    std::size_t filled = 0;
    while (filled < into.size() && !error.failed()) {
        iovec const rest{static_cast<char*>(into.data()) + filled, into.size() - filled};
        std::size_t const size = detail::read_parts_at(core, &rest, 1, offset + filled, error);
        filled += size;
        if (size == 0 || filled == into.size()) {
            break;
        }
        detail::check_before_job();
    }
    return filled;
}

std::size_t file::read_at(std::uint64_t offset, boost::asio::mutable_buffer into) {
    error_code error;
    std::size_t const size = read_at(offset, into, error);
    return checked(size, error, "read_at");
}

std::size_t file::write_at(
    std::uint64_t offset, boost::asio::const_buffer from, error_code& error) {
    detail::check_before_job();
    error = refusal_of_file(core_);
    if (error.failed()) {
        return detail::end_at_once();
    }
    file_core& core = *core_;
    file_user const alive{core};
    std::size_t written = 0;
    while (written < from.size() && !error.failed()) {
        boost::asio::const_buffer const rest = from + written;
        iovec const part{const_cast<void*>(rest.data()), rest.size()};
        written += detail::write_parts_at(core, &part, 1, offset + written, error);
    }
    return written;
}

std::size_t file::write_at(std::uint64_t offset, boost::asio::const_buffer from) {
    error_code error;
    std::size_t const size = write_at(offset, from, error);
    return checked(size, error, "write_at");
}

std::uint64_t file::tell() const noexcept { return core_ != nullptr ? core_->position : 0; }

void file::seek(std::uint64_t position) noexcept {
    if (core_ != nullptr) {
        core_->position = position;
    }
}

std::uint64_t file::size(error_code& error) const {
    struct stat found {};
    change_file(core_, error, [&](int descriptor) { return kernel().fstat(descriptor, &found); });
    return error.failed() ? 0 : static_cast<std::uint64_t>(found.st_size);
}

std::uint64_t file::size() const {
    error_code error;
    std::uint64_t const found = size(error);
    throw_if_file(error, "size", path());
    return found;
}

void file::resize(std::uint64_t size, error_code& error) {
    change_file(core_, error, [&](int descriptor) {
        return kernel().ftruncate(descriptor, static_cast<off_t>(size));
    });
}

void file::resize(std::uint64_t size) {
    error_code error;
    resize(size, error);
    throw_if_file(error, "resize", path());
}

void file::sync(error_code& error) {
    change_file(core_, error, [](int descriptor) { return kernel().fsync(descriptor); });
}

void file::sync() {
    error_code error;
    sync(error);
    throw_if_file(error, "sync", path());
}

void file::sync_data(error_code& error) {
    change_file(core_, error, [](int descriptor) { return kernel().fdatasync(descriptor); });
}

void file::sync_data() {
    error_code error;
    sync_data(error);
    throw_if_file(error, "sync_data", path());
}

void file::close(error_code& error) {
    error = {};
    if (core_ == nullptr) {
        return;
    }
    // Whatever happens, it goes with this.
    file const gone{std::move(*this)};
    file_core& core = *gone.core_;
    core.closed = true;
    if (core.references > 1) {
        return;
    }
    int descriptor = core.descriptor;
    error = core.threads()
                .run([&] {
                    core.descriptor = -1;
                    // Interrupted or not, the descriptor is gone.
                    return detail::call_answer{kernel().close(descriptor), errno};
                })
                .error();
    if (error == boost::system::errc::interrupted) {
        error = {};
    }
}

void file::close() {
    std::string const closed = path();
    error_code error;
    close(error);
    throw_if_file(error, "close", closed);
}

int file::release() {
    if (core_ == nullptr) {
        return -1;
    }
    TENDRIL_REQUIRE(
        core_->references == 1,
        "a file was released while another greenlet reads or writes it: wait for that one first");
    file const gone{std::move(*this)};
    return std::exchange(gone.core_->descriptor, -1);
}

int file::native_handle() const noexcept { return core_ != nullptr ? core_->descriptor : -1; }

std::string file::path() const { return core_ != nullptr ? core_->path : std::string{}; }

file::executor_type file::get_executor() const { return this_hub().context().get_executor(); }

}  // namespace tendril
