#pragma once

#include <string_view>

namespace sluice {

/// What the admin server speaks, in OpenAPI 3.1: openapi.json of this folder, with the version.
extern const std::string_view openapi;

}  // namespace sluice
