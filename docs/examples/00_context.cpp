// SPDX-License-Identifier: BSL-1.0
// Sitting 1: two stacks and a switch, with no library at all.
//
// What is a function that is in the middle of something? Its frames, which lie on a stack, and the
// registers of the processor. Give it a stack of its own, put its registers there when it is left,
// and it can stay in the middle for as long as you like. Here ping and pong have a stack each, and
// hand over to each other in the middle of their loops.
//
//      high addresses     stack of ping          stack of pong
//                        ┌───────────────┐      ┌───────────────┐
//        stacks          │ ping()        │      │ pong()        │
//        grow            ├───────────────┤      ├───────────────┤
//          ↓             │ its registers │      │               │ ← stack pointer: pong runs
//                        └───────────────┘      └───────────────┘
//      low addresses      ↑ ping_context         free, for the functions that pong calls
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

// DOC: context
// All that must be remembered of a suspended function: where its stack ends. The rest lies there.
using context = std::uintptr_t*;

// Suspends the function that calls it, notes in `from` where it can be continued, and continues
// `to`. It returns when somebody switches back to `from`.
extern "C" void switch_context(context* from, context to);
// DOC-END: context

// A call tells the compiler that most registers are lost. The few that every function must leave
// as it found them are put on the stack here. `ret` takes an address from the stack and goes on
// there; and that stack is not the one that the call came from.
#if defined(__x86_64__)
// DOC: switch
asm(R"(
    .pushsection .text
    .globl switch_context
    .type switch_context, @function
switch_context:
    pushq %rbp              # the return address of this call lies above it already
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)       # *from = the stack pointer
    movq %rsi, %rsp         # from here on we stand on the other stack
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret                     # to where the other one called switch_context
    .popsection
)");
// DOC-END: switch
// What lies at the end of a suspended stack: six registers, the return address, and above it one
// word of whoever made the call.
constexpr int record_words = 8;
constexpr int return_word = 6;
#elif defined(__aarch64__)
// The same for 64-bit ARM, where a call leaves the return address in x30.
asm(R"(
    .pushsection .text
    .globl switch_context
    .type switch_context, %function
switch_context:
    sub sp, sp, #160
    stp x19, x20, [sp, #0]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x9, sp
    str x9, [x0]
    mov sp, x1
    ldp x19, x20, [sp, #0]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    ret
    .popsection
)");
constexpr int record_words = 20;
constexpr int return_word = 11;
#endif

// DOC: first_entry
// A new stack looks as if its function had been suspended just before its first line: there are
// registers, of which only one matters, the address to go on at. Above them there is nobody.
context new_context(void* memory, std::size_t size, void (*function)()) {
    context end = static_cast<context>(memory) + size / sizeof(std::uintptr_t);
    for (int word = 0; word < record_words; ++word) {
        *--end = 0;
    }
    end[return_word] = reinterpret_cast<std::uintptr_t>(function);
    return end;
}
// DOC-END: first_entry

context main_context;
context ping_context;
context pong_context;

// DOC: story
void ping() {
    for (int round = 1; round <= 3; ++round) {  // `round` lies on the stack of ping, and stays
        std::printf("ping %d\n", round);
        switch_context(&ping_context, pong_context);
    }
    std::printf("ping has nobody to return to, so it switches to main\n");
    switch_context(&ping_context, main_context);
    std::abort();  // nobody switches here again
}

void pong() {
    for (int round = 1;; ++round) {
        std::printf("     pong %d\n", round);
        switch_context(&pong_context, ping_context);
    }
}
// DOC-END: story

int main() {
    // Memory is spent on what is touched only. Valgrind would take a shorter leap for a frame.
    std::size_t const size = 4 * 1024 * 1024;
    void* const ping_memory = std::malloc(size);
    void* const pong_memory = std::malloc(size);
    ping_context = new_context(ping_memory, size, &ping);
    pong_context = new_context(pong_memory, size, &pong);

    std::printf("main starts ping\n");
    switch_context(&main_context, ping_context);
    std::printf("main goes on; pong is suspended in its loop, and will be for ever\n");
    std::free(ping_memory);  // not earlier: somebody stood on it
    std::free(pong_memory);
}
