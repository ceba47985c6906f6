#pragma once

#include "config/text/characters.h"
#include "pipeline/table.h"
#include "pipeline/values/json_index.h"
#include "pipeline/values/row_buffer.h"
#include "pipeline/values/value.h"

#include <string>
#include <string_view>

namespace sluice {

/// What an encoder says of a value.
enum class Verdict : std::uint8_t {
    encoded,   ///< appended as a field of COPY's binary form
    invalid,   ///< the database would refuse it; the complaint says why
    database,  ///< only the database's own input function can encoding: send it as text
};

/// What the encoders of a mapper share.
struct Encoding {
    bool session_is_utc = false;
    std::string complaint;  ///< of the latest Verdict::invalid: what follows the excerpt
    JsonIndex json;
    std::string buffer;
    std::string text;  ///< of a value that has a type

    Verdict refuse(std::string_view why) {
        complaint = why;
        return Verdict::invalid;
    }
};

/// Judges a value of kind text, bytes (bytea only) or json (json and jsonb only), and appends it as
/// a field when it is fine; may leave a part of a field when it is not.
using Encoder = Verdict (*)(const Value& value, const Column& column, Encoding& encoding,
                            RowBuffer& to);

/// How a column's values are encoded. A column without a binary form gets one that judges nothing.
[[nodiscard]] Encoder encoder_for(const Column& column);
[[nodiscard]] bool has_binary_form(const Column& column);

/// The same for a value that has a type (is_typed()), whatever its column's: what arrives equals
/// what the database makes of its canonical text.
Verdict encode_typed(const Value& value, const Column& column, Encoding& encoding, RowBuffer& to);

// By type, for encoder_for().
Verdict encode_int2(const Value&, const Column&, Encoding&, RowBuffer&);
Verdict encode_int4(const Value&, const Column&, Encoding&, RowBuffer&);
Verdict encode_int8(const Value&, const Column&, Encoding&, RowBuffer&);
Verdict encode_float4(const Value&, const Column&, Encoding&, RowBuffer&);
Verdict encode_float8(const Value&, const Column&, Encoding&, RowBuffer&);
Verdict encode_numeric(const Value&, const Column&, Encoding&, RowBuffer&);
Verdict encode_boolean(const Value&, const Column&, Encoding&, RowBuffer&);
Verdict encode_text(const Value&, const Column&, Encoding&, RowBuffer&);
Verdict encode_name(const Value&, const Column&, Encoding&, RowBuffer&);
Verdict encode_limited_text(const Value&, const Column&, Encoding&, RowBuffer&);
Verdict encode_json(const Value&, const Column&, Encoding&, RowBuffer&);
Verdict encode_jsonb(const Value&, const Column&, Encoding&, RowBuffer&);
Verdict encode_bytea(const Value&, const Column&, Encoding&, RowBuffer&);
Verdict encode_uuid(const Value&, const Column&, Encoding&, RowBuffer&);
Verdict encode_date(const Value&, const Column&, Encoding&, RowBuffer&);
Verdict encode_time(const Value&, const Column&, Encoding&, RowBuffer&);
Verdict encode_timestamp(const Value&, const Column&, Encoding&, RowBuffer&);
Verdict encode_timestamptz(const Value&, const Column&, Encoding&, RowBuffer&);
Verdict encode_inet(const Value&, const Column&, Encoding&, RowBuffer&);
Verdict encode_nothing(const Value&, const Column&, Encoding&, RowBuffer&);

}  // namespace sluice
