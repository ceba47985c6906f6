#pragma once

#include "pipeline/decode/decoder.h"
#include "pipeline/decode/protobuf/protobuf_json.h"
#include "pipeline/values/scratch.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// Finds the wanted fields of one message type in Protobuf's wire format, in one walk that enters
/// only those messages that a path leads into. Paths are names as the schema has them, or as
/// Protobuf's JSON has them; they lead into messages, elements of lists, entries of maps, and
/// through Struct, Value and ListValue as if these were JSON.
///
/// A field that the schema does not have stays missing. One that the record lacks has its preset:
/// a proto3 zero, a proto2 default, an empty list or map; it is NULL where there is none, and
/// within a message that is not there.
class ProtobufDecoder final : public Decoder {
public:
    ProtobufDecoder(std::shared_ptr<const schemas::ProtobufSchema> schema, std::uint32_t message,
                    const std::vector<WantedField>& wanted);

    bool decode(const Payload& payload, std::span<Value> slots,
                std::vector<Reason>* extra) override;
    [[nodiscard]] Undecodable error() const override;
    [[nodiscard]] std::vector<std::string> fields_of(const Payload& payload,
                                                     std::size_t most) override;

private:
    using Field = protobuf::ProtobufField;
    using Piece = protobuf::Piece;
    using WireType = protobuf::WireType;
    using Path = std::span<const std::string>;
    static constexpr std::uint32_t none = UINT32_MAX;

    struct Child {
        std::string key;                       // a map's, as text
        std::optional<std::uint64_t> element;  // the key as a list's index
        std::uint32_t target = none;
    };
    /// Where a field's value goes, or one element's.
    struct Target {
        const Field* field = nullptr;  // nullptr: the record itself
        Field::Count count = Field::Count::one;
        std::vector<std::size_t> slots;
        std::string path;             // for messages
        std::uint32_t plan = none;    // of the message, where paths lead into it
        std::vector<Child> children;  // of a list or a map

        // Of the record at hand.
        std::uint64_t seen = 0;        // the last record that has it
        std::uint64_t unfinished = 0;  // the last record that put it among those
        std::uint64_t elements = 0;
        std::vector<Piece> pieces;  // of what cannot go to its slots before all of it is there
        std::string text;
    };
    struct FieldPlan {
        const Field* field = nullptr;
        WireType usual = WireType::varint;
        std::uint32_t target = none;
        std::size_t slot = SIZE_MAX;  // of a scalar with no more to it than to go there
        std::uint64_t seen = 0;       // the last record that had it
    };
    struct Plan {
        const protobuf::ProtobufMessage* message = nullptr;
        std::string path;               // for messages: "a.b."
        std::vector<FieldPlan> fields;  // all of the message, by ascending number
        std::vector<std::uint32_t> required;
        std::vector<std::pair<std::size_t, Value>> absent;  // what slots hold until something comes

        // Of the record at hand.
        std::uint64_t seen = 0;
        std::vector<std::uint32_t> oneofs;  // which field each of them has; none: no target's
    };

    // Making the plan.
    std::uint32_t add_plan(std::uint32_t message, const std::string& path);
    void add_path(std::uint32_t plan, Path path, std::size_t slot);
    void add_field(std::uint32_t plan, const Field* field, Path path, std::size_t slot);
    void add_to_target(std::uint32_t target, Path path, std::size_t slot);
    std::uint32_t child_of(std::uint32_t target, const std::string& key);
    void collect_absent(std::uint32_t plan);
    void find_simple_fields(Plan& plan) const;
    void collect_slots(const Target& target, std::vector<std::size_t>& slots) const;

    // A record's way through it.
    void release();
    void begin(Plan& plan);
    bool walk(std::uint32_t plan, std::string_view message, int depth);
    static FieldPlan* find(Plan& plan, std::uint32_t number, std::size_t& next);
    bool take(Plan& plan, FieldPlan& field, WireType type, const Piece& piece, int depth);
    bool take_value(std::uint32_t target, const Piece& piece, int depth);
    bool take_single(Target& target, const Piece& piece, int depth);
    bool take_element(Target& target, const Piece& piece, int depth);
    bool take_entry(Target& target, const Piece& piece, int depth);
    void enter_oneof(Plan& plan, FieldPlan& field);
    void forget(std::uint32_t target);
    void keep(Target& target, const Piece& piece);
    bool finish();
    bool finish(Target& target);
    bool finish_as_json(Target& target, Value& value);
    bool check_required();
    void tell_extra(std::string text);

    std::shared_ptr<const schemas::ProtobufSchema> schema_;
    std::vector<Target> targets_;  // [0] is the whole record; constant save what is of the record
    std::vector<Plan> plans_;      // [0] is the record's
    bool has_required_ = false;
    std::uint32_t message_;
    Scratch constants_;

    // Of the record at hand.
    protobuf::WireError error_;
    protobuf::JsonWriter json_;
    Scratch scratch_;
    std::span<Value> slots_;
    std::vector<Reason>* extra_ = nullptr;
    std::uint64_t record_ = 0;
    std::string_view payload_;
    std::size_t position_ = 0;
    std::vector<std::uint32_t> unfinished_;  // targets of which pieces came, each once
};

}  // namespace sluice
