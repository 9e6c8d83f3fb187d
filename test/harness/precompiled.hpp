// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the compiler reads once for all tests of a floor. Tests include what they use all the same.

#include <harness/tendril_test.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>
