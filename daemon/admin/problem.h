#pragma once

#include "daemon/admin/http.h"
#include "daemon/report/report.h"

#include <string_view>

/// Errors as RFC 9457 has them.
namespace sluice {

inline constexpr const char* problem_type = "application/problem+json";

/// An object that is still open, for members of its own. `detail`: what is wrong, and what to do.
[[nodiscard]] JsonWriter begin_problem(int status, std::string_view detail);

/// The answer that says so and nothing more.
[[nodiscard]] HttpResponse problem(int status, std::string_view detail);

}  // namespace sluice
