#pragma once

#include "pipeline/decode/protobuf/protobuf_values.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::protobuf {

/// Writes values as JSON: fields under the names that the schema has written, numbers as numbers
/// (those that JSON has not as strings), bytes as bytea shows them, enumerations by name, times and
/// durations as columns do, Google's other messages as Protobuf's JSON has them. A field that a
/// record lacks has its preset, and does not appear where it has none. One per decoder: keeps
/// scratch. What returns a bool says false after it has filled `error`.
class JsonWriter {
public:
    JsonWriter(const ProtobufSchema& schema, WireError& error) : schema_(schema), error_(error) {}

    /// Appends one value of a field's, or all: `pieces` are what the record has of it.
    [[nodiscard]] bool append(std::string& to, const ProtobufField& field,
                              ProtobufField::Count count, std::span<const Piece> pieces);
    /// Appends a message, the union of the pieces.
    [[nodiscard]] bool append_message(std::string& to, std::uint32_t message,
                                      std::span<const Piece> pieces);
    /// Of one text.
    void limit(std::size_t bytes) { limit_ = bytes; }

private:
    struct Occurrence {
        std::uint32_t field = 0;  // its place among the message's
        Piece piece;
    };
    /// Of occurrences_. By index, since it grows meanwhile.
    struct Range {
        std::size_t from = 0;
        std::size_t to = 0;
        [[nodiscard]] bool empty() const { return from == to; }
    };

    Range push(std::span<const Piece> pieces);
    void pop(std::size_t size);
    bool gather(const ProtobufMessage& message, Range pieces, Range& found);
    bool gather_piece(const ProtobufMessage& message, const Piece& piece);
    bool gather_value(const ProtobufMessage& message, std::uint32_t place, WireType type,
                      const Piece& value);
    void keep_last_of_oneofs(const ProtobufMessage& message, std::size_t from);
    Range of_field(Range found, std::uint32_t place) const;
    const Piece& last(Range range) const { return occurrences_[range.to - 1].piece; }
    bool check_length(const std::string& to, Range pieces);

    bool append_any_message(std::string& to, std::uint32_t message, Range pieces, int depth);
    bool append_meaning(std::string& to, const ProtobufMessage& message, Range pieces, Range found,
                        int depth);
    bool append_fields(std::string& to, const ProtobufMessage& message, Range found, int depth);
    bool append_field(std::string& to, const ProtobufField& field, ProtobufField::Count count,
                      Range pieces, int depth);
    bool append_list(std::string& to, const ProtobufField& field, Range pieces, int depth);
    bool append_map(std::string& to, const ProtobufField& field, Range pieces, int depth);
    bool append_map_value(std::string& to, const ProtobufMessage& message, const Piece& entry,
                          int depth);
    bool append_value(std::string& to, const ProtobufField& field, Range pieces, int depth);
    bool append_oneof(std::string& to, const ProtobufMessage& message, Range found, int depth);
    bool append_mask(std::string& to, Range found);
    bool append_any(std::string& to, const ProtobufMessage& message, Range found, int depth);
    bool append_time(std::string& to, const ProtobufMessage& message, Range pieces);

    const ProtobufSchema& schema_;
    WireError& error_;
    std::size_t limit_ = SIZE_MAX;
    std::vector<Occurrence> occurrences_;  // a stack: of the messages that are being written
    std::vector<Piece> pieces_;
    Scratch scratch_;
};

}  // namespace sluice::protobuf
