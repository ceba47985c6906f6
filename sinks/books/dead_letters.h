#pragma once

#include "pipeline/batch.h"
#include "sinks/books/identity.h"

#include <string>

namespace sluice {

/// The COPY (binary) statement that dead letters travel by.
[[nodiscard]] std::string dead_letter_copy(const std::string& schema);

/// Appends one reject in COPY's binary form. Keeps every byte: what is no text goes in as hex.
void append_dead_letter(std::string& to, const PipelineIdentity& identity, const Record& record,
                        int incarnation, const std::vector<Reason>& reasons);

/// [{"name": …, "value": …}]; name_hex and value_hex where the bytes are not text that jsonb takes.
[[nodiscard]] std::string headers_json(std::span<const Header> headers);
/// [{"column": …, "reason": …}]; bytes that are no text are replaced.
[[nodiscard]] std::string reasons_json(const std::vector<Reason>& reasons);

}  // namespace sluice
