// SPDX-License-Identifier: BSL-1.0
#include <tendril/support/error.hpp>

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <typeinfo>
#include <utility>

namespace tendril {
namespace {

class category final : public std::error_category {
public:
    char const* name() const noexcept override { return "tendril"; }

    std::string message(int code) const override {
        switch (static_cast<errc>(code)) {
        case errc::closed:
            return "closed by this program";
        case errc::busy:
            return "another greenlet already waits for this direction: one reader and one writer "
                   "at a time";
        case errc::timed_out:
            return "the limit of this call ran out";
        case errc::broken:
            return "broken: a write was interrupted and what the peer received is unknown";
        case errc::bad_name:
            return "this text does not name what it should";
        case errc::too_long:
            return "longer than its limit";
        case errc::overloaded:
            return "too many wait for the same already: ask for fewer at a time, or allow more";
        case errc::wrong_kind:
            return "another kind of file: regular files and folders are for `file`, what can be "
                   "waited for (pipes, terminals, sockets, devices) for `descriptor_stream`";
        }
        return "unknown error";
    }

    std::error_condition default_error_condition(int code) const noexcept override {
        return static_cast<errc>(code) == errc::timed_out
            ? std::error_condition{std::errc::timed_out}
            : std::error_condition{code, *this};
    }
};

std::string name_of(std::type_info const* type) {
    if (type == nullptr) {
        return "unknown type";
    }
    int status = 0;
    std::unique_ptr<char, decltype(&std::free)> const readable{
        abi::__cxa_demangle(type->name(), nullptr, nullptr, &status), &std::free};
    return status == 0 ? readable.get() : type->name();
}

}  // namespace

std::error_category const& error_category() noexcept {
    static category const instance;
    return instance;
}

std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), error_category()};
}

stack_exhausted::stack_exhausted(std::string reason) : reason_{std::move(reason)} {}

char const* stack_exhausted::what() const noexcept { return reason_.c_str(); }

std::string describe(std::exception_ptr const& error) {
    if (error == nullptr) {
        return "no error";
    }
    try {
        std::rethrow_exception(error);
    } catch (std::exception const& known) {
        return name_of(&typeid(known)) + ": " + known.what();
    } catch (...) {
        return name_of(abi::__cxa_current_exception_type());
    }
}

}  // namespace tendril
