#pragma once

#include "pipeline/decode/protobuf/protobuf_values.h"

#include <string>
#include <string_view>

/// Values that contain no others, as they stand in JSON. What returns a bool says false after it
/// has filled `error`.
namespace sluice::protobuf {

[[nodiscard]] bool append_scalar(std::string& to, const ProtobufSchema& schema,
                                 const ProtobufField& field, const Piece& piece, WireError& error);
[[nodiscard]] bool append_text(std::string& to, std::string_view text, WireError& error);
/// The text of a map's key, of whichever type, without quotes.
[[nodiscard]] bool append_map_key(std::string& to, const ProtobufField& key, const Piece& piece,
                                  WireError& error);
/// Of a FieldMask: "a_b" as "aB", which then is made "a_b" again. Other paths stay what they are.
void append_path(std::string& to, std::string_view path);

}  // namespace sluice::protobuf
