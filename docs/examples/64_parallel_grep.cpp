// SPDX-License-Identifier: BSL-1.0
//
// Searches all files of a folder for a word, several at a time, and prints what it finds in the
// order of the files. The folder is one that this program makes.
#include <tendril/file.hpp>
#include <tendril/hub.hpp>
#include <tendril/io.hpp>
#include <tendril/together.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

namespace {

using namespace tendril;

// A folder that goes at the end.
struct scratch_folder {
    scratch_folder() {
        std::string made = (std::filesystem::temp_directory_path() / "grep-XXXXXX").string();
        if (::mkdtemp(made.data()) == nullptr) {
            throw std::runtime_error{"no folder for files"};
        }
        path = made;
    }
    scratch_folder(scratch_folder const&) = delete;
    scratch_folder& operator=(scratch_folder const&) = delete;
    ~scratch_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    std::filesystem::path path;
};

// DOC: search
// The lines of a file in which a word stands, with their numbers.
std::vector<std::string> lines_with(std::string const& word, std::string const& path) {
    auto in = file::open(path);
    buffered_reader reader{in, {.block = 65536}};
    std::vector<std::string> found;
    int number = 0;
    for (std::string const& line : reader.lines()) {
        ++number;
        if (line.find(word) != line.npos) {
            found.push_back(std::to_string(number) + ": " + line);
        }
    }
    return found;
}

// Eight files are open at a time; the results come in the order of the paths.
std::vector<std::vector<std::string>> search(
    std::string const& word, std::vector<std::string> const& paths) {
    pool searches{8};
    return searches.map(paths, [&](std::string const& path) { return lines_with(word, path); });
}
// DOC-END: search

// Writes twenty small files, with a word in every seventh line.
std::vector<std::string> write_files(std::filesystem::path const& folder) {
    std::vector<std::string> paths;
    for (int number = 0; number < 20; ++number) {
        std::string text;
        for (int line = 1; line <= 10; ++line) {
            bool const has_word = (number * 10 + line) % 7 == 0;
            text += has_word ? "here is a needle\n" : "hay\n";
        }
        paths.push_back((folder / ("file" + std::to_string(100 + number))).string());
        write_file(paths.back(), text);
    }
    return paths;
}

}  // namespace

int main() {
    run([] {
        scratch_folder const folder;
        std::vector<std::string> const paths = write_files(folder.path);
        auto const found = search("needle", paths);
        std::size_t total = 0;
        for (std::size_t at = 0; at < paths.size(); ++at) {
            total += found[at].size();
            for (std::string const& line : found[at]) {
                if (at < 3) {
                    std::cout << std::filesystem::path{paths[at]}.filename().string() << ':' << line
                              << '\n';
                }
            }
        }
        std::cout << total << " lines in " << paths.size() << " files\n";
    });
}
