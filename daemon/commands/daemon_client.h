#pragma once

#include "daemon/admin/http.h"

#include <chrono>
#include <optional>
#include <string>

namespace sluice {

/// Asks the admin server at "host:port" or "http://host[:port][/path]"; nullopt when nobody answers
/// there in time, or what answers is something else. An address for all interfaces means this
/// machine.
[[nodiscard]] std::optional<HttpResponse> ask_daemon(const std::string& address,
                                                     const HttpRequest& question,
                                                     std::chrono::milliseconds patience);

}  // namespace sluice
