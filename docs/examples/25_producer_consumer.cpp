// SPDX-License-Identifier: BSL-1.0
//
// Producer and consumer: work for two, with a bound that slows the producer down, and an end.
#include <tendril/channel.hpp>
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <iostream>
#include <string>

namespace {

// DOC: consumer
// Takes orders until the queue is shut down and empty.
void cook(std::string const& name, tendril::queue<std::string>& orders) {
    try {
        while (true) {
            std::string const order = orders.get();  // waits for an order
            std::cout << name << " begins " << order << '\n';
            tendril::yield();
            std::cout << name << " is done with " << order << '\n';
            orders.task_done();
        }
    } catch (tendril::queue_shut_down const&) {
        std::cout << name << " goes home\n";
    }
}
// DOC-END: consumer

// DOC: producer
void serve_dinner() {
    tendril::queue<std::string> orders{2};
    tendril::with_task_group([&](tendril::task_group& kitchen) {
        kitchen.spawn([&] { cook("Ada", orders); });
        kitchen.spawn([&] { cook("Bo", orders); });
        for (char const* dish : {"soup", "bread", "fish", "rice", "cake"}) {
            orders.put(dish);  // waits while two orders are open
            std::cout << "ordered " << dish << '\n';
        }
        orders.join();  // until every order is done
        std::cout << "everybody has eaten\n";
        orders.shutdown();
    });  // when both have gone home
}
// DOC-END: producer

}  // namespace

int main() { tendril::run(serve_dinner); }
