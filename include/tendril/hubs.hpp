// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 6, with many hubs: a thread and a hub on every core.

#include <tendril/hubs/crossing.hpp>
#include <tendril/hubs/hub_group.hpp>
#include <tendril/hubs/placed_task.hpp>
