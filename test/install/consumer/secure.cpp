// SPDX-License-Identifier: BSL-1.0
//
// A program that needs what stands behind the library too: OpenSSL, and zlib if that is there.

#include <tendril/http/http_server.hpp>
#include <tendril/hub/run.hpp>
#include <tendril/tls/tls_context.hpp>

#include <iostream>

int main() {
    tendril::run([] {
        auto const context = tendril::tls_context::client();
        tendril::http_server const never_started{
            "127.0.0.1:0", [](tendril::http_request&, tendril::http_response&) {}};
        std::cout << "the answer is a secret\n";
    });
}
