#pragma once

#include "schemas/avro_schema.h"

#include <array>
#include <string_view>

namespace sluice::schemas {

/// A number that counts time, by the name that says so.
struct CountedTime {
    std::string_view name;
    AvroType::Kind kind;  ///< that the number has
    AvroType::Meaning meaning;
    AvroType::Unit unit = AvroType::Unit::milliseconds;
};

/// Kafka Connect's and Debezium's: for Avro and in Connect's own schemas they are bare numbers, and
/// this name beside them is all there is.
inline constexpr std::array connect_times = [] {
    using Kind = AvroType::Kind;
    using Meaning = AvroType::Meaning;
    using Unit = AvroType::Unit;
    return std::array{
        CountedTime{"org.apache.kafka.connect.data.Date", Kind::int32, Meaning::date},
        CountedTime{"org.apache.kafka.connect.data.Time", Kind::int32, Meaning::time},
        CountedTime{"org.apache.kafka.connect.data.Timestamp", Kind::int64, Meaning::instant},
        CountedTime{"io.debezium.time.Date", Kind::int32, Meaning::date},
        CountedTime{"io.debezium.time.Time", Kind::int32, Meaning::time},
        CountedTime{"io.debezium.time.MicroTime", Kind::int64, Meaning::time, Unit::microseconds},
        CountedTime{"io.debezium.time.NanoTime", Kind::int64, Meaning::time, Unit::nanoseconds},
        CountedTime{"io.debezium.time.Timestamp", Kind::int64, Meaning::timestamp},
        CountedTime{"io.debezium.time.MicroTimestamp", Kind::int64, Meaning::timestamp,
                    Unit::microseconds},
        CountedTime{"io.debezium.time.NanoTimestamp", Kind::int64, Meaning::timestamp,
                    Unit::nanoseconds},
        CountedTime{"io.debezium.time.MicroDuration", Kind::int64, Meaning::interval,
                    Unit::microseconds},
        CountedTime{"io.debezium.time.NanoDuration", Kind::int64, Meaning::interval,
                    Unit::nanoseconds},
    };
}();

}  // namespace sluice::schemas
