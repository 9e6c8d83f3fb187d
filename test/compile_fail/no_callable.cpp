// SPDX-License-Identifier: BSL-1.0
//
// A number is no function, and is not converted to one.
//
// Expected: a greenlet reads the types of its first values off its function
#include <tendril/greenlet/greenlet.hpp>

#if defined(MENDED)
auto const function = [] {};
#else
int const function = 5;
#endif

int main() { tendril::greenlet const g{function}; }
