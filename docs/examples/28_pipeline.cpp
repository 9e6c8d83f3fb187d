// SPDX-License-Identifier: BSL-1.0
//
// A pipeline: tasks between channels, and generators between tasks. Each stage ends when the one
// before it has ended, because the end of a channel is passed on.
#include <tendril/channel.hpp>
#include <tendril/coroutine.hpp>
#include <tendril/hub.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <iostream>
#include <sstream>
#include <string>
#include <utility>

namespace {

using namespace tendril;

// DOC: generators
// Gives the words of all lines. It waits in the middle, where a line is missing, and who asks it
// for a word waits with it.
generator<std::string> words_of(receiver<std::string> lines) {
    return generator<std::string>{[lines = std::move(lines)](auto& yield) mutable {
        for (std::string const& line : lines) {
            std::istringstream text{line};
            for (std::string word; text >> word;) {
                yield(word);
            }
        }
    }};
}

generator<std::string> longer_than(std::size_t length, generator<std::string> words) {
    return generator<std::string>{[length, words = std::move(words)](auto& yield) mutable {
        for (std::string const& word : words) {
            if (word.size() > length) {
                yield(word);
            }
        }
    }};
}
// DOC-END: generators

// DOC: stages
void read_lines(sender<std::string> out) {
    for (char const* line :
         {"stacks grow down", "a hub is a greenlet", "that finds out who is next"}) {
        std::cout << "read a line\n";
        out.send(line);
    }
}  // the last sender goes, which is the end for whoever receives

void pick_words(receiver<std::string> in, sender<std::string> out) {
    for (std::string const& word : longer_than(3, words_of(std::move(in)))) {
        out.send(word);
    }
}

void run_pipeline() {
    auto [lines_out, lines_in] = open_channel<std::string>();
    auto [words_out, words_in] = open_channel<std::string>(8);
    auto reading = spawn([out = std::move(lines_out)]() mutable { read_lines(std::move(out)); });
    auto picking = spawn([in = std::move(lines_in), out = std::move(words_out)]() mutable {
        pick_words(std::move(in), std::move(out));
    });
    for (std::string const& word : words_in) {
        std::cout << "  " << word << '\n';
    }
    reading.join();
    picking.join();
}
// DOC-END: stages

}  // namespace

int main() { run(run_pipeline); }
