// SPDX-License-Identifier: BSL-1.0
//
// Gives a fuzz target all files of a folder, one after the other: a driver for compilers that have
// no libFuzzer. The folder is the argument.
#include "target.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

int main(int count, char** arguments) {
    int inputs = 0;
    for (int at = 1; at < count; ++at) {
        for (auto const& entry : std::filesystem::directory_iterator{arguments[at]}) {
            std::ifstream file{entry.path(), std::ios::binary};
            std::string const bytes{std::istreambuf_iterator<char>{file}, {}};
            std::printf("%s\n", entry.path().filename().c_str());
            // Before a crash, the name of its input is worth having.
            std::fflush(stdout);
            LLVMFuzzerTestOneInput(
                reinterpret_cast<std::uint8_t const*>(bytes.data()), bytes.size());
            ++inputs;
        }
    }
    std::printf("%d inputs\n", inputs);
    return inputs > 0 ? 0 : 1;
}
