// SPDX-License-Identifier: BSL-1.0
#pragma once

// Three servers, and what each makes of some bytes: which requests it sees, and how that ends. The
// client sends all at once, and no more.
//
// tendril's serves a connection in this process: nothing of it is left out but the socket. Go's
// does the same in a process of its own (framing.go), nginx on Unix sockets.

#include <http_connection.hpp>
#include <http_listener.hpp>
#include <http_state.hpp>

#include <tendril/hub/hub.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/io/stream.hpp>
#include <tendril/support/scope_exit.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace framing {

/// How a server is done with a connection.
enum class ending : char {
    /// It waits for more.
    waits = 'w',
    /// It has ended the connection after an answer.
    closes = 'c',
    /// It has refused something.
    refuses = 'r',
};

struct seen_request {
    /// Its method and target.
    std::string line;
    /// How many bytes its body has; unknown when that has not come whole, or is not told.
    std::optional<std::uint64_t> size;
};

struct reading {
    std::vector<seen_request> requests;
    ending how = ending::waits;
};

/// One that never waits: it reads what is there and then the end, and keeps what is written.
class input_stream : public tendril::stream_forms<input_stream> {
public:
    using executor_type = boost::asio::io_context::executor_type;
    using lowest_layer_type = input_stream;

    explicit input_stream(std::string_view text) : left_{text} {}

    void shutdown_send() { said_goodbye_ = said_goodbye_ || !ended_; }
    void shutdown_send(tendril::error_code& error) {
        error = {};
        shutdown_send();
    }
    void close() { open_ = false; }
    bool is_open() const { return open_; }
    executor_type get_executor() { return tendril::this_hub().context().get_executor(); }
    lowest_layer_type& lowest_layer() noexcept { return *this; }

    /// Says whether somebody has asked for more than there is.
    bool ended() const noexcept { return ended_; }
    /// Says whether somebody has made an end before that.
    bool said_goodbye() const noexcept { return said_goodbye_; }
    std::string const& written() const noexcept { return written_; }

private:
    friend stream_forms;

    template <typename MutableBuffers>
    std::size_t read_into(MutableBuffers const& buffers, tendril::error_code& error) {
        auto const first = tendril::detail::first_with_room(buffers);
        std::size_t const size = std::min(first.size(), left_.size());
        std::memcpy(first.data(), left_.data(), size);
        left_.remove_prefix(size);
        ended_ = ended_ || (size == 0 && first.size() > 0);
        error = ended_ ? tendril::error_code{boost::asio::error::eof} : tendril::error_code{};
        return size;
    }
    template <typename ConstBuffers>
    std::size_t write_part_of(ConstBuffers const& buffers, tendril::error_code& error) {
        return write_all_of(buffers, error);
    }
    template <typename ConstBuffers>
    std::size_t write_all_of(ConstBuffers const& buffers, tendril::error_code& error) {
        error = {};
        std::size_t const before = written_.size();
        for (auto at = boost::asio::buffer_sequence_begin(buffers);
             at != boost::asio::buffer_sequence_end(buffers); ++at) {
            boost::asio::const_buffer const each{*at};
            written_.append(static_cast<char const*>(each.data()), each.size());
        }
        return written_.size() - before;
    }

    std::string_view left_;
    std::string written_;
    bool ended_ = false;
    bool open_ = true;
    bool said_goodbye_ = false;
};

class tendril_server {
public:
    tendril_server()
        : state_{[this](auto& request, auto& response) { answer(request, response); }, options()} {}

    reading read(std::string_view text) {
        made_ = {};
        refused_.reset();
        input_stream stream{text};
        stream_ = &stream;
        tendril::any_stream any{std::ref(stream)};
        tendril::detail::http_connection{state_, any}.serve();
        std::string_view const answers = stream.written();
        std::size_t const last = std::min(answers.rfind("HTTP/1.1 "), answers.size());
        bool const closes = stream.said_goodbye() ||
            answers.find("\r\nConnection: close\r\n", last) != answers.npos;
        made_.how = closes ? ending::closes : ending::waits;
        if (refused_) {
            made_.how = *refused_;
        }
        return std::move(made_);
    }

private:
    tendril::http_server_options options() {
        tendril::http_server_options made;
        made.on_exchange = [this](tendril::http_exchange const& done) {
            if (done.status == 204) {
                // `OPTIONS *` is not for a handler.
                note(done.request);
            } else if (done.status != 200 && !refused_) {
                // Who hears the end in the middle of a request has not refused it.
                refused_ = stream_->ended() ? ending::waits : ending::refuses;
            }
        };
        return made;
    }

    void note(tendril::http_request const& request) {
        made_.requests.push_back(
            {std::string{request.method()} + " " + std::string{request.target()}, {}});
    }

    void answer(tendril::http_request& request, tendril::http_response& response) {
        note(request);
        made_.requests.back().size = request.body().size();
        response.status(200);
    }

