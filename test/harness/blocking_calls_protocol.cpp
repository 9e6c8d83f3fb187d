// SPDX-License-Identifier: BSL-1.0
//
// What waits for bytes, or for their leaving: readers and writers, copies, transports.
#include <harness/blocking_calls.hpp>
#include <harness/memory_lines.hpp>
#include <tendril/io/buffered_reader.hpp>
#include <tendril/io/buffered_writer.hpp>
#include <tendril/io/copy.hpp>
#include <tendril/protocol/protocol_server.hpp>
#include <tendril/protocol/transport.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/sync/event.hpp>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace tendril::test {
namespace {

using memory_pair = std::pair<memory_stream, memory_stream>;

// Both ends of a stream of three bytes, and a reader and a writer at this one.
using small_writer = buffered_writer<memory_stream>;

struct buffered_ends {
    memory_pair ends = memory_stream::pair({.capacity = 3});
    buffered_reader<memory_stream> reader{ends.first};
    buffered_writer<memory_stream> writer{ends.first};
    buffered_writer<memory_stream> small{ends.first, {.capacity = 2}};
};

// Whoever got something has a wish pending, perhaps, which must not be delivered while it gives: so
// what gives by a call that may wait does it in the hub.

template <typename Read>
call_maker for_reader(char const* name, Read read) {
    return [=] {
        auto const s = std::make_shared<buffered_ends>();
        auto const give = [s] { put(s->ends.second, "ab\n"); };
        return blocking_call{
            .name = name,
            .take =
                [=](deadline) {
                    read(s->reader);
                    return true;
                },
            .give = give,
            .give_on = [give] { this_hub().call_soon(give); },
            .at_rest = [s] { return s->reader.buffered().empty(); },
            .alone = true,
        };
    };
}

call_maker for_read_all() {
    return [] {
        auto const s = std::make_shared<buffered_ends>();
        return blocking_call{
            .name = "byte_reader::read_all",
            .take = [s](deadline) { return s->reader.read_all() == ""; },
            .give = [s] { s->ends.second.shutdown_send(); },
            .alone = true,
        };
    };
}

call_maker for_flush() {
    return [] {
        auto const s = std::make_shared<buffered_ends>();
        put(s->ends.first, "abc");
        auto const give = [s] { got(s->ends.second); };
        return blocking_call{
            .name = "byte_writer::flush",
            .take =
                [s](deadline) {
                    if (s->writer.size() == 0) {
                        s->writer.write("def");
                    }
                    s->writer.flush();
                    return true;
                },
            .give = give,
            .give_on = [give] { this_hub().call_soon(give); },
            .at_rest =
                [s] {
                    error_code ignored;
                    s->writer.flush(ignored);
                    return s->writer.size() == 0 || !s->ends.first.is_open();
                },
            .alone = true,
        };
    };
}

// More than the buffer takes, into a stream that is full.
template <typename Write>
call_maker for_write(char const* name, Write write) {
    return [=] {
        auto const s = std::make_shared<buffered_ends>();
        put(s->ends.first, "abc");
        auto const give = [s] { got(s->ends.second); };
        return blocking_call{
            .name = name,
            .take =
                [=](deadline) {
                    write(s->small);
                    return true;
                },
            .give = give,
            .give_on = [give] { this_hub().call_soon(give); },
            .at_rest = [s] { return s->small.size() == 0; },
            .alone = true,
        };
    };
}

// A stream in a box: its reads and writes are those of what is in it.
struct boxed_ends {
    memory_pair ends = memory_stream::pair({.capacity = 3});
    any_stream box{std::ref(ends.first)};
};

call_maker for_read_of_any() {
    return [] {
        auto const s = std::make_shared<boxed_ends>();
        auto const give = [s] { put(s->ends.second, "abc"); };
        return blocking_call{
            .name = "any_stream::read_some",
            .take =
                [s](deadline) {
                    std::array<char, 8> data;
                    return s->box.read_some(boost::asio::buffer(data)) == 3;
                },
            .give = give,
            .give_on = [give] { this_hub().call_soon(give); },
            .alone = true,
        };
    };
}

template <typename Write>
call_maker for_write_of_any(char const* name, Write write) {
    return [=] {
        auto const s = std::make_shared<boxed_ends>();
        put(s->ends.first, "abc");
        auto const give = [s] { got(s->ends.second); };
        return blocking_call{
            .name = name,
            .take = [=](deadline) { return write(s->box) == 3; },
            .give = give,
            .give_on = [give] { this_hub().call_soon(give); },
            .alone = true,
        };
    };
}

struct two_streams {
    memory_pair from = memory_stream::pair();
    memory_pair to = memory_stream::pair();
};

call_maker for_copy() {
    return [] {
        auto const s = std::make_shared<two_streams>();
        return blocking_call{
            .name = "copy",
            .take =
                [s](deadline) {
                    copy(s->from.first, s->to.first);
                    return true;
                },
            .give = [s] { s->from.second.shutdown_send(); },
            .alone = true,
        };
    };
}

call_maker for_copy_both() {
    return [] {
        auto const s = std::make_shared<two_streams>();
        return blocking_call{
            .name = "copy_both",
            .take =
                [s](deadline) {
                    copy_both(s->from.first, s->to.first);
                    return true;
                },
            .give =
                [s] {
                    s->from.second.shutdown_send();
                    s->to.second.shutdown_send();
                },
            .to_wishes = answer::given_late,
            .alone = true,
        };
    };
}

// Refers to nothing, because it may be told of the end when all else has gone.
class deaf_protocol final : public protocol {
    void data_received(std::string_view) override {}
};

// A connection with more to write than its peer takes.
struct busy_connection {
    busy_connection() { connection.write("abcdef"); }

