#pragma once

#include "pipeline/decode/avro/avro_bytes.h"
#include "pipeline/values/scratch.h"
#include "pipeline/values/value.h"
#include "schemas/avro_schema.h"

#include <string>
#include <vector>

namespace sluice {

/// How a value that is one cell is read: what an AvroType says, made ready.
struct AvroScalar {
    enum class Form : std::uint8_t {
        none,  ///< not one cell, but an array, a map, a record or a union
        null,
        boolean,
        int32,
        int64,
        thousandfold32,  ///< milliseconds, as microseconds
        thousandfold64,
        thousandth,  ///< nanoseconds, cut to microseconds
        microseconds_interval,
        nanoseconds_interval,
        float32,
        float64,
        text,
        bytes,
        fixed,
        decimal,
        fixed_decimal,
        scaled_decimal,
        duration,
        uuid,
        symbol,
    };
    Form form = Form::none;
    Value::Kind kind = Value::Kind::integer;  ///< of int32, int64, thousandfold…, thousandth
    std::int32_t scale = 0;
    std::uint64_t size = 0;  ///< fixed, fixed_decimal
    const std::vector<std::string>* symbols = nullptr;
};

/// The type must live as long as the scalar.
[[nodiscard]] AvroScalar scalar_of(const schemas::AvroType& type);

/// Reads one; views into the record, the schema or Scratch. Text that the database could not hold
/// as text (not UTF-8, or with NUL) arrives as bytes, so that the column judges it.
[[nodiscard]] bool read_scalar(AvroBytes& from, const AvroScalar& scalar, Value& to,
                               Scratch& scratch);

}  // namespace sluice
