// SPDX-License-Identifier: BSL-1.0
#include <tendril/context/machine_context.hpp>

#if TENDRIL_X86_64

// The return address of Boost's jump is pushed by hand, so no call is on the processor's record but
// that of this function, which the return at the landing takes off again. Eight bytes lie between:
// whoever enters a function on top of a suspended stack finds it aligned as behind a call. What an
// unwinder is told about the stack (cfi) is right at the `nop`, where it looks when one is
// suspended.
// DOC: jump_and_return
asm(R"(
    .pushsection .text
    .p2align 4
    .globl tendril_jump_and_return
    .type tendril_jump_and_return, @function
tendril_jump_and_return:
    .cfi_startproc
    subq $8, %rsp
    .cfi_adjust_cfa_offset 8
    leaq 1f(%rip), %rax
    pushq %rax
    .cfi_adjust_cfa_offset 8
    jmp jump_fcontext@PLT       # it takes up the other stack, and from there the address 1f
    .cfi_adjust_cfa_offset -8
    nop
1:
    addq $8, %rsp
    .cfi_adjust_cfa_offset -8
    ret                         # to where the other one called this function
    .cfi_endproc
    .size tendril_jump_and_return, .-tendril_jump_and_return
    .popsection
)");
// DOC-END: jump_and_return

#else

extern "C" tendril::arrival tendril::tendril_jump_and_return(void* resume_point, void* data) {
    return boost::context::detail::jump_fcontext(resume_point, data);
}

#endif

namespace tendril {

// DOC: prepare
void prepare(machine_context& context, stack const& memory, entry_point entry) noexcept {
    context.resume_point = boost::context::detail::make_fcontext(memory.top, memory.size(), entry);
    context.exceptions = {};
}
// DOC-END: prepare

}  // namespace tendril
