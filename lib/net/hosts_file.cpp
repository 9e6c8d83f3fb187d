// SPDX-License-Identifier: BSL-1.0
//
// The file may be anything: of any size, without an end of line, being written at this moment, or
// no file at all. Nothing of it is trusted, and what is no regular file is not opened to wait.
#include "hosts_file.hpp"
#include "host_name.hpp"

#include <tendril/support/scope_exit.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

namespace tendril::detail {
namespace {

// What lies beyond is not read.
constexpr std::size_t longest_hosts_file = 16 * 1024 * 1024;

// Takes the next word off a line; empty at its end.
std::string_view next_word(std::string_view& line) noexcept {
    constexpr std::string_view blanks = " \t\r\v\f";
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    std::string_view const word = line.substr(0, line.find_first_of(blanks));
    line.remove_prefix(word.size());
    return word;
}

std::string read_text(int descriptor) {
    std::string text;
    char part[8192];
    while (text.size() < longest_hosts_file) {
        ssize_t const size = ::read(descriptor, part, sizeof part);
        if (size <= 0) {
            break;
        }
        text.append(part, static_cast<std::size_t>(size));
    }
    return text;
}

}  // namespace

void hosts_table::read(std::string_view text) {
    while (!text.empty()) {
        std::size_t const end = std::min(text.find('\n'), text.size());
        std::string_view const line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.find('\0') == line.npos) {
            read_line(line.substr(0, line.find('#')));
        }
    }
}

void hosts_table::read_line(std::string_view line) {
    std::string_view const first = next_word(line);
    error_code error;
    ip_address const address = boost::asio::ip::make_address(std::string{first}, error);
    if (first.empty() || error.failed()) {
        return;
    }
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
        auto& known = addresses_[in_small_letters(word)];
        if (std::find(known.begin(), known.end(), address) == known.end()) {
            known.push_back(address);
        }
        names_.try_emplace(address, word);
    }
}

std::vector<ip_address> hosts_table::addresses_of(std::string_view host) const {
    auto const at = addresses_.find(in_small_letters(host));
    return at == addresses_.end() ? std::vector<ip_address>{} : at->second;
}

std::string hosts_table::name_of(ip_address const& address) const {
    auto const at = names_.find(address);
    return at == names_.end() ? std::string{} : at->second;
}

bool hosts_file::has_changed(struct stat const& now) const noexcept {
    return now.st_ino != seen_.st_ino || now.st_dev != seen_.st_dev ||
        now.st_size != seen_.st_size || now.st_mtim.tv_sec != seen_.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != seen_.st_mtim.tv_nsec;
}

hosts_table const& hosts_file::table() {
    struct stat now {};
    bool const is_there = !path_.empty() && ::stat(path_.c_str(), &now) == 0 &&
        S_ISREG(now.st_mode);
    if (!is_there) {
        table_ = {};
        seen_ = {};
        return table_;
    }
    if (has_changed(now)) {
        int const descriptor = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (descriptor < 0) {
            // No descriptor, perhaps: what is known is better than nothing.
            return table_;
        }
        scope_exit const close_file{[&] { ::close(descriptor); }};
        hosts_table fresh;
        fresh.read(read_text(descriptor));
        table_ = std::move(fresh);
        seen_ = now;
    }
    return table_;
}

}  // namespace tendril::detail
