#pragma once

#include "pipeline/decode/envelope/envelope_types.h"
#include "pipeline/values/json_cursor.h"
#include "pipeline/values/json_index.h"
#include "pipeline/values/scratch.h"
#include "pipeline/values/value.h"

#include <string>
#include <string_view>

namespace sluice {

/// Makes of a field's JSON what its type says. Lists, maps and structures stay JSON, in which
/// values stand as those of other formats with types do. One per decoder, used by its thread only:
/// keeps memory.
class EnvelopeValues {
public:
    /// What cannot be read that way stays what it is: its column refuses it. `value` may become a
    /// view into `scratch`.
    void apply(const EnvelopeType& type, Value& value, Scratch& scratch);

private:
    [[nodiscard]] bool write(const EnvelopeType* type, JsonCursor& from, Scratch& scratch);
    [[nodiscard]] bool write_list(const EnvelopeType& type, JsonCursor& from, Scratch& scratch);
    [[nodiscard]] bool write_members(const EnvelopeType& type, JsonCursor& from, Scratch& scratch);
    void write_one(const EnvelopeType& type, std::string_view json, Scratch& scratch);

    JsonIndex index_;
    JsonIndex inner_index_;  // of a text that is JSON
    std::string json_;
};

}  // namespace sluice
