// SPDX-License-Identifier: BSL-1.0
//
// The messages of test/http/corpus. Each is sent in one piece, byte by byte, cut in two everywhere,
// and behind a good request, and what comes of it is always the same, and what the corpus says.
//
// A message whose connection goes on is followed by the next on the same connection, as long as the
// server takes it. Of messages above `longest_tried_everywhere` bytes, and of all under sanitizers,
// only some cuts are tried.
#include <harness/goals.hpp>
#include <harness/http_client.hpp>
#include <harness/http_corpus.hpp>
#include <harness/stress.hpp>
#include <tendril/http/http_server.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::after_message;
using test::corpus_message;
using test::ending;
using test::http_client;
using test::settle;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

constexpr std::size_t longest_tried_everywhere = 2048;
constexpr std::size_t most_on_one_connection = 500;

std::string const corpus_innocent = "GET /innocent HTTP/1.1\r\nHost: test\r\n\r\n";
std::string const corpus_good = "GET /good HTTP/1.1\r\nHost: test\r\n\r\n";
std::string const innocent_body = "innocent\n";

// One answer, as far as it does not depend on the time of day.
struct answer_seen {
    int status = 0;
    bool says_close = false;
    std::string body;
    bool operator==(answer_seen const&) const = default;
};

struct tried_outcome {
    std::vector<answer_seen> answers;
    std::vector<std::string> seen;
    bool goes_on = false;
    bool stuck = false;
    bool operator==(tried_outcome const&) const = default;
};

std::string printed(tried_outcome const& shown) {
    std::ostringstream text;
    for (answer_seen const& each : shown.answers) {
        text << each.status << (each.says_close ? " close" : "") << " (" << each.body.size()
             << " bytes); ";
    }
    text << (shown.goes_on ? "goes on" : "ends") << (shown.stuck ? ", stuck" : "");
    for (std::string const& each : shown.seen) {
        text << "; sees " << each.substr(0, 200);
    }
    return text.str();
}

// Takes answers apart. A body is there when its length is not zero and no other answer follows at
// once: what answers a HEAD names a length and has none.
std::vector<answer_seen> answers_in(std::string_view text) {
    std::vector<answer_seen> all;
    while (text.starts_with("HTTP/1.1 ")) {
        std::size_t const end = std::min(text.find("\r\n\r\n"), text.size());
        test::http_answer parsed;
        parsed.head = std::string{text.substr(0, end)} + "\r\n";
        text.remove_prefix(std::min(end + 4, text.size()));
        answer_seen& made = all.emplace_back();
        made.status = std::atoi(parsed.head.c_str() + 9);
        made.says_close = parsed.closes();
        if (!text.starts_with("HTTP/1.1 ")) {
            auto const length = static_cast<std::size_t>(
                std::atol(parsed.field("Content-Length").c_str()));
            made.body = text.substr(0, length);
            text.remove_prefix(made.body.size());
        }
        if (made.status < 200) {
            all.pop_back();
        }
    }
    if (!text.empty()) {
        all.push_back({-1, false, std::string{text}});
    }
    return all;
}

// The server under test, and the way messages come to it.
class tried_server : public http_server {
public:
    tried_server()
        : http_server{"127.0.0.1:0", [this](http_request& request, http_response& response) {
                          note(request, response);
                      }} {
        start();
    }

    // Sends the parts of a message, each when the server has digested the one before, and what
    // stands behind it, and collects what comes of it.
    tried_outcome try_parts(std::vector<std::string_view> const& parts, after_message then) {
        if (!client_ || ++used_ == most_on_one_connection) {
            client_ = std::make_unique<http_client>(*this);
            used_ = 0;
        }
        seen_.clear();
        // Time stands still unless a limit is to end this: the kernel need not hand over at once
        // what is under way.
        std::optional<job_under_way> counted;
        if (then != after_message::silence || std::any_of(parts.begin(), parts.end(), is_large)) {
            counted.emplace(this_hub());
        }
        for (std::size_t at = 0; at + 1 < parts.size(); ++at) {
            test::write_error(client_->stream, parts[at]);
            settle();
        }
        std::string last{parts.back()};
        if (then == after_message::innocent_request) {
            last += corpus_innocent;
        }
        test::write_error(client_->stream, last);
        if (then == after_message::half_close) {
            error_code ignored;
            client_->stream.shutdown_send(ignored);
        }
        return collect();
    }

