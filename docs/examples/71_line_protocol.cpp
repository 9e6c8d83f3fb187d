// SPDX-License-Identifier: BSL-1.0
//
// Sends back what it is told, line by line: as a protocol, which is called. 72 is the same as a
// loop.
#include "line_client.hpp"

#include <tendril/tendril.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace {

// DOC: protocol
class line_echo final : public tendril::protocol {
    void connection_made(tendril::transport& connection) override { peer_ = connection; }

    void data_received(std::string_view bytes) override {
        received_ += bytes;
        std::size_t end = 0;
        while ((end = received_.find('\n')) != received_.npos) {
            answer(received_.substr(0, end));
            received_.erase(0, end + 1);
        }
    }

    bool eof_received() override {
        if (!received_.empty()) {
            answer(received_);
        }
        return false;  // close when that has left
    }

    void answer(std::string const& line) { peer_.write("you said: " + line + "\n"); }

    tendril::transport peer_;
    std::string received_;
};
// DOC-END: protocol

}  // namespace

int main() {
    tendril::run([] {
        // DOC: serve
        auto server = tendril::serve_protocol(
            "127.0.0.1:0", [] { return std::make_unique<line_echo>(); });
        // DOC-END: serve
        talk_to(server.local_endpoint());
    });
}
