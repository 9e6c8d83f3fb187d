// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 6, first half: the door to Boost.Asio.
//
// The completion token `use_greenlet` for everything that speaks Asio, what a wait for one of its
// operations is made of, coroutines of Asio that wait for tasks and are waited for, and what a
// stream is. From here on headers include Asio.

#include <tendril/io/accept_loop.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/io/async_task.hpp>
#include <tendril/io/await_coroutine.hpp>
#include <tendril/io/buffered_reader.hpp>
#include <tendril/io/buffered_writer.hpp>
#include <tendril/io/context_bound.hpp>
#include <tendril/io/copy.hpp>
#include <tendril/io/error.hpp>
#include <tendril/io/operation.hpp>
#include <tendril/io/pipe_signal.hpp>
#include <tendril/io/stream.hpp>
#include <tendril/io/stream_parts.hpp>
#include <tendril/io/stream_state.hpp>
#include <tendril/io/token_operation.hpp>
#include <tendril/io/use_greenlet.hpp>
