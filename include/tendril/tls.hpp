// SPDX-License-Identifier: BSL-1.0
#pragma once

// Floor 6, third part: TLS.
//
// Streams that are encrypted and whose peer is who it says, on OpenSSL 3. Without it the library is
// built without this floor, and a program that uses it fails to link: the missing symbol says so.

#include <tendril/tls/certificate.hpp>
#include <tendril/tls/error.hpp>
#include <tendril/tls/start_tls.hpp>
#include <tendril/tls/tls_context.hpp>
#include <tendril/tls/tls_stream.hpp>
