// SPDX-License-Identifier: BSL-1.0
//
// Fifty greenlets ask PostgreSQL at once, each on a connection of its own, and each query takes a
// second: together they take one. Usage: 78_postgres "host=/run/postgresql dbname=postgres"
#include "postgres_connection.hpp"

#include <tendril/hub.hpp>
#include <tendril/task.hpp>
#include <tendril/together.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using connections = std::vector<std::unique_ptr<postgres::connection>>;

void play(std::string const& target) {
    connections open;
    for (int count = 0; count < 50; ++count) {
        open.push_back(std::make_unique<postgres::connection>(target));
    }
    auto const start = std::chrono::steady_clock::now();
    // DOC: fan-out
    std::vector<task<int>> queries;
    for (auto const& each : open) {
        queries.push_back(spawn([&ask = *each] {
            postgres::result const answer = ask("select 1 from pg_sleep(1)");
            return std::stoi(PQgetvalue(answer.get(), 0, 0));
        }));
    }
    int answers = 0;
    for (int const each : gather(queries)) {
        answers += each;
    }
    // DOC-END: fan-out
    std::chrono::duration<double> const taken = std::chrono::steady_clock::now() - start;
    std::cout << answers << " answers in " << taken.count() << " s\n";
}

}  // namespace

int main(int count, char** words) try {
    run([target = std::string{count > 1 ? words[1] : ""}] { play(target); });
} catch (std::exception const& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
