#pragma once

#include <cstdint>
#include <string_view>

namespace sluice {

/// What a column's source holds for one record. A view: into the record, or into Scratch.
struct Value {
    /// In order: nothing to encode, what encoders know, what JSON still has to be turned into that,
    /// what formats with types have read already.
    enum class Kind : std::uint8_t {
        missing,
        null,
        text,         ///< UTF-8 without NUL, to be read as the database's input function reads it
        bytes,        ///< any bytes
        json,         ///< JSON text that is known to be valid
        json_string,  ///< from a JSON string: what is between its quotes, still escaped
        json_scalar,  ///< a JSON number, true or false, as it stands there
        json_object,
        json_array,
        boolean,  ///< `integer` is 0 or 1
        integer,  ///< `integer`; what does not fit is a decimal of scale 0
        real32,   ///< `real` holds a float: its shortest text is the float's
        real64,   ///< `real`
        decimal,  ///< `text`: two's complement, big-endian, any length (none: 0); times 10^-`scale`
        date,     ///< `integer`: days since 1970-01-01
        time,     ///< `integer`: microseconds since midnight
        timestamp,  ///< `integer`: microseconds since 1970, without a zone
        instant,    ///< `integer`: microseconds since 1970 UTC
        interval,   ///< `text`: 16 bytes, big-endian: microseconds (8), days (4), months (4)
        uuid,       ///< `text`: 16 bytes
        unchanged,  ///< a change says nothing of it: what is stored stays; a row that is added has
                    ///< NULL there, neither missing nor its column's default
    };
    Kind kind = Kind::missing;
    bool escaped = false;  ///< json_string: may hold escapes
    std::int32_t scale =
        0;  ///< decimal; instant: digits behind the point that its text has at least
    std::string_view text;
    union {
        std::int64_t integer = 0;
        double real;
    };

    Value() = default;
    Value(Kind of_kind, std::string_view with_text) : kind(of_kind), text(with_text) {}
    /// For boolean, integer, date, time, timestamp and instant.
    static Value of(Kind kind, std::int64_t integer) {
        Value value{kind, {}};
        value.integer = integer;
        return value;
    }
    /// For real32 and real64.
    static Value of_real(Kind kind, double real) {
        Value value{kind, {}};
        value.real = real;
        return value;
    }
    static Value of_decimal(std::string_view twos_complement, std::int32_t scale) {
        Value value{Kind::decimal, twos_complement};
        value.scale = scale;
        return value;
    }

    /// Of a format with types, and read already.
    [[nodiscard]] bool is_typed() const { return kind >= Kind::boolean; }
};

}  // namespace sluice
