#pragma once

#include "pipeline/mapping/targets.h"
#include "schemas/row_fields.h"

#include <memory>
#include <string>
#include <vector>

namespace sluice {

/// What becomes of fields that the schemas of records have and their table has not. From any
/// thread.
class SchemaGrowth {
public:
    virtual ~SchemaGrowth() = default;

    /// Whether grow() would give the target a column. Quick: asks nobody.
    [[nodiscard]] virtual bool wants_column(const Targets::Target& target,
                                            const schemas::RowFields& fields) = 0;
    /// Gives the topic's target columns for them, unless somebody else has meanwhile, and says in
    /// Targets what its table looks like now. Why it takes no records until that is done, in words;
    /// empty: it is. In a transaction of its own, so never while the caller has one open that a
    /// lock on the table could wait for. Throws TroubleOfTheWorld when nobody can tell now.
    [[nodiscard]] virtual std::string grow(const std::string& topic, TargetId target,
                                           const schemas::RowFields& fields) = 0;
};

/// A record's schema has fields that its target is to get columns for first. No row of it is made.
struct FieldsWithoutColumn {
    std::string topic;
    TargetId target = 0;
    std::shared_ptr<const schemas::RowFields> fields;
};

}  // namespace sluice