    memory_pair ends = memory_stream::pair({.capacity = 3});
    transport connection = start_protocol(
        any_stream{std::move(ends.first)}, std::make_shared<deaf_protocol>(),
        {.marks = {.high = 5, .low = 0}});
};

call_maker for_transport(char const* name, void (transport::*wait)(), bool by_its_end) {
    return [=] {
        auto const s = std::make_shared<busy_connection>();
        blocking_call made{
            .name = name,
            .take =
                [=](deadline) {
                    (s->connection.*wait)();
                    return true;
                },
            .give =
                [=] {
                    by_its_end ? s->connection.abort() : static_cast<void>(got(s->ends.second));
                },
            .at_rest =
                [s] {
                    s->connection.abort();
                    return true;
                },
            .to_wishes = answer::given_late,
        };
        return made;
    };
}

call_maker for_exchange() {
    return [] {
        auto const s = std::make_shared<event>();
        return blocking_call{
            .name = "transport::exchange_stream",
            .take =
                [s](deadline) {
                    transport connection = start_protocol(
                        any_stream{memory_stream::pair().first}, std::make_shared<deaf_protocol>());
                    scope_exit const over{[&] { connection.abort(); }};
                    connection.exchange_stream([s](any_stream below, std::string) {
                        s->wait();
                        return below;
                    });
                    return true;
                },
            .give = [s] { s->set(); },
        };
    };
}

// Nobody comes.
class deserted_source final : public detail::stream_source {
    any_stream accept(error_code& error) override {
        closed_.wait();
        error = io_error(errc::closed);
        return {};
    }
    void close() override { closed_.set(); }
    tcp_endpoint local_endpoint() const override { return {}; }

    event closed_;
};

blocking_call for_server(bool timed) {
    auto const server = std::make_shared<protocol_server>(
        start_protocol_server(std::make_unique<deserted_source>(), [] { return nullptr; }, {}));
    return blocking_call{
        .name = "protocol_server::wait",
        .take =
            [=](deadline limit) { return server->wait_until(timed ? limit : deadline::never()); },
        .give = [=] { server->stop(); },
        .at_rest =
            [=] {
                server->stop();
                return true;
            },
    };
}

}  // namespace

void add_calls_of_protocol(calls& all) {
    all.push_back(
        for_reader("byte_reader::read_exactly", [](byte_reader& from) { from.read_exactly(3); }));
    all.push_back(
        for_reader("byte_reader::read_until", [](byte_reader& from) { from.read_until("\n"); }));
    all.push_back(
        for_reader("byte_reader::read_line", [](byte_reader& from) { from.read_line(); }));
    all.push_back(for_reader("byte_reader::peek", [](byte_reader& from) {
        from.peek(3);
        from.consume(3);
    }));
    all.push_back(for_reader("byte_reader::read_some", [](byte_reader& from) {
        std::array<char, 8> data;
        from.read_some(boost::asio::buffer(data));
    }));
    all.push_back(for_read_all());
    all.push_back(for_flush());
    all.push_back(for_write("byte_writer::write", [](small_writer& to) { to.write("def"); }));
    all.push_back(for_write("byte_writer::write_some", [](small_writer& to) {
        to.write_some(boost::asio::buffer("def", 3));
    }));
    all.push_back(for_read_of_any());
    all.push_back(for_write_of_any("any_stream::write_some", [](any_stream& box) {
        return box.write_some(boost::asio::buffer("def", 3));
    }));
    all.push_back(for_write_of_any("any_stream::write", [](any_stream& box) {
        return box.write(boost::asio::buffer("def", 3));
    }));
    all.push_back(for_copy());
    all.push_back(for_copy_both());
    all.push_back(for_transport("transport::drain", &transport::drain, false));
    all.push_back(for_transport("transport::wait_closed", &transport::wait_closed, true));
    all.push_back(for_exchange());
    add_both(all, for_server);
}

}  // namespace tendril::test
