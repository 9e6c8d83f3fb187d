// SPDX-License-Identifier: BSL-1.0
#pragma once

// A protocol: what happens on a connection, told by calls.
//
//     class echo final : public tendril::protocol {
//         void connection_made(tendril::transport& connection) override { peer_ = connection; }
//         void data_received(std::string_view bytes) override { peer_.write(bytes); }
//         tendril::transport peer_;
//     };
//
// Most code over a connection reads best as a loop that reads and writes. Take a protocol where the
// connection leads and the program follows: for a state machine, for code that was written so for
// another library, and where one greenlet has to write to many connections and wait for none.
//
//     connection_made → data_received … → [eof_received] → connection_lost
//
// * `connection_made` is the first call and `connection_lost` the last one, each exactly once, and
//   nothing is read before the first has returned. These four come one after the other, never one
//   inside another, in the greenlet of the connection. They may wait: for `drain`, a lock, a
//   database. While one does, nothing more is read, and the peer has to wait as well.
// * `pause_writing` and `resume_writing` come where the buffer of what is to be written passes its
//   marks: inside a `write` of whoever writes, and from the greenlet that empties the buffer. They
//   may come while one of the four waits. They must not wait: that is `misuse`.
// * What a call throws is reported to the hub's error handler, ends the connection as `abort` does,
//   and is what `connection_lost` is told. What `drain` throws because the connection is over may
//   leave a call, and is no error.
//
// When the greenlet of the connection is ended (the hub closes, a server is destroyed), a call that
// waits is ended by `greenlet_exit`, and `connection_lost` comes all the same.
//
// Read next: transport.hpp, protocol_server.hpp, docs/protocols.md.

#include <exception>
#include <string_view>

namespace tendril {

class transport;

class protocol {
public:
    protocol() = default;
    protocol(protocol const&) = delete;
    protocol& operator=(protocol const&) = delete;
    virtual ~protocol() = default;

    /// There is a connection. Keep a copy of the transport to write to it. Switches: may.
    virtual void connection_made(transport& connection);

    /// Something has been received: at least a byte, in pieces that mean nothing. The bytes are
    /// good until the call returns. Switches: may.
    virtual void data_received(std::string_view bytes) = 0;

    /// The peer sends nothing more. Returns whether the connection stays open for writing;
    /// otherwise it is closed, after what is in the buffer has left. Switches: may.
    virtual bool eof_received();

    /// The connection is over. The reason is empty after an orderly end, by either side; else it
    /// is the error of the stream, what a call has thrown, or `greenlet_exit`. Switches: may.
    virtual void connection_lost(std::exception_ptr reason);

    /// More waits to be written than the high mark: better write no more. Switches: never.
    virtual void pause_writing();

    /// As little as the low mark waits to be written. Switches: never.
    virtual void resume_writing();
};

}  // namespace tendril
