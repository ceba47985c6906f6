#include "daemon/commands/peek/readable_record.h"

#include "pipeline/values/canonical_text.h"

#include <array>

namespace sluice {

using schemas::SchemaType;

ReadableRecord::ReadableRecord(const std::shared_ptr<SchemaSource>& registry)
    : registry_(registry),
      key_{PartOfRecord::key,
           decoder(registry, PartOfRecord::key, SchemaType::avro),
           decoder(registry, PartOfRecord::key, SchemaType::protobuf),
           {}},
      value_{PartOfRecord::value,
             decoder(registry, PartOfRecord::value, SchemaType::avro),
             decoder(registry, PartOfRecord::value, SchemaType::protobuf),
             {}} {}

RegistryDecoder ReadableRecord::decoder(const std::shared_ptr<SchemaSource>& registry,
                                        PartOfRecord which, SchemaType type) {
    WantedField whole;
    whole.source.kind = config::Source::Kind::field;
    return RegistryDecoder({.source = registry,
                            .type = type,
                            .part = which,
                            .on_unknown = config::OnUnknownSchema::dead_letter,
                            .wanted = {whole}});
}

Record ReadableRecord::of(const Record& record) {
    log_.clear();
    Record shown = log_.at(log_.append(record));
    if (shown.key) shown.key = read({*shown.key, shown.headers}, key_);
    if (shown.value) shown.value = read({*shown.value, shown.headers}, value_);
    return shown;
}

std::string_view ReadableRecord::read(const Payload& payload, Part& part) {
    const Framed framed = unframe(payload, part.which);
    const auto schema = framed.schema ? registry_->find(*framed.schema) : nullptr;
    if (schema == nullptr) return payload.bytes;
    if (schema->type == SchemaType::json) return framed.body;
    RegistryDecoder& decoder = schema->type == SchemaType::avro ? part.avro : part.protobuf;
    std::array<Value, 1> whole;
    if (!decoder.decode(payload, whole, nullptr)) return payload.bytes;
    part.text.clear();
    if (whole[0].kind == Value::Kind::null || whole[0].kind == Value::Kind::missing) return "null";
    append_canonical_text(part.text, whole[0]);
    return part.text;
}

}  // namespace sluice
