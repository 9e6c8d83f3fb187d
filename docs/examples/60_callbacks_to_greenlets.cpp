// SPDX-License-Identifier: BSL-1.0
// A program of callbacks, brought over one part at a time.
//
// A server says a line and counts down to it; the same session is written twice. The callbacks need
// a class, a member for each thing that lives longer than a call, and somebody who keeps the whole
// alive. The greenlet is a function. Both run at the same time on the same context.
#include <tendril/hub.hpp>
#include <tendril/io.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using boost::asio::ip::tcp;
using tendril::use_greenlet;

namespace {

// DOC: callbacks
class countdown : public std::enable_shared_from_this<countdown> {
public:
    explicit countdown(tcp::socket peer) : peer_{std::move(peer)}, timer_{peer_.get_executor()} {}

    void next() {
        if (left_ == 0) {
            return;
        }
        timer_.expires_after(1ms);
        timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
            if (!error) {
                self->say();
            }
        });
    }

private:
    void say() {
        line_ = std::to_string(left_--) + "\n";
        boost::asio::async_write(
            peer_, boost::asio::buffer(line_),
            [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                if (!error) {
                    self->next();
                }
            });
    }

    tcp::socket peer_;
    boost::asio::steady_timer timer_;
    std::string line_;
    int left_ = 3;
};
// DOC-END: callbacks

// DOC: greenlet
void count_down(tcp::socket peer) {
    boost::asio::steady_timer timer{peer.get_executor()};
    for (int left = 3; left > 0; --left) {
        timer.expires_after(1ms);
        timer.async_wait(use_greenlet);
        boost::asio::async_write(
            peer, boost::asio::buffer(std::to_string(left) + "\n"), use_greenlet);
    }
}
// DOC-END: greenlet

// Reads everything that a server sends.
std::string listen_to(tcp::endpoint const& server) {
    tcp::socket socket{tendril::this_hub().context()};
    socket.async_connect(server, use_greenlet);
    std::string heard;
    // DOC: error
    tendril::error_code error;
    boost::asio::async_read(socket, boost::asio::dynamic_buffer(heard), use_greenlet[error]);
    if (error != boost::asio::error::eof) {
        throw tendril::system_error{error};
    }
    // DOC-END: error
    return heard;
}

tcp::acceptor listening() {
    return {tendril::this_hub().context(), {boost::asio::ip::address_v4::loopback(), 0}};
}

}  // namespace

int main() {
    tendril::run([] {
        tcp::acceptor old_door = listening();
        old_door.async_accept([](boost::system::error_code, tcp::socket peer) {
            std::make_shared<countdown>(std::move(peer))->next();
        });
        tcp::acceptor new_door = listening();
        tcp::endpoint const new_address = new_door.local_endpoint();
        auto const serving = tendril::spawn([door = std::move(new_door)]() mutable {
            count_down(door.async_accept(use_greenlet));
        });

        std::cout << "callbacks say\n" << listen_to(old_door.local_endpoint());
        std::cout << "a greenlet says\n" << listen_to(new_address);
        serving.join();

        // DOC: timeout
        try {
            tendril::timeout const limit{1ms};
            listening().async_accept(use_greenlet);  // nobody comes
        } catch (tendril::timed_out const&) {
            std::cout << "nobody came\n";
        }
        // DOC-END: timeout
    });
}
