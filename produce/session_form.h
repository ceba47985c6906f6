#pragma once

#include "produce/message_plan.h"

#include <string_view>

/// What of a value's text hangs on the settings of the session that wrote it.
namespace sluice::produce {

/// The setting without which the database has written this, so that a reader would take it for
/// another value; nullptr: nobody can. Of arrays and ranges each of what they hold is looked at.
[[nodiscard]] const char* set_otherwise(Field::Written written, std::string_view text);

}  // namespace sluice::produce
