// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 6, last part: what the operating system sends and starts.
//
// Children are started, fed, read from and waited for, and none outlives its handle. Signals are
// waited for like anything else, call functions, or cancel a block.

#include <tendril/process/cancel_on_signal.hpp>
#include <tendril/process/completed_process.hpp>
#include <tendril/process/exit_status.hpp>
#include <tendril/process/pipeline.hpp>
#include <tendril/process/process.hpp>
#include <tendril/process/process_options.hpp>
#include <tendril/process/run_process.hpp>
#include <tendril/process/signal_handler.hpp>
#include <tendril/process/signal_set.hpp>
