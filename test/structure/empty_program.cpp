// SPDX-License-Identifier: BSL-1.0
//
// Nothing. Linked with the whole of one floor and with those below it, it shows that the floor
// calls nothing above it: a call upwards is an undefined reference.

int main() {}
