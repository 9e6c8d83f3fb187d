// SPDX-License-Identifier: BSL-1.0
#pragma once

// The errors of tendril: codes for what the world does, exceptions for what the caller did.
//
// A code (`errc`) belongs to an operation that can fail in a correct program: a stream was closed
// by another greenlet, a second reader came, a limit ran out. It converts to `std::error_code`
// and, on floor `io`, to the `error_code` of Boost.System.
//
// `misuse` and its descendants are bugs of the calling program. They derive from
// `std::logic_error`, are thrown in release builds too, and their text states the rule that was
// broken and the likely fix.
//
// Read next: assert.hpp.

#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

namespace tendril {

/// What can go wrong in a correct program.
enum class errc {
    /// The object was closed, by this greenlet or by another one, before or during the call.
    closed = 1,
    /// Another greenlet already waits for the same direction of the same object.
    busy,
    /// The call's own limit ran out.
    timed_out,
    /// The stream was left in the middle of a write: what the peer received is unknown.
    broken,
    /// An address, or another text that names a thing, could not be read.
    bad_name,
    /// A line, or another part of what was received, is longer than its limit.
    too_long,
    /// So many wait for the same already that no more are let in.
    overloaded,
    /// A descriptor, or a path, stands for another kind of file than this object is for.
    wrong_kind,
};

/// The category of `errc`, named "tendril".
std::error_category const& error_category() noexcept;

/// Makes the standard library's code out of ours.
std::error_code make_error_code(errc code) noexcept;

/// The caller broke a rule of the interface.
class misuse : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

/// A greenlet, or an object of its thread, was used from another thread.
class wrong_thread : public misuse {
public:
    using misuse::misuse;
};

/// A value arrived with another type than the one that was asked for.
class bad_value : public misuse {
public:
    using misuse::misuse;
};

/// There is no memory, or no memory mapping, left for another stack.
class stack_exhausted : public std::bad_alloc {
public:
    /// Keeps the reason; `what()` returns it and names the system setting to look at.
    explicit stack_exhausted(std::string reason);
    char const* what() const noexcept override;

private:
    std::string reason_;
};

/// Describes an error in one line: its type and, where it has one, its text. Thread: any.
std::string describe(std::exception_ptr const& error);

}  // namespace tendril

template <>
struct std::is_error_code_enum<tendril::errc> : std::true_type {};
