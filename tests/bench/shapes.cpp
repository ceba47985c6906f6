#include "tests/bench/shapes.h"

#include <array>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <string_view>

namespace sluice::bench {
namespace {

[[gnu::format(printf, 2, 3)]] void append(std::string& to, const char* format, ...) {
    std::array<char, 2048> text;
    va_list arguments;
    va_start(arguments, format);
    const int size = std::vsnprintf(text.data(), text.size(), format, arguments);
    va_end(arguments);
    to.append(text.data(), static_cast<std::size_t>(size));
}

/// Values that look as if they were drawn at random, and are the same in every run.
std::uint64_t scatter(std::int64_t i) {
    std::uint64_t x = static_cast<std::uint64_t>(i) + 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

int below(std::int64_t i, int salt, int limit) {
    return static_cast<int>(scatter(i * 64 + salt) % static_cast<std::uint64_t>(limit));
}

struct Times {
    std::array<char, 40> date;
    std::array<char, 80> timestamp;
};

Times times(std::int64_t i) {
    Times result;
    std::snprintf(result.date.data(), result.date.size(), "%04d-%02d-%02d", 1950 + below(i, 1, 60),
                  1 + below(i, 2, 12), 1 + below(i, 3, 28));
    std::snprintf(result.timestamp.data(), result.timestamp.size(),
                  "2026-%02d-%02d %02d:%02d:%02d.%06d", 1 + below(i, 4, 12), 1 + below(i, 5, 28),
                  below(i, 6, 24), below(i, 7, 60), below(i, 8, 60), below(i, 9, 1000000));
    return result;
}

constexpr std::array<const char*, 8> names{"Ada Lovelace", "Grace Hopper",       "Edgar Codd",
                                           "Jim Gray",     "Barbara Liskov",     "Leslie Lamport",
                                           "Pat Helland",  "Michael Stonebraker"};

const char* name(std::int64_t i) {
    return names[static_cast<std::size_t>(below(i, 10, static_cast<int>(names.size())))];
}

void narrow_record(std::int64_t i, std::string& to) {
    const Times at = times(i);
    append(to,
           "{\"id\": %lld, \"customer\": \"%s, customer no. %06d\", \"birthday\": \"%s\", "
           "\"ordered_at\": \"%s\"}",
           static_cast<long long>(i), name(i), below(i, 11, 1000000), at.date.data(),
           at.timestamp.data());
}

void narrow_line(std::int64_t i, std::string& to) {
    const Times at = times(i);
    append(to, "%lld,\"%s, customer no. %06d\",%s,%s\n", static_cast<long long>(i), name(i),
           below(i, 11, 1000000), at.date.data(), at.timestamp.data());
}

/// Of the same moments as times(): days, and microseconds.
struct Numbers {
    std::int64_t birthday;
    std::int64_t ordered_at;
};

Numbers numbers(std::int64_t i) {
    using namespace std::chrono;
    const auto day = [](int year_number, int month_number, int day_number) {
        return sys_days(year(year_number) / month_number / day_number).time_since_epoch();
    };
    const auto at = day(2026, 1 + below(i, 4, 12), 1 + below(i, 5, 28)) + hours(below(i, 6, 24)) +
                    minutes(below(i, 7, 60)) + seconds(below(i, 8, 60)) +
                    microseconds(below(i, 9, 1000000));
    return {day(1950 + below(i, 1, 60), 1 + below(i, 2, 12), 1 + below(i, 3, 28)).count(),
            at.count()};
}

std::string customer(std::int64_t i) {
    std::string text;
    append(text, "%s, customer no. %06d", name(i), below(i, 11, 1000000));
    return text;
}

void append_varint(std::string& to, std::uint64_t number) {
    for (; number >= 0x80; number >>= 7) to += static_cast<char>((number & 0x7f) | 0x80);
    to += static_cast<char>(number);
}

void append_zigzag(std::string& to, std::int64_t number) {
    append_varint(
        to, static_cast<std::uint64_t>(number) << 1 ^ static_cast<std::uint64_t>(number >> 63));
}

void append_sized(std::string& to, std::string_view text, std::uint64_t size) {
    append_varint(to, size);
    to += text;
}

void append_avro(std::int64_t i, const Numbers& at, std::string& to) {
    const std::string who = customer(i);
    append_zigzag(to, i);
    append_sized(to, who, who.size() * 2);
    append_zigzag(to, at.birthday);
    append_zigzag(to, at.ordered_at);
}

void narrow_avro_record(std::int64_t i, std::string& to) {
    append_avro(i, numbers(i), to);
}

/// Connect knows no other unit of Avro's, and the arrays of its JDBC sink lose the milliseconds.
void millis_avro_record(std::int64_t i, std::string& to) {
    const Numbers at = numbers(i);
    append_avro(i, {at.birthday, at.ordered_at / 1000000 * 1000}, to);
}

/// Of a creation: before, after, source, transaction, op, three times.
void debezium_avro_record(std::int64_t i, std::string& to) {
    constexpr std::int64_t now = 1'769'860'800'000;
    const auto put_text = [&to](std::string_view text) { append_sized(to, text, text.size() * 2); };
    const auto put_present = [&to](std::int64_t number) {
        append_zigzag(to, 1);
        append_zigzag(to, number);
    };
    append_zigzag(to, 0);
    append_zigzag(to, 1);
    narrow_avro_record(i, to);
    put_text("3.6.0.Final");
    put_text("postgresql");
    put_text("shop");
    append_zigzag(to, now + i);
    append_zigzag(to, 1);
    put_text("false");
    put_text("shop");
    append_zigzag(to, 1);
    put_text(R"(["22258576","22258712"])");
    put_text("public");
    put_text("orders");
    put_present(700 + i / 8);
    put_present(22'258'576 + i * 136);
    append_zigzag(to, 0);
    append_zigzag(to, 0);
    put_text("c");
    put_present(now + i);
    put_present((now + i) * 1000);
    put_present((now + i) * 1'000'000);
}

void narrow_protobuf_record(std::int64_t i, std::string& to) {
    const Numbers at = numbers(i);
    const std::string who = customer(i);
    const Times text = times(i);
    const std::string_view birthday = text.date.data();
    std::string moment;
    moment += '\x08';
    append_varint(moment, static_cast<std::uint64_t>(at.ordered_at / 1000000));
    moment += '\x10';
    append_varint(moment, static_cast<std::uint64_t>(at.ordered_at % 1000000) * 1000);
    to += '\x08';
    append_varint(to, static_cast<std::uint64_t>(i));
    to += '\x12';
    append_sized(to, who, who.size());
    to += '\x1a';
    append_sized(to, birthday, birthday.size());
    to += '\x22';
    append_sized(to, moment, moment.size());
}

constexpr const char* avro_schema =
    R"({"type": "record", "name": "narrow", "fields": [{"name": "id", "type": "int"},
{"name": "customer", "type": "string"},
{"name": "birthday", "type": {"type": "int", "logicalType": "date"}},
{"name": "ordered_at", "type": {"type": "long", "logicalType": "local-timestamp-micros"}}]})";
constexpr const char* millis_schema =
    R"({"type": "record", "name": "narrow", "fields": [{"name": "id", "type": "int"},
{"name": "customer", "type": "string"},
{"name": "birthday", "type": {"type": "int", "logicalType": "date"}},
{"name": "ordered_at", "type": {"type": "long", "logicalType": "timestamp-millis"}}]})";
constexpr const char* debezium_schema =
    R"({"type": "record", "name": "Envelope", "namespace": "shop.public.orders",
