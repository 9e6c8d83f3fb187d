// SPDX-License-Identifier: BSL-1.0
#pragma once

// Messages for an HTTP server, each with what shall come of it, as they stand in test/http/corpus.
//
//     message a-plus-before-the-length            its name, once in all files
//     rows 4                                      the rows of checklist.txt that it belongs to
//     rule RFC 9112 6.3                           where it comes from
//     > POST / HTTP/1.1\r\n                       its bytes: all such lines, one behind the other
//     > Host: test\r\n
//     > Content-Length: +5\r\n\r\nhello
//     answers 400 and closes
//
// In bytes, `\r \n \t \\` are what they are in C, `\x7F` is one byte and `\{300 ab}` is 300 times
// "ab". Lines of a message that may follow the bytes, in this order:
//
//     then half-close      the client sends no more; usually it sends an innocent request
//     then silence         the client waits
//     answers 200 405|501  the statuses, in order, each with alternatives; `none` for no answer;
//                          `none|408` for none or that one; interim ones (1xx) do not count
//     ... and goes on      the innocent request behind is answered
//     ... and closes       it is not, and the connection ends; every refusal has said so
//     ... and may close    either
//     sees POST / hello    what the handler gets, once for each call: method, target, body
//     sees anything        nobody cares
//     pending REASON       the server is known to do something else; that it does is checked
//
// `#` begins a line of comment, and an empty line ends a message.

#include <string>
#include <string_view>
#include <vector>

namespace tendril::test {

/// What stands behind a message.
enum class after_message {
    innocent_request,
    half_close,
    silence,
};

/// What becomes of the connection.
enum class ending {
    goes_on,
    closes,
    may_close,
};

struct corpus_message {
    std::string name;
    std::string rule;
    std::vector<int> rows;
    std::string bytes;
    after_message then = after_message::innocent_request;
    /// For each answer the statuses that it may have.
    std::vector<std::vector<int>> answers;
    /// There may be no answer at all.
    bool may_be_silent = false;
    ending how = ending::closes;
    std::vector<std::string> seen;
    bool sees_anything = false;
    /// Why the server does something else; empty when it does not.
    std::string pending;
};

/// A row of the checklist, and who shows it: "corpus", names of tests, or "missing" and a reason.
struct checklist_row {
    int number = 0;
    std::string what;
    std::vector<std::string> tests;
    std::string missing;
};

/// Reads a file of the corpus. Throws: std::runtime_error that names file and line.
std::vector<corpus_message> read_corpus(std::string const& file);

/// The names of all files of messages.
std::vector<std::string> corpus_files();

/// Reads checklist.txt. Throws: as read_corpus.
std::vector<checklist_row> read_checklist();

/// The bytes that a text with escapes means. Throws: std::runtime_error.
std::string unescaped(std::string_view text);

}  // namespace tendril::test
