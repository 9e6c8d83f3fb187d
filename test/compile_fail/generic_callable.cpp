// SPDX-License-Identifier: BSL-1.0
//
// A generic lambda does not say which values its greenlet wants first.
//
// Expected: give every parameter a type (no `auto`), or take a single `tendril::value`
#include <tendril/greenlet/greenlet.hpp>

int main() {
#if defined(MENDED)
    tendril::greenlet const g{[](int first) { return first; }};
#else
    tendril::greenlet const g{[](auto first) { return first; }};
#endif
}
