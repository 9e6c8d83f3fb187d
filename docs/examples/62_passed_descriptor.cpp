// SPDX-License-Identifier: BSL-1.0
//
// A program that may open files does so for one that may not, and hands the open files over.
#include <tendril/hub.hpp>
#include <tendril/net.hpp>
#include <tendril/scope.hpp>
#include <tendril/support.hpp>

#include <boost/asio/buffer.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

// Stands for a file that not everybody may open. Returns -1 when there is none.
int open_for(std::string_view name) {
    std::string_view const text = "dear reader";
    int const file = name == "letter" ? ::memfd_create("letter", MFD_CLOEXEC) : -1;
    if (file >= 0 && ::pwrite(file, text.data(), text.size(), 0) < 0) {
        ::_exit(1);
    }
    return file;
}

// DOC: opener
void open_files(tendril::unix_stream& client) {
    char name[64];
    tendril::error_code error;
    while (auto const size = client.read_some(boost::asio::buffer(name), error)) {
        int const file = open_for({name, size});
        std::vector<int> const files(file < 0 ? 0 : 1, file);
        // The kernel makes a copy of the descriptor; ours is closed in any case.
        tendril::scope_exit const close_ours{[&] { ::close(file); }};
        client.send_descriptors(boost::asio::buffer(file < 0 ? "no" : "ok", 2), files);
    }
}
// DOC-END: opener

// DOC: ask
std::string ask_for(tendril::unix_stream& opener, std::string_view name) {
    opener.write(boost::asio::buffer(name));
    char answer[2];
    auto received = opener.receive_descriptors(boost::asio::buffer(answer));
    if (received.descriptors.size() == 0) {
        return "refused";
    }
    int const file = received.descriptors.take();
    tendril::scope_exit const close_file{[&] { ::close(file); }};
    char text[64];
    return {text, static_cast<std::size_t>(::pread(file, text, sizeof text, 0))};
}
// DOC-END: ask

}  // namespace

int main() {
    tendril::run([] {
        auto const name = "@tendril example 62 of " + std::to_string(::getpid());
        auto listener = tendril::unix_listener::bind(name);
        tendril::with_task_group([&](tendril::task_group& group) {
            // Whoever asks hears of it when the opener ends: its listener goes with it.
            group.spawn([listener = std::move(listener)]() mutable {
                auto client = listener.accept();
                bool const is_us = client.credentials_of_peer().user == ::getuid();
                std::cout << "asked by " << (is_us ? "ourselves" : "somebody else") << '\n';
                open_files(client);
            });
            auto opener = tendril::unix_stream::connect(name);
            for (std::string_view const wanted : {"letter", "diary"}) {
                std::string const text = ask_for(opener, wanted);
                std::cout << wanted << ": " << text << '\n';
            }
        });
    });
}