"connect.name": "shop.public.orders.Envelope", "fields": [
{"name": "before", "default": null, "type": ["null", {"type": "record", "name": "Value", "fields": [
  {"name": "id", "type": "int"}, {"name": "customer", "type": "string"},
  {"name": "birthday", "type": {"type": "int", "connect.name": "io.debezium.time.Date"}},
  {"name": "ordered_at",
   "type": {"type": "long", "connect.name": "io.debezium.time.MicroTimestamp"}}]}]},
{"name": "after", "default": null, "type": ["null", "Value"]},
{"name": "source", "type": {"type": "record", "name": "Source",
 "namespace": "io.debezium.connector.postgresql", "fields": [
  {"name": "version", "type": "string"}, {"name": "connector", "type": "string"},
  {"name": "name", "type": "string"}, {"name": "ts_ms", "type": "long"},
  {"name": "snapshot", "type": ["null", "string"]}, {"name": "db", "type": "string"},
  {"name": "sequence", "type": ["null", "string"]}, {"name": "schema", "type": "string"},
  {"name": "table", "type": "string"}, {"name": "txId", "type": ["null", "long"]},
  {"name": "lsn", "type": ["null", "long"]}, {"name": "xmin", "type": ["null", "long"]}]}},
{"name": "transaction", "type": ["null", {"type": "record", "name": "block",
 "namespace": "event", "fields": [{"name": "id", "type": "string"}]}]},
{"name": "op", "type": "string"}, {"name": "ts_ms", "type": ["null", "long"]},
{"name": "ts_us", "type": ["null", "long"]}, {"name": "ts_ns", "type": ["null", "long"]}]})";
constexpr const char* protobuf_schema = R"(syntax = "proto3";
import "google/protobuf/timestamp.proto";
message Narrow {
  int32 id = 1;
  string customer = 2;
  string birthday = 3;
  google.protobuf.Timestamp ordered_at = 4;
})";

