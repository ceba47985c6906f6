#pragma once

#include "sinks/schema/schema.h"

#include <string>
#include <string_view>

/// The text of Sluice's own tables, as a new database gets them.
namespace sluice {

/// DDL of all but the schema, idempotent, with @places@.
[[nodiscard]] std::string_view own_tables();

/// The text with its @places@ filled in, as this kind of server and this schema want it. `version`
/// is what @version@ stands for.
[[nodiscard]] std::string filled_in(std::string_view text, const std::string& schema, Family family,
                                    int version = schema_version);

}  // namespace sluice
