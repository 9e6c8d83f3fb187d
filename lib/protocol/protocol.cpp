// SPDX-License-Identifier: BSL-1.0
#include <tendril/protocol/protocol.hpp>

namespace tendril {

void protocol::connection_made(transport&) {}

bool protocol::eof_received() { return false; }

void protocol::connection_lost(std::exception_ptr) {}

void protocol::pause_writing() {}

void protocol::resume_writing() {}

}  // namespace tendril
