// SPDX-License-Identifier: BSL-1.0
#pragma once

// A tower beside the floors: looking at a living process.
//
// `backtrace` shows where a greenlet stands that is not running; `spawn_tree` who has spawned whom;
// `stack_survey` tells how much stack greenlets use, and how much to give them. They look at what
// the floors keep and change nothing.

#include <tendril/inspect/backtrace.hpp>
#include <tendril/inspect/spawn_tree.hpp>
#include <tendril/inspect/stack_survey.hpp>
