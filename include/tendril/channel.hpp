// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 4a: items on their way from one greenlet to another.
//
// A queue holds work, with a bound that slows the producers down, and knows when all of it is done.
// A channel holds values until one of its ends closes; without capacity the two sides meet.
// `select` (floor sync) takes whichever of several comes first. Between threads use
// `shared_queue`.

#include <tendril/channel/channel.hpp>
#include <tendril/channel/channel_ends.hpp>
#include <tendril/channel/queue.hpp>
#include <tendril/channel/queue_core.hpp>
