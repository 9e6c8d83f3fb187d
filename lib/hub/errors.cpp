// SPDX-License-Identifier: BSL-1.0
#include <tendril/hub/hub.hpp>
#include <tendril/support/error.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

namespace tendril {

stopped_early::stopped_early()
    : std::runtime_error{"stop() was called before what run_until_complete waits for was done"} {}

namespace {
std::atomic<place_finder> finder_of_places{nullptr};
}

place_finder set_place_finder(place_finder finder) noexcept {
    return finder_of_places.exchange(finder);
}

namespace detail {

std::string place_of(control_block& parked) {
    std::string text;
    if (parked.body != nullptr && parked.body->made_at.line() != 0) {
        text += std::string{", made at "} + parked.body->made_at.file_name() + ":" +
            std::to_string(parked.body->made_at.line());
    }
    place_finder const find = finder_of_places.load();
    std::string const place = find == nullptr ? std::string{} : find(parked);
    return place.empty() ? text : text + ", stands in " + place;
}

void destroyed_while_in_use(char const* what) noexcept {
    bool const vowel = std::strchr("aeiou", what[0]) != nullptr;
    std::fprintf(
        stderr,
        "tendril: %s %s was destroyed while a greenlet waits for it, which could then never be "
        "woken: let it outlive those who use it, for example by joining them first\n",
        vowel ? "an" : "a", what);
    std::abort();
}

}  // namespace detail

void print_error(std::exception_ptr error, std::string_view whose) noexcept {
    try {
        std::string const text = "tendril: an error that nobody collected, from " +
            std::string{whose} + ": " + describe(error) + "\n";
        std::fputs(text.c_str(), stderr);
    } catch (...) {
        std::fputs("tendril: an error that nobody collected, and no memory to say more\n", stderr);
    }
}

error_handler hub::set_error_handler(error_handler handler) {
    return std::exchange(on_error_, handler ? std::move(handler) : error_handler{print_error});
}

// The handler is taken out while it runs: it may set another one and must not destroy itself by
// that, and an error that is reported meanwhile must not come back to it.
void hub::report_error(std::exception_ptr error, std::string_view whose) noexcept {
    if (!on_error_) {
        print_error(error, whose);
        return;
    }
    error_handler running = std::exchange(on_error_, error_handler{});
    try {
        running(error, whose);
    } catch (...) {
        print_error(error, whose);
        print_error(std::current_exception(), "the error handler of the hub");
    }
    if (!on_error_) {
        on_error_ = std::move(running);
    }
}

}  // namespace tendril
