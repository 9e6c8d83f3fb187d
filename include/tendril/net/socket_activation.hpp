// SPDX-License-Identifier: BSL-1.0
#pragma once

// Sockets that a service manager has opened before it started this program.
//
//     for (tendril::inherited_socket& each : tendril::inherited_sockets()) {
//         if (each.name() == "web") {
//             listener = tendril::tcp_listener::adopt(each.release());
//         }
//     }
//
// So a service can be restarted without a connection being refused, and needs no right to use a
// port below 1024. The protocol is systemd's: LISTEN_PID says for whom the sockets are, LISTEN_FDS
// how many there are, from descriptor 3 on, and LISTEN_FDNAMES what they are called.

#include <string>
#include <utility>
#include <vector>

namespace tendril {

/// A socket that this program was started with. Owns its descriptor.
class inherited_socket {
public:
    /// Takes over a descriptor. Switches: never. Thread: any.
    inherited_socket(int descriptor, std::string name) noexcept
        : descriptor_{descriptor},
          name_{std::move(name)} {}
    inherited_socket(inherited_socket&& other) noexcept
        : descriptor_{std::exchange(other.descriptor_, -1)},
          name_{std::move(other.name_)} {}
    inherited_socket& operator=(inherited_socket&& other) noexcept;
    /// Closes the descriptor, if it was not released. Switches: never.
    ~inherited_socket();

    /// What the service manager calls it; "unknown" when it did not say. Switches: never.
    std::string const& name() const noexcept { return name_; }

    /// The descriptor, or -1. It stays the object's. Switches: never.
    int native_handle() const noexcept { return descriptor_; }

    /// Gives the descriptor away. Switches: never.
    int release() noexcept { return std::exchange(descriptor_, -1); }

private:
    int descriptor_;
    std::string name_;
};

/// Takes the sockets that are meant for this process; empty when there are none. They will not be
/// inherited by its children, and the three variables are gone afterwards, so a second call finds
/// nothing. Requires: nobody reads the environment in another thread meanwhile.
/// Throws: system_error with `errc::bad_name` when a variable says nonsense, and the system's own
/// code when a descriptor is not open; then none is taken. Switches: never. Thread: any.
std::vector<inherited_socket> inherited_sockets(int first_descriptor = 3);

}  // namespace tendril
