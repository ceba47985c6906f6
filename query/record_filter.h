#pragma once

#include "config/condition/condition.h"
#include "pipeline/record.h"

#include <span>

/// Conditions on records of a topic.
namespace sluice::query {

/// Fields of a record, in the order of record_fields().
enum class RecordField : std::size_t { topic, partition, offset, timestamp, key, value };

[[nodiscard]] std::span<const config::Field> record_fields();

/// Whether a record fulfils a condition over record_fields(). Key and value are compared as bytes;
/// a record without a timestamp has null for it.
[[nodiscard]] bool matches(const config::Condition& condition, const Record& record);

}  // namespace sluice::query
