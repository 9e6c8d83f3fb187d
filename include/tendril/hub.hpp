// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 3: one loop for each thread, that says who runs next and who sleeps until when.
//
// `run` begins a program, `remote` is the door for other threads. Whoever writes a primitive builds
// it on `waiter`. Sleeping and limits stand on floor `time`.
//
// Begin with run.hpp and hub.hpp; then waiter.hpp, which is the one protocol behind every wait.

#include <tendril/hub/alarm.hpp>
#include <tendril/hub/callback.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/clock.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/hub/errors.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/hub_options.hpp>
#include <tendril/hub/no_switch.hpp>
#include <tendril/hub/remote.hpp>
#include <tendril/hub/run.hpp>
#include <tendril/hub/waiter.hpp>
