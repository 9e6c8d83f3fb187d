// SPDX-License-Identifier: BSL-1.0
#include <harness/http_corpus.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>

namespace tendril::test {
namespace {

std::filesystem::path corpus_folder() { return TENDRIL_HTTP_CORPUS; }

int number_in(std::string_view text, int base = 10) {
    int number = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (error != std::errc{} || end != text.data() + text.size()) {
        throw std::runtime_error{"no number: " + std::string{text}};
    }
    return number;
}

std::vector<std::string> words_of(std::string_view text, char between = ' ') {
    std::vector<std::string> words;
    while (!text.empty()) {
        std::size_t const end = std::min(text.find(between), text.size());
        if (end > 0) {
            words.emplace_back(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

// The text behind a keyword and a blank, when the line begins with it.
std::optional<std::string_view> behind(std::string_view line, std::string_view keyword) {
    bool const is_it = line.starts_with(keyword) &&
        (line.size() == keyword.size() || line[keyword.size()] == ' ');
    return is_it ? std::optional{line.substr(std::min(keyword.size() + 1, line.size()))}
                 : std::nullopt;
}

void read_answers(std::string_view text, corpus_message& message) {
    std::size_t const end = text.find(" and ");
    std::string_view const how = end == text.npos ? std::string_view{} : text.substr(end + 5);
    if (how == "goes on") {
        message.how = ending::goes_on;
    } else if (how == "may close") {
        message.how = ending::may_close;
    } else if (how != "closes") {
        throw std::runtime_error{"say what becomes of the connection"};
    }
    for (std::string const& answer : words_of(text.substr(0, end))) {
        if (answer == "none") {
            continue;
        }
        message.may_be_silent = message.may_be_silent || answer.starts_with("none|");
        std::vector<int>& choices = message.answers.emplace_back();
        for (std::string const& choice : words_of(answer, '|')) {
            if (choice != "none") {
                choices.push_back(number_in(choice));
            }
        }
    }
}

void read_line(std::string_view line, corpus_message& message) {
    if (auto const name = behind(line, "message")) {
        message.name = *name;
    } else if (auto const rows = behind(line, "rows")) {
        for (std::string const& row : words_of(*rows)) {
            message.rows.push_back(number_in(row));
        }
    } else if (auto const rule = behind(line, "rule")) {
        message.rule = *rule;
    } else if (auto const bytes = behind(line, ">")) {
        message.bytes += unescaped(*bytes);
    } else if (line == "then half-close") {
        message.then = after_message::half_close;
    } else if (line == "then silence") {
        message.then = after_message::silence;
    } else if (auto const answers = behind(line, "answers")) {
        read_answers(*answers, message);
    } else if (line == "sees anything") {
        message.sees_anything = true;
    } else if (auto const seen = behind(line, "sees")) {
        message.seen.push_back(unescaped(*seen));
    } else if (auto const reason = behind(line, "pending")) {
        message.pending = *reason;
    } else {
        throw std::runtime_error{"a line that begins with no keyword"};
    }
}

void require_complete(corpus_message const& message) {
    if (message.name.empty() || message.rule.empty() || message.bytes.empty()) {
        throw std::runtime_error{"a message has a name, a rule and bytes: " + message.name};
    }
}

// Calls `take(line)` for each line that is no comment, and says where it was when that fails.
template <typename F>
void for_each_line(std::string const& file, F&& take) {
    std::ifstream text{corpus_folder() / file};
    if (!text) {
        throw std::runtime_error{"cannot read " + file};
    }
    int number = 0;
    for (std::string line; std::getline(text, line);) {
        ++number;
        try {
            if (!line.starts_with('#')) {
                take(line);
            }
        } catch (std::runtime_error const& error) {
            throw std::runtime_error{file + ":" + std::to_string(number) + ": " + error.what()};
        }
    }
}

}  // namespace

std::string unescaped(std::string_view text) {
    std::string bytes;
    while (!text.empty()) {
        char const first = text.front();
        text.remove_prefix(1);
        if (first != '\\') {
            bytes.push_back(first);
            continue;
        }
        char const kind = text.empty() ? ' ' : text.front();
        text.remove_prefix(std::min<std::size_t>(1, text.size()));
        std::size_t const known = std::string_view{"rnt\\"}.find(kind);
        if (known != std::string_view::npos) {
            bytes.push_back("\r\n\t\\"[known]);
        } else if (kind == 'x' && text.size() >= 2) {
            bytes.push_back(static_cast<char>(number_in(text.substr(0, 2), 16)));
            text.remove_prefix(2);
        } else if (std::size_t const end = text.find('}'); kind == '{' && end != text.npos) {
            std::size_t const blank = text.find(' ');
            std::string const part = unescaped(text.substr(blank + 1, end - blank - 1));
            for (int left = number_in(text.substr(0, blank)); left > 0; --left) {
                bytes += part;
            }
            text.remove_prefix(end + 1);
        } else {
            throw std::runtime_error{"an escape that nobody knows"};
        }
    }
    return bytes;
}

std::vector<corpus_message> read_corpus(std::string const& file) {
    std::vector<corpus_message> all;
    bool inside = false;
    for_each_line(file, [&](std::string const& line) {
        if (line.empty()) {
            if (inside) {
                require_complete(all.back());
            }
            inside = false;
            return;
        }
        if (!inside) {
            all.emplace_back();
            inside = true;
        }
        read_line(line, all.back());
    });
    if (inside) {
        require_complete(all.back());
    }
    return all;
}

std::vector<std::string> corpus_files() {
    std::vector<std::string> names;
    for (auto const& entry : std::filesystem::directory_iterator{corpus_folder()}) {
        std::string name = entry.path().filename().string();
        if (name.ends_with(".txt") && name != "checklist.txt") {
            names.push_back(std::move(name));
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<checklist_row> read_checklist() {
    std::vector<checklist_row> rows;
    for_each_line("checklist.txt", [&](std::string const& line) {
        if (line.empty()) {
            return;
        }
        if (auto const row = behind(line, "row")) {
            std::size_t const blank = std::min(row->find(' '), row->size());
            checklist_row& made = rows.emplace_back();
            made.number = number_in(row->substr(0, blank));
            made.what = row->substr(std::min(blank + 1, row->size()));
        } else if (rows.empty()) {
            throw std::runtime_error{"a line that belongs to no row"};
        } else if (auto const shown = behind(line, "shown by")) {
            rows.back().tests.emplace_back(*shown);
        } else if (auto const missing = behind(line, "missing")) {
            rows.back().missing = *missing;
        } else {
            throw std::runtime_error{"a line that begins with no keyword"};
        }
    });
    return rows;
}

}  // namespace tendril::test
