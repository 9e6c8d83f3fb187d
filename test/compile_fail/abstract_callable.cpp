// SPDX-License-Identifier: BSL-1.0
//
// A class that leaves its call operator to others is nothing that a greenlet could run.
//
// Expected: abstract
#include <tendril/greenlet/greenlet.hpp>

struct job {
    virtual ~job() = default;
#if defined(MENDED)
    virtual void operator()() {}
#else
    virtual void operator()() = 0;
#endif
};

void make(job const& like) { tendril::greenlet const g{like}; }

int main() {}
