// SPDX-License-Identifier: BSL-1.0
//
// The pages of web_pages.hpp.
//
//     web [ADDRESS [WORD...]]       prints "listening on ADDRESS"; ends with SIGTERM
//
// Words: `compress` for compressed answers; `bounded` for as few as 32 connections at once and 32
// that wait in the kernel.
#include "web_pages.hpp"

#include <string_view>

int main(int argc, char** argv) {
    tendril::run([&] {
        auto options = web::options();
        for (int at = 2; at < argc; ++at) {
            options.compress |= argv[at] == std::string_view{"compress"};
            if (argv[at] == std::string_view{"bounded"}) {
                options.server.max_connections = 32;
                options.server.listen.backlog = 32;
            }
        }
        tendril::http_server server{argc > 1 ? argv[1] : "127.0.0.1:0", web::answer, options};
        web::serve(server);
    });
}
