// SPDX-License-Identifier: BSL-1.0
#include "symbols.hpp"

#include <cxxabi.h>
#include <dlfcn.h>

#include <cstdlib>
#include <memory>
#include <sstream>

namespace tendril::detail {

symbol find_symbol(void* return_address) {
    auto* const call = static_cast<char*>(return_address) - 1;
    symbol found;
    Dl_info known{};
    if (::dladdr(call, &known) == 0) {
        return found;
    }
    if (known.dli_sname != nullptr) {
        int status = 0;
        std::unique_ptr<char, decltype(&std::free)> const readable{
            abi::__cxa_demangle(known.dli_sname, nullptr, nullptr, &status), &std::free};
        found.function = status == 0 ? readable.get() : known.dli_sname;
    }
    std::ostringstream place;
    place << known.dli_fname << "+0x" << std::hex << call - static_cast<char*>(known.dli_fbase);
    found.place = place.str();
    return found;
}

}  // namespace tendril::detail
