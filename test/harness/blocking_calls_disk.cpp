// SPDX-License-Identifier: BSL-1.0
#include <harness/blocking_calls.hpp>
#include <harness/gate.hpp>
#include <harness/own_folder.hpp>
#include <tendril/file/file.hpp>
#include <tendril/file/file_contents.hpp>
#include <tendril/net/unix_socket.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/threads/run_in_thread.hpp>
#include <tendril/threads/thread_pool.hpp>

#include <boost/asio/buffer.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace tendril::test {
namespace {

// Floor file: files. A disk that does not answer: the kernel has nothing in memory, and each thread
// that asks it for something stands at a gate.

// Of the disk that there is, if any.
gate* gate_of_disk = nullptr;
std::thread::id thread_of_hub;

template <auto Row>
struct slow_row;

template <typename Result, typename... Args, Result (*system_calls::*Row)(Args...)>
struct slow_row<Row> {
    static Result call(Args... args) {
        if (std::this_thread::get_id() != thread_of_hub) {
            gate_of_disk->pass();
        }
        return (real_kernel().*Row)(args...);
    }
};

// As `preadv2` and `pwritev2`.
template <auto Row>
struct cold_row;

template <typename Parts, ssize_t (*system_calls::*Row)(int, Parts, int, off_t, int)>
struct cold_row<Row> {
    static ssize_t call(int fd, Parts parts, int count, off_t at, int flags) {
        if ((flags & RWF_NOWAIT) != 0) {
            errno = EAGAIN;
            return -1;
        }
        return slow_row<Row>::call(fd, parts, count, at, flags);
    }
};

class slow_disk {
public:
    slow_disk() {
        gate_of_disk = &gate_;
        thread_of_hub = std::this_thread::get_id();
        slow_down<
            &system_calls::open, &system_calls::fstat, &system_calls::ftruncate,
            &system_calls::fsync, &system_calls::fdatasync, &system_calls::close,
            &system_calls::rename, &system_calls::copy_file_range>();
        table_.preadv2 = cold_row<&system_calls::preadv2>::call;
        table_.pwritev2 = cold_row<&system_calls::pwritev2>::call;
    }

    void answer() noexcept { gate_.open(); }
    void wait() noexcept { gate_.pass(); }
    void await_one() const { gate_.await(1); }

private:
    template <auto... Rows>
    void slow_down() {
        ((table_.*Rows = slow_row<Rows>::call), ...);
    }

    gate gate_;
    system_calls table_ = real_kernel();
    replaced_system_calls const in_place_{table_};
};

// Files on that disk, and the threads that wait for it.
struct disk_world {
    own_folder folder;
    std::string path = made_file(folder.file("there"));
    // Its threads have ended before the disk is the usual one again.
    slow_disk disk;
    thread_pool pool;
    file opened = another();
    std::thread busy;

    explicit disk_world(std::ptrdiff_t threads) : pool{{.maximum_size = threads}} {}
    disk_world(disk_world const&) = delete;
    disk_world& operator=(disk_world const&) = delete;
    ~disk_world() {
        disk.answer();
        if (busy.joinable()) {
            busy.join();
        }
    }

    // Gives a thread of the pool something that ends when the disk answers.
    void keep_busy() {
        busy = std::thread{[this] { pool.run([this] { disk.wait(); }); }};
        disk.await_one();
    }

