// SPDX-License-Identifier: BSL-1.0
#include <harness/blocking_calls.hpp>
#include <tendril/file/event_counter.hpp>
#include <tendril/file/pipe.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/io/pipe_signal.hpp>

#include <boost/asio/buffer.hpp>

#include <unistd.h>

#include <array>
#include <memory>
#include <utility>

namespace tendril::test {
namespace {

// Floor file: pipes, counters, and several descriptors. (Files: blocking_calls_disk.cpp.)

struct open_pipe {
    pipe_ends ends = make_pipe();

    void fill() const {
        std::array<char, 4096> const bytes{};
        int const into = ends.writer.native_handle();
        auto const write = [&] { return ::write(into, bytes.data(), bytes.size()); };
        while (detail::without_pipe_signal(write) > 0) {}
    }
    void drain() const {
        std::array<char, 4096> bytes;
        while (::read(ends.reader.native_handle(), bytes.data(), bytes.size()) > 0) {}
    }
};

deadline file_limit(bool timed, deadline limit) { return timed ? limit : deadline::never(); }

// Says whether a call did it in time; throws what else there was.
bool file_call_came(error_code const& error) {
    detail::throw_if(error == errc::timed_out ? error_code{} : error, "a pipe");
    return !error.failed();
}

blocking_call reading_a_pipe(bool timed) {
    auto const pipe = std::make_shared<open_pipe>();
    return {
        .name = "descriptor_stream::read_some",
        .take =
            [=](deadline limit) {
                char data[8];
                error_code error;
                pipe->ends.reader.read_some_until(
                    boost::asio::buffer(data), error, file_limit(timed, limit));
                return file_call_came(error);
            },
        .give = [=] { pipe->fill(); },
        .close = [=] { pipe->ends.reader.close(); },
        .to_wishes = answer::given_late,
        .alone = true,
    };
}

blocking_call writing_a_pipe(bool timed) {
    auto const pipe = std::make_shared<open_pipe>();
    pipe->fill();
    return {
        .name = "descriptor_stream::write",
        .take =
            [=](deadline limit) {
                error_code error;
                pipe->ends.writer.write_until(
                    boost::asio::buffer("x", 1), error, file_limit(timed, limit));
                return file_call_came(error);
            },
        .give = [=] { pipe->drain(); },
        .close = [=] { pipe->ends.writer.close(); },
        .to_wishes = answer::given_late,
        .alone = true,
    };
}

blocking_call counting(bool timed) {
    auto const counter = std::make_shared<event_counter>(event_counter_options{.semaphore = true});
    return {
        .name = "event_counter::wait",
        .take =
            [=](deadline limit) {
                return counter->wait_until(file_limit(timed, limit)).has_value();
            },
        .give = [=] { counter->add(2); },
        .close = [=] { call_off_waits(counter->native_handle()); },
        .to_wishes = answer::given_late,
        .alone = true,
    };
}

blocking_call polling(bool timed) {
    auto const pipe = std::make_shared<open_pipe>();
    return {
        .name = "poll",
        .take =
            [=](deadline limit) {
                std::array<pollfd, 1> watched{{{pipe->ends.reader.native_handle(), POLLIN, 0}}};
                return poll_until(watched, file_limit(timed, limit)) > 0;
            },
        .give = [=] { pipe->fill(); },
        .to_wishes = answer::given_late,
        .alone = true,
    };
}

}  // namespace

void add_calls_of_files(calls& all) {
    add_both(all, reading_a_pipe);
    add_both(all, writing_a_pipe);
    add_both(all, counting);
    add_both(all, polling);
}

}  // namespace tendril::test
