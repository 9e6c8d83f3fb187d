// SPDX-License-Identifier: BSL-1.0
#include <tendril/io/error.hpp>
#include <tendril/net/socket_activation.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string_view>

namespace tendril {
namespace {

constexpr char const* activation_variables[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"};

std::optional<std::string> variable(char const* name) {
    char const* const value = std::getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

// Reads a number that is not negative.
int number_in(char const* name, std::string const& text) {
    int number = -1;
    char const* const end = text.data() + text.size();
    auto const [read_to, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || read_to != end || number < 0) {
        throw system_error{
            io_error(errc::bad_name), std::string{name} + " is '" + text + "', which is no number"};
    }
    return number;
}

// The names, one for each socket, with colons between them.
std::vector<std::string> names_in(std::string_view text) {
    std::vector<std::string> names;
    while (true) {
        std::size_t const colon = text.find(':');
        names.emplace_back(text.substr(0, colon));
        if (colon == text.npos) {
            return names;
        }
        text.remove_prefix(colon + 1);
    }
}

void keep_from_children(int descriptor) {
    int const flags = ::fcntl(descriptor, F_GETFD);
    if (flags < 0 || ::fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) < 0) {
        throw system_error{
            error_code{errno, boost::system::system_category()},
            "descriptor " + std::to_string(descriptor) + ", which LISTEN_FDS counts"};
    }
}

}  // namespace

inherited_socket& inherited_socket::operator=(inherited_socket&& other) noexcept {
    if (this != &other) {
        inherited_socket const old{std::move(*this)};
        descriptor_ = other.release();
        name_ = std::move(other.name_);
    }
    return *this;
}

inherited_socket::~inherited_socket() {
    if (descriptor_ >= 0) {
        kernel().close(descriptor_);
    }
}

std::vector<inherited_socket> inherited_sockets(int first_descriptor) {
    std::optional<std::string> const process = variable("LISTEN_PID");
    std::optional<std::string> const count_text = variable("LISTEN_FDS");
    std::optional<std::string> const names_text = variable("LISTEN_FDNAMES");
    scope_exit const forget{[] {
        for (char const* const each : activation_variables) {
            ::unsetenv(each);
        }
    }};
    if (!process || !count_text || number_in("LISTEN_PID", *process) != ::getpid()) {
        return {};
    }
    int const count = number_in("LISTEN_FDS", *count_text);
    if (count == 0) {
        return {};
    }
    std::vector<std::string> names = names_text ? names_in(*names_text)
                                                : std::vector<std::string>{};
    bool const fits = count <= std::numeric_limits<int>::max() - first_descriptor;
    if (!fits || (names_text && names.size() != static_cast<std::size_t>(count))) {
        throw system_error{
            io_error(errc::bad_name),
            "LISTEN_FDS is " + *count_text + ", and LISTEN_FDNAMES has " +
                std::to_string(names.size()) + " names"};
    }
    for (int at = 0; at < count; ++at) {
        keep_from_children(first_descriptor + at);
    }
    names.resize(static_cast<std::size_t>(count), "unknown");
    std::vector<inherited_socket> sockets;
    sockets.reserve(names.size());
    for (std::string& each : names) {
        sockets.emplace_back(first_descriptor + static_cast<int>(sockets.size()), std::move(each));
    }
    return sockets;
}

}  // namespace tendril