    tendril::detail::http_state state_;
    input_stream* stream_ = nullptr;
    reading made_;
    std::optional<ending> refused_;
};

inline void require(bool holds, std::string const& what) {
    if (!holds) {
        throw std::runtime_error{what + ": " + std::strerror(errno)};
    }
}

inline void write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        ssize_t const size = ::write(descriptor, text.data(), text.size());
        require(size > 0, "write");
        text.remove_prefix(static_cast<std::size_t>(size));
    }
}

/// nginx at a Unix socket. It answers each request with its first line in a field `X-Seen`.
class nginx_server {
public:
    explicit nginx_server(std::string path) : path_{std::move(path)} {}

    /// Sends something on a connection of its own, without a wait for what comes of it.
    void ask(std::string_view text) {
        int const client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        require(client >= 0, "socket");
        asked_.push_back(client);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path_.copy(address.sun_path, sizeof address.sun_path - 1);
        require(
            ::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0,
            "connect to " + path_);
        // It may have ended the connection already.
        ::send(client, text.data(), text.size(), MSG_NOSIGNAL);
        ::shutdown(client, SHUT_WR);
    }

    /// Returns what has come of all that was asked, in that order.
    std::vector<reading> take() {
        std::vector<reading> all;
        for (int const client : std::exchange(asked_, {})) {
            std::string answers;
            std::array<char, 16384> part;
            for (ssize_t size = 1; size > 0;) {
                size = ::recv(client, part.data(), part.size(), 0);
                answers.append(part.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
            }
            ::close(client);
            all.push_back(understood(answers));
        }
        return all;
    }

private:
    static reading understood(std::string_view answers) {
        constexpr std::string_view field = "\r\nX-Seen: ";
        reading made;
        for (std::size_t at = 0; (at = answers.find("HTTP/1.1 ", at)) != answers.npos;) {
            std::string_view const head = answers.substr(at, answers.find("\r\n\r\n", at) - at);
            at += head.size();
            int const status = std::atoi(head.data() + 9);
            bool const is_last = head.find("\r\nConnection: close") != head.npos;
            made.how = is_last ? ending::closes : ending::waits;
            if (status == 200) {
                std::string_view line = head.substr(head.find(field) + field.size());
                line = line.substr(0, line.find("\r\n"));
                made.requests.push_back({std::string{line.substr(0, line.rfind(" HTTP/"))}, {}});
            } else if (status > 200) {
                made.how = ending::refuses;
                break;
            }
        }
        return made;
    }

    std::string path_;
    std::vector<int> asked_;
};

/// framing.go as a child, which is asked and answers through pipes.
class go_server {
public:
    explicit go_server(std::string const& program) {
        std::array<int, 2> in{};
        std::array<int, 2> out{};
        require(::pipe2(in.data(), O_CLOEXEC) == 0 && ::pipe2(out.data(), O_CLOEXEC) == 0, "pipe");
        // What is asked and answered at a time fits: neither side waits for the other.
        ::fcntl(in[1], F_SETPIPE_SZ, 1 << 20);
        ::fcntl(out[1], F_SETPIPE_SZ, 1 << 20);
        child_ = ::fork();
        require(child_ >= 0, "fork");
        if (child_ == 0) {
            ::dup2(in[0], 0);
            ::dup2(out[1], 1);
            ::execl(program.c_str(), program.c_str(), nullptr);
            ::_exit(127);
        }
        ::close(in[0]);
        ::close(out[1]);
        in_ = in[1];
        out_ = ::fdopen(out[0], "r");
    }
    go_server(go_server const&) = delete;
    go_server& operator=(go_server const&) = delete;
    ~go_server() {
        ::close(in_);
        std::fclose(out_);
        ::waitpid(child_, nullptr, 0);
    }

    /// As of nginx.
    void ask(std::string_view text) {
        auto const size = static_cast<std::uint32_t>(text.size());
        write_all(in_, {reinterpret_cast<char const*>(&size), sizeof size});
        write_all(in_, text);
        ++asked_;
    }

    /// As of nginx.
    std::vector<reading> take() {
        std::vector<reading> all(std::exchange(asked_, 0));
        for (reading& made : all) {
            std::string line;
            while ((line = this->line()).size() > 1) {
                std::size_t const blank = line.find(' ');
                auto& seen = made.requests.emplace_back();
                seen.line = line.substr(blank + 1);
                if (line.front() != '-') {
                    seen.size = std::strtoull(line.c_str(), nullptr, 10);
                }
            }
            made.how = static_cast<ending>(line.at(0));
        }
        return all;
    }

private:
    std::string line() {
        std::string text;
        for (int c = 0; (c = ::getc_unlocked(out_)) != '\n';) {
            require(c != EOF, "the server of Go has ended");
            text.push_back(static_cast<char>(c));
        }
        return text;
    }

    pid_t child_ = -1;
    int in_ = -1;
    std::FILE* out_ = nullptr;
    std::size_t asked_ = 0;
};

}  // namespace framing
