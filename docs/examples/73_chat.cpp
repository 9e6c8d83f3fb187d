// SPDX-License-Identifier: BSL-1.0
//
// A chat: what one says, all others hear. The room writes to every member and waits for none, so
// one who does not listen keeps nobody up; when too much waits for it, it is sent away.
#include <tendril/tendril.hpp>
#include <tendril/testing.hpp>

#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

// DOC: room
class room {
public:
    void enter(tendril::transport const& member) { members_.push_back(member); }
    void leave(tendril::transport const& member) { std::erase(members_, member); }

    /// Tells it to all but the one who has said it.
    void tell(std::string const& line, tendril::transport const& by) {
        for (tendril::transport& each : members_) {
            if (!(each == by)) {
                each.write(line + "\n");
            }
        }
    }

private:
    std::vector<tendril::transport> members_;
};
// DOC-END: room

class member final : public tendril::protocol {
public:
    explicit member(room& where) : room_{where} {}

private:
    void connection_made(tendril::transport& connection) override { self_ = connection; }

    void data_received(std::string_view bytes) override {
        received_ += bytes;
        std::size_t end = 0;
        while ((end = received_.find('\n')) != received_.npos) {
            heard(received_.substr(0, end));
            received_.erase(0, end + 1);
        }
    }

    // The first line is a name.
    void heard(std::string const& line) {
        if (!name_.empty()) {
            room_.tell(name_ + ": " + line, self_);
            return;
        }
        name_ = line;
        room_.enter(self_);
        self_.write("welcome, " + name_ + "\n");
        room_.tell("* " + name_ + " has come", self_);
    }

    void connection_lost(std::exception_ptr) override {
        room_.leave(self_);
        room_.tell("* " + name_ + " has gone", self_);
    }

    void pause_writing() override { self_.abort(); }

    room& room_;
    tendril::transport self_;
    std::string name_;
    std::string received_;
};

// Somebody who talks, and prints what is heard.
class person {
public:
    person(tendril::tcp_endpoint const& server, std::string name)
        : name_{std::move(name)},
          stream_{tendril::tcp_stream::connect(server)} {
        say(name_);
        hear(1);
    }

    void say(std::string const& line) { stream_.write(boost::asio::buffer(line + "\n")); }
    void hear(int lines) {
        for (int i = 0; i < lines; ++i) {
            tendril::timeout const limit{1s};
            std::cout << name_ << " hears  " << reader_.read_line().value_or("the end") << '\n';
        }
    }
    void go() { stream_.close(); }

private:
    std::string name_;
    tendril::tcp_stream stream_;
    tendril::buffered_reader<tendril::tcp_stream> reader_{stream_};
};

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [] {
        room lobby;
        auto server = tendril::serve_protocol(
            "127.0.0.1:0", [&] { return std::make_unique<member>(lobby); });
        person ann{server.local_endpoint(), "ann"};
        person bob{server.local_endpoint(), "bob"};
        person cid{server.local_endpoint(), "cid"};
        ann.hear(2);
        bob.hear(1);
        ann.say("good morning");
        bob.hear(1);
        cid.hear(1);
        bob.go();
        ann.hear(1);
        cid.hear(1);
        server.stop();
        server.close_clients();
        ann.hear(1);
        cid.hear(1);
        server.wait();
    });
}
