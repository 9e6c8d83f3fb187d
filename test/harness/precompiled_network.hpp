// SPDX-License-Identifier: BSL-1.0
#pragma once

// The same for the floors that show Boost.Asio to their users.

#include <harness/precompiled.hpp>
#include <tendril/io.hpp>