    // How often the present connection is used. A new one is made for the next message.
    void renew() { client_.reset(); }

private:
    static bool is_large(std::string_view part) noexcept { return part.size() > 16 * 1024; }

    void note(http_request& request, http_response& response) {
        // The body comes first: one that is refused has not been seen.
        std::string const body{request.body()};
        bool const is_innocent = request.path() == "/innocent";
        std::string line = std::string{request.method()} + " " + std::string{request.target()};
        seen_.push_back(body.empty() ? line : line + " " + body);
        response.body(is_innocent ? innocent_body : "seen\n");
    }

    tried_outcome collect() {
        tried_outcome made;
        std::string text;
        timeout const too_long{200s};
        try {
            for (std::string part = "?"; !part.empty() && !text.ends_with(innocent_body);) {
                part = test::hear(client_->stream);
                text += part;
            }
        } catch (timed_out const&) {
            made.stuck = true;
        }
        made.goes_on = text.ends_with(innocent_body);
        made.answers = answers_in(text);
        made.seen = std::exchange(seen_, {});
        if (made.goes_on) {
            made.answers.pop_back();
            made.seen.pop_back();
        } else {
            client_.reset();
        }
        return made;
    }

    std::unique_ptr<http_client> client_;
    std::size_t used_ = 0;
    std::vector<std::string> seen_;
};

bool as_expected(tried_outcome const& got, corpus_message const& message) {
    bool const is_silent = got.answers.empty() && message.may_be_silent;
    bool fits = !got.stuck && (is_silent || got.answers.size() == message.answers.size()) &&
        (message.sees_anything || got.seen == message.seen) &&
        (message.how == ending::may_close || got.goes_on == (message.how == ending::goes_on));
    for (std::size_t at = 0; fits && at < got.answers.size(); ++at) {
        answer_seen const& answer = got.answers[at];
        std::vector<int> const& choices = message.answers[at];
        fits = std::find(choices.begin(), choices.end(), answer.status) != choices.end();
        bool const refused_and_closed = answer.status >= 400 && !got.goes_on;
        fits = fits && (!refused_and_closed || answer.says_close);
    }
    return fits;
}

std::string wanted(corpus_message const& message) {
    std::string text = message.may_be_silent ? "nothing or " : "";
    for (std::vector<int> const& choices : message.answers) {
        for (int choice : choices) {
            text += std::to_string(choice) + (choice == choices.back() ? "; " : "|");
        }
    }
    text += message.how == ending::goes_on ? "goes on" : "";
    text += message.how == ending::closes ? "ends" : "";
    for (std::string const& each : message.seen) {
        text += "; sees " + each.substr(0, 200);
    }
    return text + (message.sees_anything ? "; sees anything" : "");
}

// Where to cut a message in two.
std::vector<std::size_t> cuts_of(std::string const& bytes) {
    std::size_t step = bytes.size() <= longest_tried_everywhere ? 1 : 1 + bytes.size() / 50;
    if (sanitized) {
        step = std::max(step, 1 + bytes.size() / 8);
    }
    std::vector<std::size_t> cuts;
    for (std::size_t cut = 1; cut <= bytes.size(); cut += step) {
        cuts.push_back(cut);
    }
    return cuts;
}

std::vector<std::string_view> in_pieces(std::string const& bytes) {
    std::size_t const size = bytes.size() <= longest_tried_everywhere ? 1 : 997;
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at < bytes.size(); at += size) {
        pieces.push_back(std::string_view{bytes}.substr(at, size));
    }
    return pieces;
}

