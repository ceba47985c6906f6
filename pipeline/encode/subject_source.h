#pragma once

#include "schemas/schema_text.h"

#include <cstdint>
#include <optional>
#include <string>

namespace sluice {

/// A version of what a registry keeps under a subject.
struct SubjectSchema {
    std::uint32_t id = 0;
    std::int64_t version = 0;
    schemas::SchemaText schema;
};

/// A schema registry, as those see it who write by it. From any thread; may take its time.
class SubjectSource {
public:
    virtual ~SubjectSource() = default;

    /// The latest version, with all that it refers to. nullopt: there is no such subject. Throws
    /// TroubleOfTheWorld while that cannot be known.
    [[nodiscard]] virtual std::optional<SubjectSchema> latest(const std::string& subject) = 0;
};

}  // namespace sluice
