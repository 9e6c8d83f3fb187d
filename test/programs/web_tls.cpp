// SPDX-License-Identifier: BSL-1.0
//
// The pages of web_pages.hpp behind TLS.
//
//     web_tls CHAIN KEY      prints "listening on ADDRESS"; ends with SIGTERM
#include "web_pages.hpp"

#include <tendril/tls.hpp>

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: web_tls CHAIN KEY\n";
        return 2;
    }
    tendril::run([&] {
        auto const context = tendril::tls_context::server({
            .identity = tendril::tls_identity::from_files(argv[1], argv[2]),
            .protocols = {"http/1.1"},
        });
        tendril::http_server server{"127.0.0.1:0", context, web::answer, web::options()};
        web::serve(server);
    });
}
