// SPDX-License-Identifier: BSL-1.0
#include <tendril/context/machine_context.hpp>

namespace tendril {

// DOC: prepare
void prepare(machine_context& context, stack const& memory, entry_point entry) noexcept {
    context.resume_point = boost::context::detail::make_fcontext(memory.top, memory.size(), entry);
    context.exceptions = {};
}
// DOC-END: prepare

}  // namespace tendril