// What comes of a message behind a good request, without what comes of that.
tried_outcome try_behind_a_good_one(tried_server& web, corpus_message const& message) {
    tried_outcome made = web.try_parts({corpus_good + message.bytes}, message.then);
    bool const is_served = !made.answers.empty() && !made.seen.empty() &&
        made.answers.front() == answer_seen{200, false, "seen\n"} &&
        made.seen.front() == "GET /good";
    EXPECT_TRUE(is_served) << message.name << ", the good request before it";
    if (is_served) {
        made.answers.erase(made.answers.begin());
        made.seen.erase(made.seen.begin());
    }
    return made;
}

// Tries a message in every other way. Returns where something else comes of it, and what.
std::string difference(
    tried_server& web, corpus_message const& message, tried_outcome const& whole) {
    std::string_view const bytes = message.bytes;
    if (tried_outcome const got = web.try_parts(in_pieces(message.bytes), message.then);
        got != whole) {
        return "in pieces: " + printed(got);
    }
    for (std::size_t const cut : cuts_of(message.bytes)) {
        tried_outcome const got = web.try_parts(
            {bytes.substr(0, cut), bytes.substr(cut)}, message.then);
        if (got != whole) {
            return "cut at " + std::to_string(cut) + ": " + printed(got);
        }
    }
    tried_outcome const got = try_behind_a_good_one(web, message);
    return got == whole ? "" : "behind a good request: " + printed(got);
}

void try_everything(tried_server& web, corpus_message const& message) {
    tried_outcome const whole = web.try_parts({message.bytes}, message.then);
    std::string const elsewhere = difference(web, message, whole);
    bool const is_right = as_expected(whole, message) && elsewhere.empty();
    EXPECT_EQ(is_right, message.pending.empty())
        << (is_right ? "no longer pending: " : "") << message.name << "\nwanted " << wanted(message)
        << "\ngot    " << printed(whole) << "\n"
        << elsewhere;
    if (!is_right) {
        web.renew();
    }
}

std::vector<corpus_message> all_messages() {
    std::vector<corpus_message> all;
    for (std::string const& file : test::corpus_files()) {
        for (corpus_message& message : test::read_corpus(file)) {
            all.push_back(std::move(message));
        }
    }
    return all;
}

// Says whether this program has a test of that name, "suite.test".
bool has_test(std::string_view name) {
    ::testing::UnitTest const& program = *::testing::UnitTest::GetInstance();
    for (int at = 0; at < program.total_test_suite_count(); ++at) {
        ::testing::TestSuite const& suite = *program.GetTestSuite(at);
        for (int index = 0; index < suite.total_test_count(); ++index) {
            if (std::string{suite.name()} + "." + suite.GetTestInfo(index)->name() == name) {
                return true;
            }
        }
    }
    return false;
}

double seconds_of_this_thread() {
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

// How many bytes the server gets through in a second of its thread's time, at least.
double bytes_in_a_second(std::string const& input) {
    double const started = seconds_of_this_thread();
    tried_server web;
    std::size_t bytes = 0;
    for (int lap = 0; lap < test::laps(3, 50); ++lap) {
        web.try_parts({input}, after_message::half_close);
        bytes += input.size();
    }
    web.renew();
    return static_cast<double>(bytes) / (seconds_of_this_thread() - started);
}

}  // namespace

class http_server_corpus : public ::testing::TestWithParam<std::string> {};

// One server for each file: so many connections to one port would use up the others.
TEST_P(http_server_corpus, every_message_has_its_outcome_however_it_is_cut) {
    test::run_in_hub([](tendril::testing::virtual_clock&) {
        tried_server web;
        for (corpus_message const& message : test::read_corpus(GetParam())) {
            SCOPED_TRACE(message.name + ", by " + message.rule);
            try_everything(web, message);
        }
        web.renew();
    });
}

INSTANTIATE_TEST_SUITE_P(
    of, http_server_corpus, ::testing::ValuesIn(test::corpus_files()), [](auto const& named) {
        std::string name = named.param.substr(0, named.param.find('.'));
        std::replace(name.begin(), name.end(), '-', '_');
        return name;
    });

