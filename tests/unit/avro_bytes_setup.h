#pragma once

#include "pipeline/batch.h"
#include "pipeline/decode/avro/avro_decoder.h"

#include <bit>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

/// For tests: Avro's bytes by hand, and decoders for them.
namespace sluice::avro {

inline std::string number(std::int64_t n) {
    std::string bytes;
    for (auto left = static_cast<std::uint64_t>(n) << 1 ^ static_cast<std::uint64_t>(n >> 63);;) {
        const auto byte = static_cast<unsigned char>(left & 0x7f);
        left >>= 7;
        bytes += static_cast<char>(left == 0 ? byte : byte | 0x80);
        if (left == 0) return bytes;
    }
}
inline std::string sized(const std::string& bytes) {
    return number(static_cast<std::int64_t>(bytes.size())) + bytes;
}
template <class Number>
std::string little_endian(Number n) {
    std::string bytes(sizeof n, '\0');
    std::memcpy(bytes.data(), &n, sizeof n);
    return bytes;
}
/// Text with any bytes in it, NUL too.
template <std::size_t Size>
std::string raw(const char (&text)[Size]) {
    return {text, Size - 1};
}

/// A record with one field "f" of this type.
inline std::string one_field(const std::string& type) {
    return R"({"type":"record","name":"r","fields":[{"name":"f","type":)" + type + "}]}";
}

/// Decodes one record after another, its fields wanted by these paths.
struct Decoding {
    explicit Decoding(const std::string& schema,
                      const std::vector<std::vector<std::string>>& paths = {{"f"}})
        : decoder(wanted(paths),
                  std::make_shared<const schemas::AvroSchema>(schemas::parse_avro(schema))),
          values(paths.size()) {}

    static std::vector<WantedField> wanted(const std::vector<std::vector<std::string>>& paths) {
        std::vector<WantedField> all;
        for (const auto& path : paths) {
            WantedField field;
            field.source.path = path;
            field.slot = all.size();
            all.push_back(field);
        }
        return all;
    }
    bool decode(const std::string& bytes) {
        record = bytes + std::string(RecordLog::padding, '\xff');
        for (Value& value : values) value = {};
        extra.clear();
        const std::string_view body(record.data(), bytes.size());
        return decoder.decode({body, {}}, values, &extra);
    }
    /// What is said of bytes that are wrong.
    std::string complaint(const std::string& bytes) {
        return decode(bytes) ? "none" : decoder.error().text;
    }
    /// The first slot.
    const Value& of(const std::string& bytes) { return decode(bytes) ? values[0] : failed; }

    AvroDecoder decoder;
    std::vector<Value> values;
    std::vector<Reason> extra;
    std::string record;
    const Value failed{Value::Kind::text, "(not decoded)"};
};

}  // namespace sluice::avro
