#pragma once

#include "pipeline/mapping/column_plan.h"
#include "pipeline/values/scratch.h"

#include <string>

namespace sluice {

/// Makes of what a column's source holds a value that encoders know: a text, JSON, bytes, or one
/// that has a type. One per mapper, used by its thread only.
class Preparer {
public:
    /// Views into what it was, or into this, valid until clear(). What is wrong: follows an
    /// excerpt of the value; nullptr: nothing. `index` is overwritten.
    const char* prepare(const ColumnPlan& plan, Value& value, JsonIndex& index);
    /// What stands in for a source that is missing or null.
    [[nodiscard]] static Value default_of(const ColumnPlan& plan);
    void clear() { scratch_.clear(); }

private:
    const char* convert_value(const ColumnPlan& plan, Value& value);
    const char* leave_out(const ColumnPlan& plan, Value& value, JsonIndex& index);
    const char* hide(const ColumnPlan& plan, Value& value);
    void take_json(Value& value);
    const char* take_json_text(const ColumnPlan& plan, Value& value, JsonIndex& index);
    const char* take_array(const ColumnPlan& plan, Value& value);
    const char* take_text(const ColumnPlan& plan, Value& value);
    void write_out(Value& value);

    Scratch scratch_;
    std::string buffer_;
};

}  // namespace sluice
