// SPDX-License-Identifier: BSL-1.0
#pragma once

// Whole files, in one call each.
//
//     std::string const settings = tendril::read_file("/etc/app.conf");
//     tendril::write_file("/var/lib/app/state", text, {.replace = true});
//     tendril::copy_file("/var/lib/app/state", "/var/backups/state");
//     tendril::send_file(stream, file);                     // to a peer
//
// They go piece by piece, as file.hpp says, so a greenlet that is asked to leave does so after the
// piece that a thread is at. Then a file that was being written to, or copied, is there with a part
// of what it should have; with `replace` it is as it was before.
//
// Read next: file.hpp.

#include <tendril/file/file.hpp>
#include <tendril/io/error.hpp>
#include <tendril/net/stream_socket.hpp>

#include <sys/types.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace tendril {

/// Reads all that is in a file, and no more than `limit`: a longer one is `errc::too_long`.
/// Throws: system_error, naming it; as `thread_pool::run`. Switches: may.
std::string read_file(
    std::string const& path, std::size_t limit = std::numeric_limits<std::size_t>::max());
std::string read_file(
    std::string const& path, error_code& error,
    std::size_t limit = std::numeric_limits<std::size_t>::max());

/// How a whole file is written.
struct write_options {
    /// Writes another file beside it, which then takes its name: whoever opens it meanwhile finds
    /// what was there before or what is there then, and so does who crashes.
    bool replace = false;
    /// Waits until it is on the disk; with `replace`, before it takes the name.
    bool sync = false;
    /// Writes behind what is there already. Not together with `replace`.
    bool append = false;
    /// Who may do what with a file that is made.
    mode_t permissions = 0666;
};

/// Writes a file with these bytes, and nothing else. Throws: system_error, naming it; misuse; as
/// `thread_pool::run`. Switches: may.
void write_file(std::string const& path, std::string_view bytes, write_options const& options = {});
void write_file(
    std::string const& path, std::string_view bytes, error_code& error,
    write_options const& options = {});

/// Copies what is in a file to another one, which is made with the permissions of the first or
/// emptied before. The kernel copies where it can, on some file systems without copying anything.
/// Returns how many bytes. Throws: system_error, naming both; as `thread_pool::run`. Switches: may.
std::uint64_t copy_file(std::string const& from, std::string const& to);
std::uint64_t copy_file(std::string const& from, std::string const& to, error_code& error);

/// Sends a part of a file, or what it has, to a peer, as `stream_socket::send_file` does; but what
/// is still on the disk is read by a thread first, so that the hub does not wait for it. Returns
/// how many bytes left. Throws: as that; as `thread_pool::run`. Switches: may.
std::uint64_t send_file(
    stream_socket& stream, file const& from, std::uint64_t offset = 0,
    std::uint64_t count = std::numeric_limits<std::uint64_t>::max());
std::uint64_t send_file(
    stream_socket& stream, file const& from, error_code& error, std::uint64_t offset = 0,
    std::uint64_t count = std::numeric_limits<std::uint64_t>::max());

}  // namespace tendril
