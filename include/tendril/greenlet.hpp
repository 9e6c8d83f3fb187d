// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 2: stacks in a parent tree that pass values and exceptions by switching.
//
// No loop is needed here: `greenlet` alone is enough for generators, for state machines written as
// plain code, and for schedulers of one's own (docs/examples/10_toy_hub.cpp is one).
//
// Begin with greenlet.hpp. Then state.hpp for the life of a greenlet, and switch.hpp for the
// switch. greenlet_local.hpp and context_carrier.hpp are what a greenlet carries, big_stack.hpp is
// for deep calls, trace_hook.hpp for looking at switches.

#include <tendril/greenlet/big_stack.hpp>
#include <tendril/greenlet/context_carrier.hpp>
#include <tendril/greenlet/greenlet.hpp>
#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/greenlet/greenlet_local.hpp>
#include <tendril/greenlet/scheduler.hpp>
#include <tendril/greenlet/state.hpp>
#include <tendril/greenlet/trace_hook.hpp>
#include <tendril/greenlet/value.hpp>
