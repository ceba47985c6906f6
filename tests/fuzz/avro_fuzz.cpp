#include "pipeline/decode/avro/avro_decoder.h"
#include "tests/fuzz/decoded_fields.h"

#include <cstdlib>
#include <cstring>
#include <memory>

using namespace sluice;

namespace {

/// Each field by its name, and what may be within it; each record whole as well.
std::vector<WantedField> wanted(const schemas::AvroSchema& schema) {
    std::vector<std::vector<std::string>> paths{{}};
    for (const std::string& name : schema.of(schema.root).names) {
        for (const std::vector<std::string>& path : std::vector<std::vector<std::string>>{
                 {name}, {name}, {name, "a"}, {name, "1"}, {name, "0", "a"}, {name, "a", "b", "a"}})
            paths.push_back(path);
    }
    return fuzz::wanted_at(paths);
}

}  // namespace

/// A schema, NUL, a record. The schema is small, so that what is sought is in the record.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t end_of_schema = std::min(input.find('\0'), size);
    if (end_of_schema > 1024) return 0;
    std::shared_ptr<const schemas::AvroSchema> schema;
    try {
        schema = std::make_shared<const schemas::AvroSchema>(
            schemas::parse_avro(input.substr(0, end_of_schema)));
    } catch (const schemas::BadSchema&) {
        return 0;
    }
    const std::string_view body = input.substr(std::min(end_of_schema + 1, size));
    // On the heap and no longer than promised, so that reading beyond is seen.
    const auto record = std::make_unique<char[]>(body.size() + RecordLog::padding);
    std::memcpy(record.get(), body.data(), body.size());
    const auto fields = wanted(*schema);
    AvroDecoder all(fields, schema);
    AvroDecoder none({}, schema);
    std::vector<Value> slots(fields.size());
    std::vector<Reason> extra;
    const Payload payload{{record.get(), body.size()}, {}};
    JsonIndex index;
    if (all.decode(payload, slots, &extra)) {
        for (const Value& value : slots) fuzz::check_json(value, index);
    } else if (all.error().text.empty()) {
        std::abort();
    }
    static_cast<void>(none.decode(payload, {}, nullptr));
    return 0;
}
