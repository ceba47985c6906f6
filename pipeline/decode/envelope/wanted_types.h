#pragma once

#include "pipeline/decode/decoder.h"
#include "pipeline/decode/envelope/envelope_types.h"
#include "pipeline/values/value.h"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// What wanted fields are, by the schemas that stand beside events. One per decoder, used by its
/// thread only: remembers schemas.
class WantedTypes {
public:
    using Types = std::vector<std::optional<EnvelopeType>>;  // by wanted field

    explicit WantedTypes(std::vector<WantedField> wanted) : wanted_(std::move(wanted)) {}

    /// nullptr: it is no schema. Valid until the next call.
    [[nodiscard]] const Types* of(const Value& schema);
    /// Of the schema that was asked for last, connect_fields().
    [[nodiscard]] const std::shared_ptr<const schemas::RowFields>& fields() const {
        return latest_->second.fields;
    }

private:
    static constexpr std::size_t most_schemas = 64;

    struct Known {
        Types types;
        std::shared_ptr<const schemas::RowFields> fields;
    };

    [[nodiscard]] Known read(std::string_view schema) const;

    const std::vector<WantedField> wanted_;
    std::map<std::string, Known, std::less<>> schemas_;
    const std::pair<const std::string, Known>* latest_ = nullptr;  // of schemas_
};

}  // namespace sluice
