// SPDX-License-Identifier: BSL-1.0
//
// A class with two call operators leaves open which of them the first values are for.
//
// Expected: give every parameter a type (no `auto`), or take a single `tendril::value`
#include <tendril/greenlet/greenlet.hpp>

struct undecided {
    void operator()(int) const {}
#if !defined(MENDED)
    void operator()(long) const {}
#endif
};

int main() { tendril::greenlet const g{undecided{}}; }
