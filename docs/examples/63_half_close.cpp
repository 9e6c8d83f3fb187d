// SPDX-License-Identifier: BSL-1.0
//
// A question that ends before the answer begins: half a close. The answer is a file.
#include <tendril/hub.hpp>
#include <tendril/net.hpp>
#include <tendril/scope.hpp>
#include <tendril/support.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/socket_base.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <string>
#include <string_view>

using namespace std::chrono_literals;

namespace {

std::string read_to_the_end(tendril::stream_socket& stream) {
    std::string text;
    char data[1024];
    tendril::error_code error;
    while (auto const size = stream.read_some(boost::asio::buffer(data), error)) {
        text.append(data, size);
    }
    return error == boost::asio::error::eof ? text : error.message();
}

// DOC: answer
void answer(tendril::tcp_stream& client, int book) {
    client.set_read_limit(30s);   // each read
    client.set_write_limit(60s);  // all of the answer
    std::string const question = read_to_the_end(client);
    std::cout << "asked for: " << question << '\n';
    std::cout << "sent: " << client.send_file(book, 4) << " bytes\n";
}
// DOC-END: answer

// DOC: ask
std::string ask(tendril::tcp_endpoint const& where, std::string_view question) {
    auto server = tendril::tcp_stream::connect_for(where, 10s);
    server.set_option(boost::asio::socket_base::keep_alive{true});
    server.write(boost::asio::buffer(question));
    server.shutdown_send();  // the server reads the end, and we read on
    return read_to_the_end(server);
}
// DOC-END: ask

}  // namespace

int main() {
    int const book = ::memfd_create("book", MFD_CLOEXEC);
    std::string_view const text = "I.  It was a dark and stormy night.";
    if (::pwrite(book, text.data(), text.size(), 0) < 0) {
        return 1;
    }
    tendril::scope_exit const close_book{[&] { ::close(book); }};
    tendril::run([&] {
        auto listener = tendril::tcp_listener::bind("127.0.0.1", 0);
        tendril::with_task_group([&](tendril::task_group& group) {
            group.spawn([&] {
                auto client = listener.accept();
                answer(client, book);
            });
            std::string const told = ask(listener.local_endpoint(), "a book");
            std::cout << "read: " << told << '\n';
        });
    });
}
