// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 1: a stack, and a jump from one stack to another.
//
// What is on a stack, where stacks come from, what a jump saves and what it leaves. Programs do not
// use this floor directly; greenlets are built on it. It is short, and it is the heart of the
// matter: read stack.hpp, then machine_context.hpp with its source.

#include <tendril/context/call_on_stack.hpp>
#include <tendril/context/exception_state.hpp>
#include <tendril/context/machine_context.hpp>
#include <tendril/context/overflow.hpp>
#include <tendril/context/sanitizer.hpp>
#include <tendril/context/stack.hpp>
#include <tendril/context/stack_pool.hpp>
#include <tendril/context/stack_usage.hpp>
