#include "pipeline/values/binary_copy.h"
#include "pipeline/values/civil_time.h"
#include "pipeline/values/encoder.h"

namespace sluice {

namespace {

using civil_time::Reading;

/// For a text that is not an exact date or time of ours.
Verdict judge_other(const Reading& reading, const Value& value, const char* kind,
                    Encoding& encoding) {
    if (reading.outcome == Reading::Outcome::out_of_range) {
        return encoding.refuse(std::string("is out of range for a ") + kind);
    }
    if (civil_time::is_hopeless(value.text)) {
        return encoding.refuse(std::string("is not a ") + kind);
    }
    return Verdict::database;
}

std::int64_t microseconds(const Reading& reading) {
    return reading.days * civil_time::microseconds_per_day + reading.microseconds;
}

}  // namespace

Verdict encode_date(const Value& value, const Column&, Encoding& encoding, RowBuffer& to) {
    const Reading reading = civil_time::read_date_time(value.text);
    if (reading.outcome != Reading::Outcome::exact) {
        return judge_other(reading, value, "date", encoding);
    }
    binary_copy::append_field(to, reading.days);
    return Verdict::encoded;
}

Verdict encode_time(const Value& value, const Column&, Encoding& encoding, RowBuffer& to) {
    const Reading reading = civil_time::read_time(value.text);
    if (reading.outcome != Reading::Outcome::exact) {
        return judge_other(reading, value, "time", encoding);
    }
    binary_copy::append_field(to, reading.microseconds);
    return Verdict::encoded;
}

Verdict encode_timestamp(const Value& value, const Column&, Encoding& encoding, RowBuffer& to) {
    const Reading reading = civil_time::read_date_time(value.text);
    if (reading.outcome != Reading::Outcome::exact) {
        return judge_other(reading, value, "timestamp", encoding);
    }
    binary_copy::append_field(to,
                              microseconds(reading));  // the zone is ignored, as timestamp_in does
    return Verdict::encoded;
}

Verdict encode_timestamptz(const Value& value, const Column&, Encoding& encoding, RowBuffer& to) {
    const Reading reading = civil_time::read_date_time(value.text);
    if (reading.outcome != Reading::Outcome::exact) {
        return judge_other(reading, value, "timestamp", encoding);
    }
    if (!reading.has_zone && !encoding.session_is_utc) return Verdict::database;
    binary_copy::append_field(
        to, microseconds(reading) - reading.zone_seconds * civil_time::microseconds_per_second);
    return Verdict::encoded;
}

}  // namespace sluice
