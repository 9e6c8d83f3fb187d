// SPDX-License-Identifier: BSL-1.0
//
// Other programs do a part of the work, and none of them outlives the call that has started it.
#include <tendril/hub.hpp>
#include <tendril/process.hpp>

#include <boost/asio/buffer.hpp>

#include <iostream>
#include <string>

namespace {

using tendril::redirection;

// DOC: run
void count_words() {
    auto const counted = tendril::run_pipeline(
        {
            {.program = "tr", .arguments = {"-s", " ", "\\n"}},
            {.program = "sort", .environment = {{"LC_ALL", "C"}}},
            {.program = "uniq", .arguments = {"-c"}},
        },
        {.input = "a rose is a rose is a rose\n", .check = true});
    std::cout << counted.output;
}
// DOC-END: run

// DOC: failure
void run_what_fails() {
    try {
        tendril::run_process(
            {.program = "sh", .arguments = {"-c", "echo 'no such luck' >&2; exit 3"}},
            {.check = true});
    } catch (tendril::process_failed const& error) {
        std::cout << error.what() << '\n';
    }
}
// DOC-END: failure

// DOC: talk
void talk_with_a_child() {
    tendril::process upper{{
        .program = "cat",
        .input = redirection::pipe(),
        .output = redirection::pipe(),
    }};
    upper.input().write(boost::asio::buffer("hello\n", 6));
    char line[6];
    auto const size = upper.output().read_some(boost::asio::buffer(line));
    std::cout << "cat says " << std::string{line, size};
    upper.input().close();
    std::cout << "and ends with " << upper.wait().text() << '\n';
}
// DOC-END: talk

}  // namespace

int main() {
    tendril::run([] {
        count_words();
        run_what_fails();
        talk_with_a_child();
    });
}
