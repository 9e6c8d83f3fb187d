// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 2a: greenlets with roles. One side asks, the other answers, and the types are known.
//
// `generator` gives out values one at a time; `typed_greenlet` is asked and answers with types that
// the compiler checks. Both stand on `asymmetric_coroutine`, which is where to begin reading.

#include <tendril/coroutine/generator.hpp>
#include <tendril/coroutine/typed_greenlet.hpp>
