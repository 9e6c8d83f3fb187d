// SPDX-License-Identifier: BSL-1.0
#pragma once

// The front door to all floors.
//
//     #include <tendril/tendril.hpp>
//
//     int main() {
//         return tendril::run([] {
//             auto answer = tendril::spawn([] { return 42; });
//             return answer.get() - 42;
//         });
//     }
//
// A program that includes one floor only (`tendril/hub.hpp`) compiles faster: from floor `io` on
// the headers bring Boost.Asio with them.
//
//     support → context → greenlet → coroutine → hub → time → sync → channel → task → scope →
//     together → threads → io → net → file → protocol → tls → process → hubs → server → http

#include <tendril/channel.hpp>
#include <tendril/coroutine.hpp>
#include <tendril/file.hpp>
#include <tendril/greenlet.hpp>
#include <tendril/http.hpp>
#include <tendril/hub.hpp>
#include <tendril/hubs.hpp>
#include <tendril/io.hpp>
#include <tendril/net.hpp>
#include <tendril/process.hpp>
#include <tendril/protocol.hpp>
#include <tendril/scope.hpp>
#include <tendril/server.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/threads.hpp>
#include <tendril/time.hpp>
#include <tendril/tls.hpp>
#include <tendril/together.hpp>
