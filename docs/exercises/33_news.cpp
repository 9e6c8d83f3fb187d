// SPDX-License-Identifier: BSL-1.0
// Exercise 33: news for everybody who listens, as events that the server sends.
//
// Each listener has a bounded queue between who tells and its own handler. Who tells never waits: a
// listener whose queue is full is too slow, and is cut off; it comes back and asks anew.
#include <tendril/channel.hpp>
#include <tendril/http.hpp>
#include <tendril/hub.hpp>
#include <tendril/task.hpp>

#include <boost/asio/buffer.hpp>

#include <iostream>
#include <set>
#include <string>

namespace {

// DOC: news
class news {
public:
    explicit news(std::size_t backlog) : backlog_{backlog} {}

    // The handler: tells what comes, for as long as the client listens.
    void operator()(tendril::http_request&, tendril::http_response& response) {
        listener mine{backlog_};
        listeners_.insert(&mine);
        tendril::scope_exit const leave{[&] { listeners_.erase(&mine); }};
        response.header("Content-Type", "text/event-stream").header("Cache-Control", "no-cache");
        response.begin();
        while (!mine.is_late) {
            std::string const text = mine.waiting.get();
            response.write(boost::asio::buffer("data: " + text + "\n\n"));
        }
        throw tendril::http_error{503};  // the head has left, so it cuts the connection
    }

    void tell(std::string const& text) {
        for (listener* each : listeners_) {
            each->is_late = each->is_late || !each->waiting.try_put(text);
        }
    }

    std::size_t listeners() const noexcept { return listeners_.size(); }

private:
    struct listener {
        explicit listener(std::size_t backlog) : waiting{backlog} {}

        tendril::queue<std::string> waiting;
        bool is_late = false;
    };

    std::size_t const backlog_;
    std::set<listener*> listeners_;
};
// DOC-END: news

}  // namespace

int main() {
    tendril::run([] {
        tendril::this_hub().set_error_handler([](std::exception_ptr, std::string_view) {});
        news all{4};
        tendril::http_server web{"127.0.0.1:0", std::ref(all)};
        web.start();
        std::string const url = "http://" + web.local_address() + "/news";
        tendril::http_client client;
        auto listening = client.open({.url = url});
        listening.finish();
        std::cout << listening.response().status() << ' '
                  << listening.response().header("Content-Type") << '\n';
        all.tell("one");
        all.tell("two");
        char data[64];
        std::string heard;
        while (heard.size() < 22) {
            heard.append(data, listening.read_some(boost::asio::buffer(data)));
        }
        std::cout << heard;
        // Nobody lets the handler run meanwhile, so its queue is full after four.
        for (int number = 0; number < 10; ++number) {
            all.tell("more");
        }
        tendril::error_code error;
        while (listening.read_some(boost::asio::buffer(data), error) > 0) {}
        std::cout << (error.failed() ? "cut off" : "ended") << ", " << all.listeners()
                  << " listeners\n";
        listening.close();
        client.close();
    });
}
