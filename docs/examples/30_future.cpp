// SPDX-License-Identifier: BSL-1.0
// Values that arrive once: from a callback, from whoever comes first, and from another thread.
//
// A task brings its own producer. A promise is for a value that no single function makes.
#include <tendril/hub.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <chrono>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;

// An interface of callbacks, as a library of somebody else may have it.
void look_up(std::string const& name, std::function<void(int)> found) {
    tendril::this_hub().call_later(1ms, [=] { found(static_cast<int>(name.size())); });
}

// DOC: callback
int wait_for_size(std::string const& name) {
    tendril::promise<int> p;
    look_up(name, [p](int size) { p.set_value(size); });
    return p.get_future().get();  // parks; others run meanwhile
}
// DOC-END: callback

// DOC: first
// Asks two at once and takes the answer that comes first.
std::string ask_both() {
    auto const ask = [](char const* who, auto patience) {
        tendril::sleep_for(patience);
        return std::string{who};
    };
    tendril::promise<std::string> first;
    tendril::forward_result(tendril::spawn(ask, "near", 1ms), first);
    tendril::forward_result(tendril::spawn(ask, "far", 20ms), first);
    return first.get_future().get();
}
// DOC-END: first

// DOC: then
tendril::future<std::string> describe(tendril::future<int> size) {
    return size.then([](int value) {
        tendril::sleep_for(1ms);  // a continuation is a task and may wait
        return "size " + std::to_string(value);
    });
}
// DOC-END: then

// DOC: select
void show_whichever(tendril::future<int> answer, tendril::event& stop) {
    tendril::select(
        tendril::when_done(answer, [](auto& given) { std::cout << given.get() << '\n'; }),
        stop.on_set([] { std::cout << "stopped\n"; }),
        tendril::after(5ms, [] { std::cout << "no answer yet\n"; }));
}
// DOC-END: select

// DOC: thread
int compute_elsewhere() {
    tendril::shared_promise<int> p;
    std::jthread const worker{[p] { p.set_value(6 * 7); }};
    return p.get_future().get();  // this greenlet parks, not its thread
}
// DOC-END: thread

void show_what_never_comes() {
    // DOC: never
    tendril::future<int> lost;
    {
        tendril::promise<int> p;
        lost = p.get_future();
    }
    try {
        lost.get();
    } catch (tendril::broken_promise const& error) {
        std::cout << error.what() << '\n';
    }
    tendril::promise<int> p;
    p.get_future().cancel();  // nobody wants it any more
    std::cout << p.was_cancelled() << ' ' << p.try_set_value(1) << '\n';
    // DOC-END: never
}

}  // namespace

int main() {
    tendril::run([] {
        std::cout << wait_for_size("greenlet") << '\n';
        std::cout << ask_both() << '\n';
        tendril::promise<int> p;
        auto const text = describe(p.get_future());
        tendril::event stop;
        show_whichever(p.get_future(), stop);
        p.set_value(3);
        show_whichever(p.get_future(), stop);
        std::cout << text.get() << '\n';
        std::cout << compute_elsewhere() << '\n';
        show_what_never_comes();
    });
}