void narrow_csv_record(std::int64_t i, std::string& to) {
    narrow_line(i, to);
    to.pop_back();
}

/// The columns of the wide table: five of each kind, six kinds.
void wide_record(std::int64_t i, std::string& to) {
    const Times at = times(i);
    append(to, "{\"id\": %lld", static_cast<long long>(i));
    for (int c = 1; c < 5; ++c) append(to, ", \"i%d\": %d", c, below(i, c, 1000000));
    for (int c = 0; c < 5; ++c)
        append(to, ", \"b%d\": %lld", c, static_cast<long long>(scatter(i + c) >> 2));
    for (int c = 0; c < 3; ++c) {
        append(to, ", \"n%d\": %d.%02d", c, below(i, c + 20, 100000), below(i, c + 30, 100));
    }
    for (int c = 0; c < 3; ++c) {
        append(to, ", \"f%d\": %d.%05d", c, below(i, c + 23, 1000), below(i, c + 33, 100000));
    }
    for (int c = 0; c < 2; ++c)
        append(to, ", \"y%d\": %s", c, below(i, c, 2) == 0 ? "true" : "false");
    for (int c = 0; c < 5; ++c)
        append(to, ", \"t%d\": \"%s %d\"", c, name(i + c), below(i, c, 1000));
    append(to, ", \"d0\": \"%s\", \"d1\": \"%s\"", at.date.data(), at.date.data());
    append(to, ", \"s0\": \"%s\", \"s1\": \"%s\", \"z0\": \"%s+00\"", at.timestamp.data(),
           at.timestamp.data(), at.timestamp.data());
    append(to, ", \"u0\": \"%08x-1234-4567-89ab-%012llx\"", static_cast<unsigned>(scatter(i)),
           static_cast<unsigned long long>(scatter(i) >> 16));
    append(to, ", \"j0\": {\"city\": \"Berlin\", \"zip\": %d}}", below(i, 40, 100000));
}

void wide_line(std::int64_t i, std::string& to) {
    const Times at = times(i);
    append(to, "%lld", static_cast<long long>(i));
    for (int c = 1; c < 5; ++c) append(to, ",%d", below(i, c, 1000000));
    for (int c = 0; c < 5; ++c) append(to, ",%lld", static_cast<long long>(scatter(i + c) >> 2));
    for (int c = 0; c < 3; ++c)
        append(to, ",%d.%02d", below(i, c + 20, 100000), below(i, c + 30, 100));
    for (int c = 0; c < 3; ++c)
        append(to, ",%d.%05d", below(i, c + 23, 1000), below(i, c + 33, 100000));
    for (int c = 0; c < 2; ++c) append(to, ",%s", below(i, c, 2) == 0 ? "true" : "false");
    for (int c = 0; c < 5; ++c) append(to, ",%s %d", name(i + c), below(i, c, 1000));
    append(to, ",%s,%s,%s,%s,%s+00", at.date.data(), at.date.data(), at.timestamp.data(),
           at.timestamp.data(), at.timestamp.data());
    append(to, ",%08x-1234-4567-89ab-%012llx", static_cast<unsigned>(scatter(i)),
           static_cast<unsigned long long>(scatter(i) >> 16));
    append(to, ",\"{\"\"city\"\": \"\"Berlin\"\", \"\"zip\"\": %d}\"\n", below(i, 40, 100000));
}

