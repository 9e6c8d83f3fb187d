// SPDX-License-Identifier: BSL-1.0
//
// A stream belongs to its hub, so it is no argument for a task on another one.
//
// Expected: an argument belongs to the hub of the caller
#include <tendril/hubs/hub_group.hpp>
#include <tendril/net/tcp_stream.hpp>

#include <utility>

void serve(tendril::tcp_stream) {}
void serve_descriptor(int) {}

void give(tendril::hub_group& hubs, tendril::tcp_stream stream) {
#if defined(MENDED)
    hubs.spawn(serve_descriptor, stream.release());
#else
    hubs.spawn(serve, std::move(stream));
#endif
}
