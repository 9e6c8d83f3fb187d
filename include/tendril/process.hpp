// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 6, last part: what the operating system sends and starts.
//
// Signals are waited for like anything else.

#include <tendril/process/signal_set.hpp>
