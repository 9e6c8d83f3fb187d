// SPDX-License-Identifier: BSL-1.0
#pragma once

// Small programs that make every call of streams, for tests in which calls of the system fail. Each
// either does what it should, and says so by returning, or throws; nothing of it is left then.

#include <harness/own_folder.hpp>
#include <tendril/hub/errors.hpp>
#include <tendril/net.hpp>
#include <tendril/scope/exception_group.hpp>
#include <tendril/scope/task_group.hpp>

#include <boost/asio/socket_base.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tendril::test {

/// Something came out wrong although nobody was told of an error.
class wrong_result : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

inline void expect_same(std::string_view heard, std::string_view wanted) {
    if (heard != wanted) {
        throw wrong_result{"heard \"" + std::string{heard} + "\""};
    }
}

inline std::string read_exactly(stream_socket& stream, std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t filled = 0; filled < size;) {
        filled += stream.read_some(boost::asio::buffer(text.data() + filled, size - filled));
    }
    return text;
}

inline std::string read_to_end(stream_socket& stream) {
    std::string text;
    char data[64];
    error_code error;
    while (!error.failed()) {
        text.append(data, stream.read_some(boost::asio::buffer(data), error));
    }
    if (error != boost::asio::error::eof) {
        throw system_error{error};
    }
    return text;
}

/// Talks in both directions, in one and several buffers, with limits, to the end of both sides.
inline void talk(stream_socket& here, stream_socket& there) {
    using namespace std::chrono_literals;
    with_task_group([&](task_group& group) {
        group.spawn([&there] {
            there.set_read_limit(1h);
            expect_same(read_exactly(there, 8), "question");
            std::array<boost::asio::const_buffer, 2> const halves{
                boost::asio::buffer("ans", 3), boost::asio::buffer("wer", 3)};
            there.write_for(halves, 1h);
            expect_same(read_to_end(there), "last words");
            there.write(boost::asio::buffer("farewell", 8));
            there.shutdown_send();
        });
        here.set_option(boost::asio::socket_base::keep_alive{true});
        here.write(boost::asio::buffer("question", 8));
        std::string first(3, '\0');
        std::string second(3, '\0');
        std::array<boost::asio::mutable_buffer, 2> const halves{
            boost::asio::buffer(first), boost::asio::buffer(second)};
        std::size_t const filled = here.read_some_for(halves, 1h);
        std::string const rest = read_exactly(here, 6 - filled);
        expect_same((first + second).substr(0, filled) + rest, "answer");
        here.write(boost::asio::buffer("last words", 10));
        here.shutdown_send();
        expect_same(read_to_end(here), "farewell");
        boost::asio::socket_base::receive_buffer_size size;
        here.get_option(size);
    });
}

inline void talk_by_tcp() {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    tcp_stream here = tcp_stream::connect(listener.local_endpoint());
    tcp_stream there = listener.accept();
    talk(here, there);
    here.abort();
}

inline void talk_by_unix_socket() {
    own_folder const place;
    unix_listener listener = unix_listener::bind(place.file("door"), {.remove_stale = true});
    unix_stream here = unix_stream::connect(place.file("door"));
    unix_stream there = listener.accept();
    there.credentials_of_peer();
    talk(here, there);
    tcp_stream const moved = tcp_stream::adopt(here.release());
}

inline void send_a_file() {
    std::string const text(3000, 'f');
    unnamed_file const file{text};
    auto [here, there] = unix_stream::pair();
    with_task_group([&, &to = here, &from = there](task_group& group) {
        group.spawn([&] { expect_same(read_exactly(from, text.size()), text); });
        if (to.send_file(file.descriptor()) != text.size()) {
            throw wrong_result{"less was sent"};
        }
    });
}

inline void pass_a_file() {
    unnamed_file const file;
    auto [here, there] = unix_stream::pair();
    with_task_group([&, &to = here, &from = there](task_group& group) {
        group.spawn([&from] {
            char data[8];
            received_descriptors const received = from.receive_descriptors(
                boost::asio::buffer(data));
            std::string const rest = read_exactly(from, 6 - received.size);
            expect_same(std::string{data, received.size} + rest, "a file");
            if (received.descriptors.size() != 1 || received.cut_short) {
                throw wrong_result{"the descriptor was lost"};
            }
        });
        std::vector<int> const passed{file.descriptor()};
        to.send_descriptors(boost::asio::buffer("a file", 6), passed);
    });
}

/// All of them.
struct stream_program {
    char const* name;
    void (*run)();
};
inline constexpr std::array stream_programs{
    stream_program{"tcp", talk_by_tcp}, stream_program{"unix", talk_by_unix_socket},
    stream_program{"a file", send_a_file}, stream_program{"a descriptor", pass_a_file}};

// How a program ends. What it got wrong counts, and so does waiting in vain.
inline std::string end_of_program(stream_program const& program) {
    try {
        program.run();
        return "done";
    } catch (exception_group const& group) {
        for (auto const& error : group.errors()) {
            std::string const text = describe(error);
            if (text.find("wrong_result") != text.npos) {
                return text;
            }
        }
        return "error";
    } catch (wrong_result const& error) {
        return error.what();
    } catch (would_block_forever const&) {
        return "waits in vain";
    } catch (std::exception const&) {
        return "error";
    }
}

}  // namespace tendril::test
