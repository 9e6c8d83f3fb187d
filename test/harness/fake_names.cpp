// SPDX-License-Identifier: BSL-1.0
#include <harness/fake_names.hpp>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <string_view>
#include <thread>

namespace tendril::test {
namespace {

struct name_service {
    std::mutex mutex;
    std::condition_variable changed;
    std::map<std::string, std::vector<std::string>, std::less<>> known;
    std::map<std::string, int, std::less<>> failures;
    std::map<std::string, std::string, std::less<>> names;
    std::thread::id owner;
    std::size_t hanging = 0;
    std::size_t asked = 0;
    bool asked_by_owner = false;
    bool held = false;
};

// Never destroyed: a resolver's thread may be in it when the program ends.
name_service& service() {
    static name_service& only = *new name_service;
    return only;
}

using getaddrinfo_function = int(char const*, char const*, addrinfo const*, addrinfo**);

getaddrinfo_function& system_getaddrinfo() {
    static auto* const found = reinterpret_cast<getaddrinfo_function*>(
        ::dlsym(RTLD_NEXT, "getaddrinfo"));
    return *found;
}

void hang(std::unique_lock<std::mutex>& lock) {
    name_service& my = service();
    ++my.hanging;
    my.changed.notify_all();
    my.changed.wait(lock, [&] { return !my.held; });
    --my.hanging;
    my.changed.notify_all();
}

// Asks the system for each of some numeric addresses and joins the answers.
int answer(
    std::vector<std::string> const& addresses, char const* port, addrinfo hints, addrinfo** found) {
    hints.ai_flags = AI_NUMERICHOST;
    *found = nullptr;
    for (std::string const& each : addresses) {
        if (int const status = system_getaddrinfo()(each.c_str(), port, &hints, found)) {
            return status;
        }
        found = &(*found)->ai_next;
    }
    return addresses.empty() ? EAI_NONAME : 0;
}

int look_up(char const* host, char const* port, addrinfo const* hints, addrinfo** found) {
    name_service& my = service();
    std::string_view const name = host == nullptr ? "" : host;
    if (hints == nullptr || (hints->ai_flags & AI_NUMERICHOST) != 0) {
        return system_getaddrinfo()(host, port, hints, found);
    }
    std::unique_lock lock{my.mutex};
    ++my.asked;
    my.asked_by_owner = my.asked_by_owner || my.owner == std::this_thread::get_id();
    if (name.ends_with(".hang")) {
        hang(lock);
        return EAI_NONAME;
    }
    if (auto const failure = my.failures.find(name); failure != my.failures.end()) {
        return failure->second;
    }
    if (name.ends_with(".test")) {
        auto const at = my.known.find(name);
        auto const addresses = at == my.known.end() ? std::vector<std::string>{} : at->second;
        return answer(addresses, port, *hints, found);
    }
    lock.unlock();
    return system_getaddrinfo()(host, port, hints, found);
}

using getnameinfo_function =
    int(sockaddr const*, socklen_t, char*, socklen_t, char*, socklen_t, int);

getnameinfo_function& system_getnameinfo() {
    static auto* const found = reinterpret_cast<getnameinfo_function*>(
        ::dlsym(RTLD_NEXT, "getnameinfo"));
    return *found;
}

// The text of an address that is answered here; empty for others.
std::string own_address(sockaddr const* asked) {
    if (asked->sa_family != AF_INET) {
        return {};
    }
    sockaddr_in four;
    std::memcpy(&four, asked, sizeof four);
    char text[INET_ADDRSTRLEN] = "";
    ::inet_ntop(AF_INET, &four.sin_addr, text, sizeof text);
    return std::string_view{text}.starts_with("192.0.2.") ? text : "";
}

int look_up_name(std::string const& address, char* host, socklen_t size) {
    name_service& my = service();
    std::unique_lock lock{my.mutex};
    ++my.asked;
    my.asked_by_owner = my.asked_by_owner || my.owner == std::this_thread::get_id();
    auto const at = my.names.find(address);
    if (at == my.names.end()) {
        return EAI_NONAME;
    }
    std::string const name = at->second;
    if (name.ends_with(".hang")) {
        hang(lock);
        return EAI_AGAIN;
    }
    std::strncpy(host, name.c_str(), size);
    return 0;
}

}  // namespace

fake_names::fake_names() {
    std::lock_guard const lock{service().mutex};
    service().known.clear();
    service().failures.clear();
    service().names.clear();
    service().owner = std::this_thread::get_id();
    service().asked = 0;
    service().asked_by_owner = false;
    service().held = true;
}

fake_names::~fake_names() {
    let_go();
    std::unique_lock lock{service().mutex};
    service().changed.wait(lock, [] { return service().hanging == 0; });
}

void fake_names::add(std::string const& name, std::vector<std::string> addresses) {
    std::lock_guard const lock{service().mutex};
    service().known[name] = std::move(addresses);
}

void fake_names::add_failure(std::string const& name, int status) {
    std::lock_guard const lock{service().mutex};
    service().failures[name] = status;
}

void fake_names::add_name(std::string const& address, std::string name) {
    std::lock_guard const lock{service().mutex};
    service().names[address] = std::move(name);
}

void fake_names::let_go() {
    std::lock_guard const lock{service().mutex};
    service().held = false;
    service().changed.notify_all();
}

std::size_t fake_names::hanging() const {
    std::lock_guard const lock{service().mutex};
    return service().hanging;
}

std::size_t fake_names::asked() const {
    std::lock_guard const lock{service().mutex};
    return service().asked;
}

bool fake_names::asked_on_this_thread() const {
    std::lock_guard const lock{service().mutex};
    return service().asked_by_owner;
}

bool fake_names::wait_for_hanging(std::size_t count) const {
    std::unique_lock lock{service().mutex};
    return service().changed.wait_for(
        lock, std::chrono::seconds{10}, [&] { return service().hanging == count; });
}

}  // namespace tendril::test

extern "C" int getaddrinfo(
    char const* host, char const* port, addrinfo const* hints, addrinfo** found) {
    return tendril::test::look_up(host, port, hints, found);
}

extern "C" int getnameinfo(
    sockaddr const* asked, socklen_t size, char* host, socklen_t host_size, char* service,
    socklen_t service_size, int flags) {
    std::string const own = host == nullptr ? "" : tendril::test::own_address(asked);
    return own.empty() ? tendril::test::system_getnameinfo()(
                             asked, size, host, host_size, service, service_size, flags)
                       : tendril::test::look_up_name(own, host, host_size);
}
