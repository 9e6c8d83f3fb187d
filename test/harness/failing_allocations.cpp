// SPDX-License-Identifier: BSL-1.0
#include <harness/failing_allocations.hpp>

TENDRIL_FAILING_ALLOCATIONS();
