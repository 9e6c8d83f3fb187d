// SPDX-License-Identifier: BSL-1.0
#pragma once

// The machine's file of hosts, read by ourselves: a line is an address and the names it has.

#include <tendril/net/resolver.hpp>

#include <sys/stat.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tendril::detail {

/// What a file of hosts says. Lines that cannot be read are passed over.
class hosts_table {
public:
    /// Reads the text of a file. Switches: never.
    void read(std::string_view text);

    /// The addresses of a name in any letters, in the order of the file. Switches: never.
    std::vector<ip_address> addresses_of(std::string_view host) const;

    /// The first name of an address; empty when there is none. Switches: never.
    std::string name_of(ip_address const& address) const;

private:
    void read_line(std::string_view line);

    std::map<std::string, std::vector<ip_address>, std::less<>> addresses_;
    std::map<ip_address, std::string> names_;
};

/// A table that is read again when its file has changed.
class hosts_file {
public:
    explicit hosts_file(std::string path) : path_{std::move(path)} {}

    /// The table of this moment; empty when there is no such file. Throws: std::bad_alloc.
    /// Switches: never.
    hosts_table const& table();

private:
    bool has_changed(struct stat const& now) const noexcept;

    std::string path_;
    hosts_table table_;
    struct stat seen_ {};
};

}  // namespace tendril::detail
