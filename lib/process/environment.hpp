// SPDX-License-Identifier: BSL-1.0
#pragma once

// Arguments and environment of a child, as lists of pointers that end with a null pointer.

#include <tendril/process/process_options.hpp>
#include <tendril/support/assert.hpp>

#include <unistd.h>

#include <map>
#include <string>
#include <vector>

namespace tendril::detail {

/// Pointers to texts. The system's calls take them as changeable, and change nothing.
class text_list {
public:
    char* const* pointers() const noexcept { return pointers_.data(); }

protected:
    text_list() = default;

    void finish() {
        pointers_.reserve(texts_.size() + 1);
        for (std::string& text : texts_) {
            pointers_.push_back(text.data());
        }
        pointers_.push_back(nullptr);
    }

    std::vector<std::string> texts_;

private:
    std::vector<char*> pointers_;
};

class argument_list final : public text_list {
public:
    explicit argument_list(process_options const& options) {
        texts_.push_back(options.own_name.value_or(options.program));
        texts_.insert(texts_.end(), options.arguments.begin(), options.arguments.end());
        finish();
    }
};

class environment_list final : public text_list {
public:
    explicit environment_list(process_options const& options) {
        std::map<std::string, std::string> wanted;
        if (options.inherit_environment) {
            wanted = present();
        }
        for (auto const& [name, value] : options.environment) {
            if (value) {
                wanted[name] = *value;
            } else {
                wanted.erase(name);
            }
        }
        for (auto const& [name, value] : wanted) {
            TENDRIL_REQUIRE(
                !name.empty() && name.find('=') == std::string::npos &&
                    name.find('\0') == std::string::npos && value.find('\0') == std::string::npos,
                "the name of a variable cannot be empty or have \"=\" in it, and neither its name "
                "nor its value a zero character: the child would read another one");
            texts_.push_back(name + "=" + value);
        }
        finish();
    }

private:
    static std::map<std::string, std::string> present() {
        std::map<std::string, std::string> all;
        for (char** at = ::environ; at != nullptr && *at != nullptr; ++at) {
            std::string const text{*at};
            auto const end = text.find('=', 1);
            if (end != std::string::npos) {
                all.emplace(text.substr(0, end), text.substr(end + 1));
            }
        }
        return all;
    }
};

}  // namespace tendril::detail
