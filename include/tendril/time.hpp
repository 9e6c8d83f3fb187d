// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 3a: waiting for time to pass, on the hub's clock.
//
// `sleep_for` and `yield` let others run, `timeout` limits a block, `timer` and `ticker` are
// moments to wait for.
//
// Begin with sleep.hpp; timeout.hpp says what carries an interruption that is due.

#include <tendril/time/sleep.hpp>
#include <tendril/time/timeout.hpp>
#include <tendril/time/timer.hpp>
