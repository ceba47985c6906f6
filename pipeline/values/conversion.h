#pragma once

#include "config/config.h"
#include "pipeline/values/scratch.h"
#include "pipeline/values/value.h"

#include <string_view>

namespace sluice {

struct Converted {
    Value value;
    const char* complaint = nullptr;  ///< why it cannot be understood that way: follows an excerpt
};

/// A text as `as` in the configuration says: epoch_* gives an instant, base64 and hex give bytes.
/// The text of a value, already unescaped; not for none and json.
[[nodiscard]] Converted convert(std::string_view text, config::Conversion as, Scratch& scratch);

}  // namespace sluice