    static std::string made_file(std::string path) {
        int const made = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        bool const well = ::write(made, "contents", 8) == 8;
        ::close(made);
        return well ? path : throw std::runtime_error{"no file"};
    }
    file another() { return file::adopt(::open(path.c_str(), O_RDWR | O_CLOEXEC), &pool); }
};

// Blocks until the jobs that there are stand at the gate, or are about to.
void until_begun(thread_pool const& pool) {
    while (pool.statistics().queued != 0) {
        std::this_thread::yield();
    }
}

using disk_call = void (*)(disk_world&);

// What the calls of this file have in common.
blocking_call at_the_disk(char const* name, disk_call call, std::shared_ptr<disk_world> in) {
    return {
        .name = name,
        .take =
            [=](deadline) {
                call(*in);
                return true;
            },
        .give = [=] { in->disk.answer(); },
        .at_rest = [=] { return in->pool.statistics().running == 0; },
        .stops_time = true,
    };
}

// A call that one thread makes as a whole: it is waited for, and has its result.
call_maker in_one_piece(char const* name, disk_call call, bool alone = false) {
    return [=] {
        auto const in = std::make_shared<disk_world>(2);
        blocking_call made = at_the_disk(name, call, in);
        made.to_wishes = answer::later;
        made.alone = alone;
        made.prepare = [=] {
            until_begun(in->pool);
            until_begun(default_thread_pool());
        };
        return made;
    };
}

// A call of several pieces, which is left after the one that a thread is at.
call_maker in_pieces(char const* name, disk_call call, bool alone = false) {
    return [=] {
        blocking_call made = in_one_piece(name, call, alone)();
        made.to_wishes = answer::given_late;
        return made;
    };
}

// A call that has no thread yet is left at once. Whether it has one in the turn in which it is
// given, the threads know.
call_maker without_a_thread(char const* name, disk_call call) {
    return [=] {
        auto const in = std::make_shared<disk_world>(1);
        in->keep_busy();
        blocking_call made = at_the_disk(name, call, in);
        made.to_wishes = answer::either;
        return made;
    };
}

void read_from_place(disk_world& in) {
    char data[4];
    in.opened.read_at(0, boost::asio::buffer(data));
}

void add_files(calls& all) {
    all.push_back(in_one_piece(
        "file::open", [](disk_world& in) { file::open(in.path, {.pool = &in.pool}); }));
    all.push_back(
        in_one_piece("file::create", [](disk_world& in) { file::create(in.folder.file("made")); }));
    all.push_back(in_one_piece(
        "file::append_to", [](disk_world& in) { file::append_to(in.folder.file("more")); }));
    all.push_back(in_one_piece(
        "file::read_some",
        [](disk_world& in) {
            char data[4];
            in.opened.read_some(boost::asio::buffer(data));
        },
        true));
    all.push_back(in_one_piece(
        "file::write", [](disk_world& in) { in.opened.write(boost::asio::buffer("text", 4)); },
        true));
    all.push_back(in_one_piece("file::read_at", read_from_place));
    all.push_back(without_a_thread("file::read_at, queued", read_from_place));
    all.push_back(in_one_piece("file::write_at", [](disk_world& in) {
        in.opened.write_at(0, boost::asio::buffer("text", 4));
    }));
    all.push_back(in_one_piece("file::size", [](disk_world& in) { in.opened.size(); }));
    all.push_back(in_one_piece("file::resize", [](disk_world& in) { in.opened.resize(3); }));
    all.push_back(in_one_piece("file::sync", [](disk_world& in) { in.opened.sync(); }));
    all.push_back(in_one_piece("file::sync_data", [](disk_world& in) { in.opened.sync_data(); }));
    all.push_back(in_one_piece("file::close", [](disk_world& in) { in.another().close(); }));
}

// Makes the threads of the process that two callers need, before anybody counts.
void make_two_threads() {
    std::latch both{2};
    auto const wait_in_pool = [&] { default_thread_pool().run([&] { both.arrive_and_wait(); }); };
    std::thread first{wait_in_pool};
    std::thread second{wait_in_pool};
    first.join();
    second.join();
}

void send_there(disk_world& in) {
    auto const ends = unix_stream::pair();
    send_file(const_cast<unix_stream&>(ends.first), in.opened);
}

void add_whole_files(calls& all) {
    all.push_back(in_pieces("read_file", [](disk_world& in) { read_file(in.path); }));
    all.push_back(in_pieces(
        "write_file", [](disk_world& in) { write_file(in.folder.file("written"), "text"); }));
    all.push_back(in_pieces("write_file that replaces", [](disk_world& in) {
        write_file(in.path, "text", {.replace = true, .sync = true});
    }));
    all.push_back(in_pieces(
        "copy_file", [](disk_world& in) { copy_file(in.path, in.folder.file("copied")); }));
    all.push_back(in_pieces("send_file", send_there));
}

}  // namespace

void add_calls_of_disks(calls& all) {
    make_two_threads();
    add_files(all);
    add_whole_files(all);
}

}  // namespace tendril::test