TENDRIL_TEST(http_server_corpus_files, have_hundreds_of_messages_each_with_a_name_of_its_own) {
    std::set<std::string> names;
    int refused = 0;
    int served = 0;
    for (corpus_message const& message : all_messages()) {
        EXPECT_TRUE(names.insert(message.name).second) << message.name << " is there twice";
        bool const is_served = message.how != ending::closes && message.answers.size() > 0 &&
            message.answers.front().front() == 200;
        ++(is_served ? served : refused);
    }
    test::tell_goal(
        "B1", "at least 300 requests that are refused, each with its outcome and rule",
        std::to_string(refused) + ", and " + std::to_string(served) + " that are served",
        refused >= 300);
    EXPECT_GE(refused, 300);
    EXPECT_GE(served, 60);
}

TENDRIL_TEST(
    http_server_corpus_files, every_row_of_the_checklist_is_shown_by_something_that_exists) {
    std::map<int, int> messages;
    for (corpus_message const& message : all_messages()) {
        for (int const row : message.rows) {
            ++messages[row];
        }
    }
    int expected = 0;
    for (test::checklist_row const& row : test::read_checklist()) {
        EXPECT_EQ(row.number, ++expected) << "rows are in order, and none is left out";
        EXPECT_EQ(row.tests.empty(), !row.missing.empty()) << "row " << row.number;
        for (std::string const& shown : row.tests) {
            EXPECT_TRUE(shown == "corpus" ? messages[row.number] > 0 : has_test(shown))
                << "row " << row.number << " is not shown by " << shown;
        }
        bool const by_corpus = std::find(row.tests.begin(), row.tests.end(), "corpus") !=
            row.tests.end();
        EXPECT_EQ(by_corpus, messages[row.number] > 0) << "row " << row.number;
    }
    EXPECT_EQ(expected, 73);
}

// A megabyte of what is hard to parse. Time is not to be relied upon on a machine that does other
// things, so the bound is close only in long runs.
TENDRIL_HUB_TEST(http_server, no_byte_of_hostile_input_costs_much) {
    std::string const head = "POST / HTTP/1.1\r\nHost: test\r\n";
    std::string const chunks = head + "Transfer-Encoding: chunked\r\n\r\n";
    std::map<std::string, std::string> const inputs{
        {"chunks of one byte", chunks + test::unescaped("\\{150000 1\\r\\na\\r\\n}0\\r\\n\\r\\n")},
        {"a value", head + "X: " + std::string(60'000, ' ') + "a\r\n\r\n"},
        {"an endless field", head + "X: " + std::string(1'000'000, 'a')},
        {"an endless name", head + std::string(1'000'000, 'a')},
        {"an endless method", std::string(1'000'000, 'A')},
        {"an endless target", "GET /" + std::string(1'000'000, 'a')},
        {"an endless size", chunks + std::string(1'000'000, '0')},
        {"an endless extension", chunks + "5;" + std::string(1'000'000, 'a')},
        {"an endless trailer", chunks + "0\r\nX: " + std::string(1'000'000, 'a')},
        {"short fields", head + test::unescaped("\\{200000 X:\\r\\n}")},
        {"short trailers", chunks + test::unescaped("0\\r\\n\\{200000 X:\\r\\n}")},
        {"empty lines", test::unescaped("\\{500000 \\r\\n}")},
        {"zeros", std::string(1'000'000, '\0')},
    };
    double const enough = test::under_stress() && !sanitized ? 20e6 : 0.2e6;
    double lowest = std::numeric_limits<double>::infinity();
    for (auto const& [what, input] : inputs) {
        double const rate = bytes_in_a_second(input);
        EXPECT_GT(rate, enough) << what;
        lowest = std::min(lowest, rate);
    }
    test::tell_goal(
        "B8",
        "no input costs more than " + std::to_string(std::lround(1e9 / enough)) + " ns a byte",
        std::to_string(std::lround(1e9 / lowest)) + " ns, of " + std::to_string(inputs.size()) +
            " inputs",
        lowest > enough);
}
