// SPDX-License-Identifier: BSL-1.0
#pragma once

// Words that tests of protocols share: a protocol that notes what it is told, and a peer.

#include <harness/memory_lines.hpp>
#include <tendril/protocol/protocol.hpp>
#include <tendril/protocol/transport.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace tendril::test {

/// What a protocol does beside noting; empty functions do nothing.
struct deeds {
    std::function<void(transport&)> made = nullptr;
    std::function<void(std::string_view)> data = nullptr;
    std::function<bool()> eof = nullptr;
    std::function<void(std::exception_ptr)> lost = nullptr;
    std::function<void()> pause = nullptr;
    std::function<void()> resume = nullptr;
};

/// Notes each call, in order.
class noting_protocol final : public protocol {
public:
    noting_protocol(transcript& into, deeds does) : into_{into}, does_{std::move(does)} {}

    transport connection;

private:
    void connection_made(transport& made) override {
        connection = made;
        into_.push_back("made");
        if (does_.made) {
            does_.made(made);
        }
    }
    void data_received(std::string_view bytes) override {
        into_.push_back("data " + std::string{bytes});
        if (does_.data) {
            does_.data(bytes);
        }
    }
    bool eof_received() override {
        into_.push_back("eof");
        return does_.eof && does_.eof();
    }
    void connection_lost(std::exception_ptr reason) override {
        into_.push_back(reason == nullptr ? "lost" : "lost: " + name_of(reason));
        if (does_.lost) {
            does_.lost(reason);
        }
    }
    void pause_writing() override {
        into_.push_back("pause");
        if (does_.pause) {
            does_.pause();
        }
    }
    void resume_writing() override {
        into_.push_back("resume");
        if (does_.resume) {
            does_.resume();
        }
    }

    static std::string name_of(std::exception_ptr const& reason) {
        try {
            std::rethrow_exception(reason);
        } catch (system_error const& error) {
            return error.code().message();
        } catch (...) {
            return outcome_of([&] { std::rethrow_exception(reason); });
        }
    }

    transcript& into_;
    deeds const does_;
};

/// A protocol at one end of a pair in memory, and the other end. Its end is waited for, so that
/// what its calls refer to outlives them.
class protocol_and_peer {
public:
    explicit protocol_and_peer(
        deeds does = {}, protocol_options const& options = {},
        memory_stream_options const& stream = {})
        : protocol_and_peer{std::move(does), options, memory_stream::pair(stream)} {}
    protocol_and_peer(protocol_and_peer const&) = delete;
    protocol_and_peer& operator=(protocol_and_peer const&) = delete;
    ~protocol_and_peer() {
        interruption_shield const until_over;
        connection.abort();
        connection.wait_closed();
    }

    transcript seen;
    memory_stream peer;
    transport connection;

private:
    protocol_and_peer(
        deeds does, protocol_options const& options, std::pair<memory_stream, memory_stream> ends)
        : peer{std::move(ends.second)},
          connection{start_protocol(
              any_stream{std::move(ends.first)},
              std::make_shared<noting_protocol>(seen, std::move(does)), options)} {}
};

}  // namespace tendril::test
