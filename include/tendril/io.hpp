// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 6: the outside world, through Boost.Asio.
//
// Streams and listeners whose calls park instead of blocking, names, signals, and the completion
// token `use_greenlet` for everything else that speaks Asio. From here on headers include Asio.

#include <tendril/io/endpoint.hpp>
#include <tendril/io/error.hpp>
#include <tendril/io/resolver.hpp>
#include <tendril/io/signal_set.hpp>
#include <tendril/io/tcp.hpp>
#include <tendril/io/use_greenlet.hpp>
