// SPDX-License-Identifier: BSL-1.0
#pragma once

// Writing to children and reading from them at the same time, so that no full pipe holds up all.

#include <tendril/file/descriptor_stream.hpp>
#include <tendril/hub/deadline.hpp>

#include <string>
#include <vector>

namespace tendril::detail {

class exchange {
public:
    /// One stream, and what goes into it or comes out of it.
    struct part {
        descriptor_stream* stream;
        std::string* text;
        bool writes;
    };

    /// What has been written is taken out of `pending`. The stream is closed in the end.
    void write_to(descriptor_stream& to, std::string& pending);

    /// What was read is added to `into`. The stream is closed at its end.
    void read_from(descriptor_stream& from, std::string& into);

    /// Does all of it. Returns false when the limit came first; a later exchange can go on.
    /// Throws: system_error; what was requested for the greenlet; std::bad_alloc. Switches: may.
    bool run_until(deadline limit);

private:
    std::vector<part> parts_;
};

/// Adds what a stream has at this moment, and closes it: a process that has the other end may live
/// on. Switches: never.
void take_what_is_there(descriptor_stream& from, std::string& into);

}  // namespace tendril::detail
