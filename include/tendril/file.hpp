// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 6, third part: files, pipes, and whatever else has a descriptor.
//
// What can be waited for is a stream; what cannot, because it is on a disk, is read and written by
// threads, unless the kernel has it in memory.

#include <tendril/file/descriptor_kind.hpp>
#include <tendril/file/descriptor_stream.hpp>
#include <tendril/file/event_counter.hpp>
#include <tendril/file/file.hpp>
#include <tendril/file/file_contents.hpp>
#include <tendril/file/pipe.hpp>
