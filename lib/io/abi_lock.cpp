// SPDX-License-Identifier: BSL-1.0
#include <boost/asio/detail/config.hpp>

#include <tendril/io/abi_lock.hpp>

extern "C" char const TENDRIL_ABI_SYMBOL = 0;
