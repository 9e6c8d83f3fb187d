// SPDX-License-Identifier: BSL-1.0
#include <tendril/greenlet/value.hpp>

#include <cxxabi.h>

#include <cstdlib>
#include <string>

namespace tendril {
namespace {

std::string readable(std::type_info const& type) {
    int status = 0;
    std::unique_ptr<char, decltype(&std::free)> const name{
        abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free};
    std::string const text = status == 0 ? name.get() : type.name();
    return text == "void" ? "nothing" : text;
}

}  // namespace

void value::throw_mismatch(std::type_info const& held, std::type_info const& wanted) {
    throw bad_value{
        "the switch carried " + readable(held) + ", but " + readable(wanted) +
        " was asked for: the type must be exactly the one that was sent, so send or ask for the "
        "other one"};
}

}  // namespace tendril
