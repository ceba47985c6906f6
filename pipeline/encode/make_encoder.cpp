#include "pipeline/encode/make_encoder.h"

#include "pipeline/encode/avro_encoder.h"
#include "pipeline/encode/protobuf_encoder.h"
#include "pipeline/encode/write_bytes.h"
#include "pipeline/values/json_text.h"
#include "schemas/bad_schema.h"

namespace sluice {

namespace {

/// JSON as it is: what its schema demands is not looked at.
class JsonEncoder final : public RecordEncoder {
public:
    bool encode(std::string_view json, std::string& to) override {
        if (const auto wrong = json::check(json, index_))
            return fail("not JSON: " + json::describe(*wrong));
        to += json;
        return true;
    }

private:
    JsonIndex index_;
};

/// Puts the same bytes before each record.
class PrefixedEncoder final : public RecordEncoder {
public:
    PrefixedEncoder(std::unique_ptr<RecordEncoder> inner, std::string prefix)
        : inner_(std::move(inner)), prefix_(std::move(prefix)) {}

    bool encode(std::string_view json, std::string& to) override {
        const std::size_t size = to.size();
        to += prefix_;
        if (inner_->encode(json, to)) return true;
        to.resize(size);
        return fail(inner_->error());
    }

private:
    const std::unique_ptr<RecordEncoder> inner_;
    const std::string prefix_;
};

/// How many, then each; of the first message in short.
void append_indexes(std::string& to, const std::vector<std::uint32_t>& indexes) {
    if (indexes == std::vector<std::uint32_t>{0}) {
        to += '\0';
        return;
    }
    encode::append_varint(to, encode::zigzag(static_cast<std::int64_t>(indexes.size())));
    for (const std::uint32_t index : indexes) encode::append_varint(to, encode::zigzag(index));
}

}  // namespace

std::unique_ptr<RecordEncoder> make_encoder(const WrittenSchema& written) {
    std::string prefix;
    if (written.id) {
        prefix += '\0';
        for (int shift = 24; shift >= 0; shift -= 8)
            prefix += static_cast<char>(*written.id >> shift);
    }
    const schemas::SchemaText& text = written.schema;
    std::unique_ptr<RecordEncoder> encoder;
    switch (text.type) {
        case schemas::SchemaType::avro:
            encoder = std::make_unique<AvroEncoder>(std::make_shared<const schemas::AvroSchema>(
                schemas::parse_avro(text.text, text.references)));
            break;
        case schemas::SchemaType::protobuf: {
            auto schema =
                std::make_shared<const schemas::ProtobufSchema>(schemas::parse_protobuf(text));
            const std::uint32_t message = schema->message_called(written.message);
            if (written.id) append_indexes(prefix, schema->indexes_of(message));
            encoder = std::make_unique<ProtobufEncoder>(std::move(schema), message);
            break;
        }
        case schemas::SchemaType::json:
            encoder = std::make_unique<JsonEncoder>();
            break;
        case schemas::SchemaType::other:
            throw schemas::BadSchema("it is " + std::string(name_of(text.type)));
    }
    if (!written.id) return encoder;
    return std::make_unique<PrefixedEncoder>(std::move(encoder), std::move(prefix));
}

}  // namespace sluice
