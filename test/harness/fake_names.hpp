// SPDX-License-Identifier: BSL-1.0
#pragma once

// A name service for tests: harness/fake_names.cpp defines `getaddrinfo` and `getnameinfo` for the
// whole program.
//
// Names that end in `.test` are answered here, names that end in `.hang` make the call hang until
// they are let go, and everything else goes to the system, which is asked for `localhost` and for
// numbers only. Of addresses, those of 192.0.2.0/24 are answered here; whose name ends in `.hang`
// makes the call hang. No test depends on a network.

#include <tendril/hub/run.hpp>
#include <tendril/net/resolver.hpp>
#include <tendril/testing/leak_check.hpp>
#include <tendril/testing/virtual_clock.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace tendril::test {

/// The name service while a test uses it. One at a time.
class fake_names {
public:
    fake_names();
    fake_names(fake_names const&) = delete;
    fake_names& operator=(fake_names const&) = delete;
    /// Makes asking for a name fail with a code of getaddrinfo.
    void add_failure(std::string const& name, int status);

    /// Makes an address have a name.
    void add_name(std::string const& address, std::string name);

    /// Lets the hanging calls go and waits until they have left.
    ~fake_names();

    /// Makes a name mean these addresses, numeric, in this order.
    void add(std::string const& name, std::vector<std::string> addresses);

    /// Lets the hanging calls go: they find nothing.
    void let_go();

    /// How many calls hang now, and how many there were that may go to a server for the answer.
    std::size_t hanging() const;
    std::size_t asked() const;

    /// Says whether any such call was made by the thread that made this object.
    bool asked_on_this_thread() const;

    /// Lets other threads run until that many calls hang. Returns whether it came to that in time.
    bool wait_for_hanging(std::size_t count) const;
};

/// How many threads the process has.
inline std::ptrdiff_t thread_count() {
    return std::distance(
        std::filesystem::directory_iterator{"/proc/self/task"},
        std::filesystem::directory_iterator{});
}

/// A look-up whose asker has left may be on its way back to the hub when the test ends, and holds
/// the hub's descriptor until it has arrived. This waits for it, and for the end of the threads
/// that have come meanwhile: under a sanitizer a thread has other descriptors for a moment.
class look_ups_end {
public:
    look_ups_end() = default;
    look_ups_end(look_ups_end const&) = delete;
    look_ups_end& operator=(look_ups_end const&) = delete;
    ~look_ups_end() {
        auto const limit = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        while (has_more() && std::chrono::steady_clock::now() < limit) {
            std::this_thread::yield();
        }
    }

private:
    bool has_more() const { return thread_count() > threads_ || !before_.leaks().empty(); }

    std::ptrdiff_t const threads_ = thread_count();
    testing::leak_check before_;
};

/// Runs a function in a hub of its own, whose clock jumps and whose resolver looks into no file. It
/// gets the names, and the clock if it
/// wants it.
template <typename F>
void run_with_names(F&& body) {
    look_ups_end const wait_for_them;
    fake_names names;
    testing::virtual_clock time;
    run({.clock = &time}, [&] {
        // A look-up that another test has left may be about to end, and is not to be joined.
        resolver_options options;
        options.hosts_file.clear();
        set_resolver(std::make_shared<system_resolver>(options));
        if constexpr (std::is_invocable_v<F&, fake_names&, testing::virtual_clock&>) {
            body(names, time);
        } else {
            body(names);
        }
    });
}

}  // namespace tendril::test
