#include "pipeline/decode/envelope/wanted_types.h"

#include "pipeline/decode/envelope/connect_fields.h"

namespace sluice {

/// Schemas are as long as ten events, and a lane's topics have few of them.
const WantedTypes::Types* WantedTypes::of(const Value& schema) {
    if (schema.kind != Value::Kind::json_object) return nullptr;
    if (latest_ != nullptr && latest_->first == schema.text) return &latest_->second.types;
    auto known = schemas_.find(schema.text);
    if (known == schemas_.end()) {
        if (schemas_.size() == most_schemas) schemas_.clear();
        known = schemas_.emplace(schema.text, read(schema.text)).first;
    }
    latest_ = &*known;
    return &latest_->second.types;
}

WantedTypes::Known WantedTypes::read(std::string_view schema) const {
    Known read;
    Types& types = read.types;
    const EventTypes known = event_types(schema);
    for (const WantedField& field : wanted_) {
        const bool of_event = field.source.kind == config::Source::Kind::envelope;
        const EnvelopeType* const found =
            (of_event ? known.event : known.row).at(field.source.path);
        auto& type = types.emplace_back();
        if (found != nullptr && !field.converted) type = *found;
    }
    read.fields = std::make_shared<const schemas::RowFields>(connect_fields(schema));
    return read;
}

}  // namespace sluice
