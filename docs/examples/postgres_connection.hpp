// SPDX-License-Identifier: BSL-1.0
#pragma once

// A connection to PostgreSQL on the non-blocking interface of libpq: where libpq says that it would
// wait, the greenlet waits and its thread runs others.

#include <tendril/hub.hpp>

#include <libpq-fe.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace postgres {

struct clear_result {
    void operator()(PGresult* result) const { PQclear(result); }
};
using result = std::unique_ptr<PGresult, clear_result>;

class connection {
public:
    // DOC: connect
    explicit connection(std::string const& target) : connection_{PQconnectStart(target.c_str())} {
        require(connection_ != nullptr && PQstatus(get()) != CONNECTION_BAD);
        auto wanted = PGRES_POLLING_WRITING;
        while (wanted != PGRES_POLLING_OK) {
            require(wanted != PGRES_POLLING_FAILED);
            if (wanted == PGRES_POLLING_WRITING) {
                tendril::wait_writable(PQsocket(get()));
            } else {
                tendril::wait_readable(PQsocket(get()));
            }
            // It may close this socket and try the next address.
            tendril::call_off_waits(PQsocket(get()));
            wanted = PQconnectPoll(get());
        }
        require(PQsetnonblocking(get(), 1) == 0);
    }
    // DOC-END: connect

    // DOC: query
    result operator()(std::string const& query) {
        require(PQsendQuery(get(), query.c_str()) == 1);
        int left = PQflush(get());
        for (; left == 1; left = PQflush(get())) {
            tendril::wait_writable(PQsocket(get()));
            require(PQconsumeInput(get()) == 1);
        }
        require(left == 0);
        result last;
        while (result next = next_result()) {
            last = std::move(next);
        }
        auto const status = PQresultStatus(last.get());
        require(status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK);
        return last;
    }
    // DOC-END: query

private:
    struct finish {
        void operator()(PGconn* connection) const {
            if (int const socket = PQsocket(connection); socket >= 0) {
                tendril::call_off_waits(socket);
            }
            PQfinish(connection);
        }
    };

    PGconn* get() const { return connection_.get(); }

    void require(bool condition) const {
        if (!condition) {
            throw std::runtime_error{PQerrorMessage(get())};
        }
    }

    result next_result() {
        while (PQisBusy(get()) == 1) {
            tendril::wait_readable(PQsocket(get()));
            require(PQconsumeInput(get()) == 1);
        }
        return result{PQgetResult(get())};
    }

    std::unique_ptr<PGconn, finish> connection_;
};

}  // namespace postgres
