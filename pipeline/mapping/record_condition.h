#pragma once

#include "config/config.h"
#include "pipeline/reject.h"
#include "pipeline/values/scratch.h"
#include "pipeline/values/value.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sluice {

/// Which of a condition's comparisons no record can be put to: those of a record's time with what
/// is none. Empty: all of them can.
[[nodiscard]] std::string impossible_comparison(const config::Filter& filter);

/// A condition of an [ingest.NAME], such as its `filter`, judged on records. Three-valued as in
/// SQL: what is missing or null fulfils nothing but IS NULL. Of a value that a change leaves as it
/// is nothing can be said. One per mapper, used by its thread only.
///
/// An operand says how its field is read: a number compares exactly as a number, a text byte by
/// byte, unless the field is a date or a time of a format that has such types.
class RecordCondition {
public:
    enum class Truth : std::uint8_t {
        yes,
        no,
        unclear,  ///< a field cannot be compared so: the record is neither kept nor dropped
    };

    /// `name`: for reasons, "filter". They do not show what a column of `ingest` hides.
    RecordCondition(const config::Filter& filter, std::string name, const config::Ingest& ingest);
    ~RecordCondition();

    [[nodiscard]] std::size_t fields() const { return fields_.size(); }
    /// `fields` by the filter's. `why` gets the reason of `unclear`.
    Truth judge(std::span<const Value> fields, Scratch& scratch, Reason& why) const;

private:
    struct Node;
    std::unique_ptr<const Node> root_;
    const std::vector<config::Source> fields_;
    const std::string name_;
    std::vector<bool> hidden_;  // by field
};

}  // namespace sluice
