// SPDX-License-Identifier: BSL-1.0
// From a callback API to sequential code.
//
// The library stands for many of its kind (database clients, name resolvers, HTTP clients): it
// never blocks, it says which descriptor to watch, and it calls back. A greenlet that watches the
// descriptor turns it into functions that return what they were asked for.
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

using namespace std::chrono_literals;

namespace {

// One end of a connection, closed when it goes.
class descriptor {
public:
    explicit descriptor(int number) : number_{number} {}
    descriptor(descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    descriptor& operator=(descriptor&&) = delete;
    ~descriptor() {
        if (number_ >= 0) {
            ::close(number_);
        }
    }

    int number() const { return number_; }

private:
    int number_;
};

// The library. A question is a line, and so is an answer; they come in order.
class phone_book {
public:
    using callback = std::function<void(std::string)>;

    explicit phone_book(descriptor connection) : connection_{std::move(connection)} {}

    int watched() const { return connection_.number(); }

    // Asks. `process` will call back.
    int look_up(std::string const& name, callback then) {
        std::string const line = name + '\n';
        static_cast<void>(::send(watched(), line.data(), line.size(), MSG_NOSIGNAL));
        callbacks_.emplace(asked_, std::move(then));
        return asked_++;
    }

    // Takes what has come, which is something when the descriptor is readable.
    void process() {
        char data[64];
        ssize_t const size = ::read(watched(), data, sizeof data);
        if (size <= 0) {
            throw std::runtime_error{"the phone book does not answer any more"};
        }
        received_.append(data, static_cast<std::size_t>(size));
        for (auto end = received_.find('\n'); end != std::string::npos;
             end = received_.find('\n')) {
            std::string answer = received_.substr(0, end);
            received_.erase(0, end + 1);
            if (auto called = callbacks_.extract(answered_++)) {
                called.mapped()(std::move(answer));
            }
        }
    }

    // Makes sure that nobody is called back for a question.
    void forget(int question) { callbacks_.erase(question); }

    bool waits_for_answers() const { return !callbacks_.empty(); }

private:
    descriptor connection_;
    int asked_ = 0;
    int answered_ = 0;
    std::map<int, callback> callbacks_;
    std::string received_;
};

// DOC: callbacks
// Who looks after the number of somebody else, by callbacks.
void call_by_callbacks(phone_book& book) {
    book.look_up("ada", [&book](std::string assistant) {
        book.look_up(assistant, [assistant](std::string number) {
            std::cout << "callbacks: call " << assistant << " on " << number << '\n';
        });
    });
    while (book.waits_for_answers()) {
        tendril::wait_readable(book.watched());
        book.process();
    }
}
// DOC-END: callbacks

// DOC: sequential
std::string ask(phone_book& book, std::string const& name) {
    std::optional<std::string> answer;
    int const question = book.look_up(name, [&](std::string text) { answer = std::move(text); });
    // The callback refers to this frame, which a cancel, a timeout or an error may end.
    tendril::scope_exit const forget{[&] { book.forget(question); }};
    while (!answer) {
        tendril::wait_readable(book.watched());  // parks; others run
        book.process();
    }
    return *answer;
}

void call_in_sequence(phone_book& book) {
    std::string const assistant = ask(book, "ada");
    std::string const number = ask(book, assistant);
    std::cout << "sequence: call " << assistant << " on " << number << '\n';
}
// DOC-END: sequential

// The other end of the connection, here in another greenlet. It thinks before it answers.
void answer_questions(descriptor connection) {
    char data[64];
    while (true) {
        tendril::wait_readable(connection.number());
        ssize_t const size = ::read(connection.number(), data, sizeof data);
        if (size <= 0) {
            return;
        }
        std::string_view const name{data, static_cast<std::size_t>(size) - 1};
        tendril::sleep_for(1ms);
        std::string_view const answer = name == "ada" ? "grace\n" : "555-1906\n";
        // Whoever has asked may be gone.
        static_cast<void>(::send(connection.number(), answer.data(), answer.size(), MSG_NOSIGNAL));
    }
}

}  // namespace

int main() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
        return 1;
    }
    descriptor here{ends[0]};
    descriptor there{ends[1]};
    tendril::run([&] {
        tendril::with_task_group([&](tendril::task_group& group) {
            group.spawn(answer_questions, std::move(there));
            phone_book book{std::move(here)};
            call_by_callbacks(book);
            call_in_sequence(book);
            try {
                tendril::with_timeout(0ms, [&] { ask(book, "ada"); });
            } catch (tendril::timed_out const&) {
                std::cout << "no answer in time, and nobody will be called back: " << std::boolalpha
                          << !book.waits_for_answers() << '\n';
            }
        });  // the book goes first, and the server hears of the end
    });
}
