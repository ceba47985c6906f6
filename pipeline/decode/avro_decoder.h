#pragma once

#include "pipeline/decode/avro_plan.h"
#include "pipeline/decode/avro_reader.h"
#include "pipeline/decode/decoder.h"
#include "pipeline/decode/wire_format.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// Finds fields in Avro's binary form, by the schema of their writer: the same one for all
/// payloads, or the one that each of them names.
class AvroDecoder : public Decoder {
public:
    /// All payloads are of this schema, and nothing stands around them.
    AvroDecoder(std::vector<WantedField> wanted, std::shared_ptr<const schemas::AvroSchema> schema);

    enum class OnUnknown { stop, undecodable };
    /// Schemas come from a registry, and stay. decode() throws WrongConfiguration for one that the
    /// registry does not know, with OnUnknown::stop.
    struct Registry {
        std::shared_ptr<SchemaSource> source;
        PartOfRecord part = PartOfRecord::value;
        OnUnknown on_unknown = OnUnknown::stop;
    };
    AvroDecoder(std::vector<WantedField> wanted, Registry registry);

    [[nodiscard]] bool decode(const Payload& payload, std::span<Value> slots,
                              std::vector<Reason>* extra) override;
    [[nodiscard]] Undecodable error() const override { return error_; }
    [[nodiscard]] std::vector<std::string> fields_of(const Payload& payload,
                                                     std::size_t most) override;

private:
    /// What became of a schema.
    struct Planned {
        std::optional<AvroPlan> plan;  ///< nullopt: see `complaint`
        std::string complaint;
    };

    /// Null: see error_. `body` is what is left of the payload.
    const AvroPlan* plan_for(const Payload& payload, std::string_view& body);
    const Planned* planned(const SchemaId& id);
    [[nodiscard]] Planned make_plan(const schemas::SchemaText& schema) const;
    bool fail(std::string text);

    std::vector<WantedField> wanted_;
    std::optional<AvroPlan> only_;
    Registry registry_;
    std::map<SchemaId, Planned> plans_;  // a plan stays where it is
    const Planned* latest_ = nullptr;    // records of one schema follow each other
    SchemaId latest_id_;
    AvroReader reader_;
    Undecodable error_;
};

}  // namespace sluice
