// SPDX-License-Identifier: BSL-1.0
//
// The table that is put in place has a function for each row, made by a template. It asks the
// object of its thread whether to fail, and else calls the row of the table that was in place.
#include <tendril/support/assert.hpp>
#include <tendril/testing/failing_system_calls.hpp>

#include <atomic>
#include <cerrno>
#include <type_traits>

namespace tendril::testing {
namespace {

constinit thread_local failing_system_calls* of_this_thread = nullptr;
constinit std::atomic<bool> in_use{false};
// The table that was in place before.
constinit std::atomic<system_calls const*> below{nullptr};

// Rows that free something do it before they report a failure.
template <auto Row>
constexpr bool is_done_anyhow = false;
template <>
constexpr bool is_done_anyhow<&system_calls::close> = true;
template <>
constexpr bool is_done_anyhow<&system_calls::munmap> = true;

template <typename Result>
Result minus_one() noexcept {
    if constexpr (std::is_pointer_v<Result>) {
        return MAP_FAILED;
    } else {
        return -1;
    }
}

template <auto Row>
struct failing_row;

template <typename Result, typename... Args, Result (*system_calls::*Row)(Args...)>
struct failing_row<Row> {
    static Result call(Args... args) {
        auto* const mine = of_this_thread;
        int const code = mine == nullptr ? 0 : mine->count(failing_system_calls::number_of(Row));
        if (code == 0) {
            return (below.load()->*Row)(args...);
        }
        if (is_done_anyhow<Row>) {
            static_cast<void>((below.load()->*Row)(args...));
        }
        errno = code;
        return minus_one<Result>();
    }
};

template <auto... Rows>
constexpr system_calls table_of() noexcept {
    static_assert(
        sizeof...(Rows) * sizeof(void (*)()) == sizeof(system_calls),
        "name every row of system_calls below");
    system_calls made{};
    ((made.*Rows = failing_row<Rows>::call), ...);
    return made;
}

constexpr system_calls table = table_of<
    &system_calls::mmap, &system_calls::munmap, &system_calls::madvise, &system_calls::mprotect,
    &system_calls::process_madvise, &system_calls::eventfd, &system_calls::read,
    &system_calls::write, &system_calls::epoll_create1, &system_calls::epoll_ctl,
    &system_calls::epoll_wait, &system_calls::socket, &system_calls::bind, &system_calls::listen,
    &system_calls::connect, &system_calls::accept4, &system_calls::setsockopt,
    &system_calls::getsockopt, &system_calls::getsockname, &system_calls::getpeername,
    &system_calls::recvmsg, &system_calls::sendmsg, &system_calls::recvmmsg,
    &system_calls::sendmmsg, &system_calls::recv, &system_calls::send, &system_calls::shutdown,
    &system_calls::socketpair, &system_calls::sendfile, &system_calls::pread, &system_calls::lstat,
    &system_calls::unlink, &system_calls::close, &system_calls::sched_getaffinity,
    &system_calls::sched_setaffinity, &system_calls::open, &system_calls::fstat,
    &system_calls::isatty, &system_calls::fcntl, &system_calls::dup3, &system_calls::pipe2,
    &system_calls::poll, &system_calls::readv, &system_calls::writev, &system_calls::preadv2,
    &system_calls::pwritev2, &system_calls::lseek, &system_calls::ftruncate, &system_calls::fsync,
    &system_calls::fdatasync, &system_calls::rename, &system_calls::copy_file_range,
    &system_calls::access, &system_calls::stat, &system_calls::posix_spawn,
    &system_calls::pidfd_open, &system_calls::pidfd_send_signal, &system_calls::kill,
    &system_calls::waitid>();

system_calls const& table_on_top_of(system_calls const& present, std::size_t number) {
    TENDRIL_REQUIRE(number > 0, "the first system call has the number 1");
    TENDRIL_REQUIRE(
        !in_use.exchange(true),
        "there is a failing_system_calls already: one at a time in a process, because they share "
        "one table");
    below = &present;
    return table;
}

}  // namespace

failing_system_calls::failing_system_calls(
    std::size_t row, int code, std::size_t number, failure how)
    : row_{row},
      code_{code},
      number_{number},
      how_{how},
      replaced_{std::in_place, table_on_top_of(kernel(), number)} {
    of_this_thread = this;
}

failing_system_calls::~failing_system_calls() {
    of_this_thread = nullptr;
    // Another one may be made from then on, on top of the table that is in place.
    replaced_.reset();
    in_use = false;
}

int failing_system_calls::count(std::size_t row) noexcept {
    if (row_ != every_row && row_ != row) {
        return 0;
    }
    ++calls_;
    if (calls_ == number_ || (calls_ > number_ && how_ == failure::for_ever)) {
        failed_ = true;
        return code_;
    }
    return 0;
}

}  // namespace tendril::testing