constexpr const char* narrow_columns = "id int, customer text, birthday date, ordered_at timestamp";
constexpr const char* wide_columns =
    "id int, i1 int, i2 int, i3 int, i4 int, b0 bigint, b1 bigint, b2 bigint, b3 bigint, "
    "b4 bigint, n0 numeric, n1 numeric(12,2), n2 numeric(12,2), f0 float8, f1 float8, f2 float8, "
    "y0 boolean, y1 boolean, t0 text, t1 text, t2 text, t3 varchar(40), t4 varchar(40), d0 date, "
    "d1 date, s0 timestamp, s1 timestamp, z0 timestamptz, u0 uuid, j0 jsonb";

void bad_record(std::int64_t i, std::string& to) {
    const std::size_t begin = to.size();
    narrow_record(i, to);
    to.insert(begin + std::string_view("{\"id\": ").size(), "\"x\", \"was\": ");
}

void exotic_record(std::int64_t i, bool readable, std::string& to) {
    narrow_record(i, to);
    to.pop_back();
    append(to, ", \"colour\": \"%s%d\", \"address\": \"10.%d.0.%d\", \"span\": \"%d %s\"}",
           readable ? "shade " : "tint ", below(i, 12, 8), below(i, 13, 256),
           below(i, 14, 256) + (readable ? 0 : 256), below(i, 15, 1000000),
           readable ? "minutes" : "moments");
}

}  // namespace

Shape narrow_json() {
    return {"narrow_json", "json", narrow_columns, narrow_record, narrow_line};
}

Shape narrow_csv() {
    return {"narrow_csv", "csv", narrow_columns, narrow_csv_record, narrow_line};
}

Shape narrow_avro() {
    return {"narrow_avro", "avro",        narrow_columns, narrow_avro_record,
            narrow_line,   "narrow.avsc", avro_schema};
}

Shape millis_avro() {
    return {"millis_avro", "avro",        narrow_columns, millis_avro_record,
            narrow_line,   "millis.avsc", millis_schema};
}

Shape narrow_protobuf() {
    return {"narrow_protobuf", "protobuf",     narrow_columns, narrow_protobuf_record,
            narrow_line,       "narrow.proto", protobuf_schema};
}

Shape debezium_avro() {
    return {.name = "debezium_avro",
            .format = "avro",
            .columns = narrow_columns,
            .record = debezium_avro_record,
            .csv_line = narrow_line,
            .schema_file = "envelope.avsc",
            .schema = debezium_schema,
            .keys = "envelope = \"debezium\"\n"};
}

Shape wide_json() {
    return {"wide_json", "json", wide_columns, wide_record, wide_line};
}

void append_with_one_percent_bad(std::int64_t i, std::string& to) {
    (i % 100 == 50 ? bad_record : narrow_record)(i, to);
}

void append_with_one_bad(std::int64_t i, std::string& to) {
    (i == 500000 ? bad_record : narrow_record)(i, to);
}

void append_with_one_percent_doubled(std::int64_t i, std::string& to) {
    narrow_record(i % 100 == 50 ? i - 4 : i, to);
}

void append_with_exotic_texts(std::int64_t i, std::string& to) {
    exotic_record(i, true, to);
}

void append_with_one_percent_unreadable(std::int64_t i, std::string& to) {
    exotic_record(i, i % 100 != 50, to);
}

}  // namespace sluice::bench
