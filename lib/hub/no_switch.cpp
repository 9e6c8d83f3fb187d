// SPDX-License-Identifier: BSL-1.0
#include <tendril/hub/hub.hpp>
#include <tendril/hub/no_switch.hpp>
#include <tendril/support/error.hpp>

#include <exception>

namespace tendril {

no_switch::no_switch() : hub_{this_hub()}, switches_{hub_.thread().switches} {
    ++hub_.switches_refused_;
}

no_switch::~no_switch() {
    --hub_.switches_refused_;
    if (hub_.thread().switches != switches_) {
        hub_.report_error(
            std::make_exception_ptr(misuse{
                "a greenlet switched by hand in the scope of a no_switch, which promises that "
                "nobody else runs there"}),
            "a no_switch scope");
    }
}

}  // namespace tendril
