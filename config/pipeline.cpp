#include "config/pipeline.h"

#include <algorithm>

namespace sluice::config {
namespace {

struct KindOf {
    const char* operator()(const Ingest&) const { return "ingest"; }
    const char* operator()(const Outbox&) const { return "outbox"; }
};

template <typename OfKind>
const OfKind* find(const std::vector<OfKind>& all, std::string_view name) {
    const auto found = std::ranges::find(all, name, &OfKind::name);
    return found == all.end() ? nullptr : &*found;
}

}  // namespace

const std::string& name_of(const Pipeline& pipeline) {
    return std::visit([](const auto& of_kind) -> const std::string& { return of_kind.name; },
                      pipeline.of_kind);
}

std::string key_of(const Pipeline& pipeline) {
    return std::string(std::visit(KindOf{}, pipeline.of_kind)) + "." + name_of(pipeline);
}

std::string to_string(const std::vector<TopicPiece>& topic) {
    std::string text;
    for (const TopicPiece& piece : topic) {
        text += piece.kind == TopicPiece::Kind::text ? piece.text : "${" + piece.text + "}";
    }
    return text;
}

std::string fixed_topic(const Outbox& outbox) {
    const bool fixed =
        outbox.topic.size() == 1 && outbox.topic.front().kind == TopicPiece::Kind::text;
    return fixed ? outbox.topic.front().text : std::string();
}

std::string_view bare_name(std::string_view name_or_key, std::string_view kind) {
    const bool is_key = name_or_key.size() > kind.size() && name_or_key.starts_with(kind) &&
                        name_or_key[kind.size()] == '.';
    return is_key ? name_or_key.substr(kind.size() + 1) : name_or_key;
}

const Ingest* find_ingest(const Config& config, std::string_view name) {
    return find(config.ingest, bare_name(name, "ingest"));
}

const Outbox* find_outbox(const Config& config, std::string_view name) {
    return find(config.outbox, bare_name(name, "outbox"));
}

std::span<const Ingest> targets_of(const Ingest& ingest) {
    if (ingest.into.empty()) return {&ingest, 1};
    return ingest.into;
}

bool applies_truncations(const Ingest& ingest) {
    return std::ranges::any_of(targets_of(ingest), [](const Ingest& target) {
        return target.on_truncate == OnTruncate::apply;
    });
}

std::string tables_of(const Ingest& ingest) {
    std::string tables;
    for (const Ingest& target : targets_of(ingest))
        tables += (tables.empty() ? "" : ", ") + target.table;
    return tables;
}

bool reads_on(const Ingest& ingest) {
    const std::size_t batches = static_cast<std::size_t>(ingest.lanes) * ingest.batch.bytes;
    return ingest.memory >= 2 * batches + least_ahead;
}

std::size_t fetch_budget(const Ingest& ingest) {
    const std::size_t each = reads_on(ingest) ? 2 : 1;
    return ingest.memory - each * static_cast<std::size_t>(ingest.lanes) * ingest.batch.bytes;
}

bool asks_registry(const Schema& schema, Format format) {
    return schema.from == Schema::From::registry && format != Format::json;
}

bool grows(const Ingest& ingest) {
    return std::ranges::any_of(targets_of(ingest), &Ingest::grows);
}

bool asks_registry(const Ingest& ingest) {
    return asks_registry(ingest.schema, ingest.format) ||
           (ingest.schema.from == Schema::From::registry && grows(ingest)) ||
           asks_registry(ingest.key_schema, ingest.key_format);
}

bool asks_registry(const Outbox& outbox) {
    return outbox.value_format != ValueFormat::plain;
}

std::string_view name_of(ValueFormat format) {
    switch (format) {
        case ValueFormat::avro:
            return "avro";
        case ValueFormat::protobuf:
            return "protobuf";
        case ValueFormat::json_schema:
            return "json_schema";
        case ValueFormat::plain:
            break;
    }
    return "plain";
}

schemas::SchemaType schema_type_of(Format format) {
    using schemas::SchemaType;
    return format == Format::avro       ? SchemaType::avro
           : format == Format::protobuf ? SchemaType::protobuf
                                        : SchemaType::json;
}

schemas::SchemaType schema_type_of(ValueFormat format) {
    using schemas::SchemaType;
    return format == ValueFormat::avro       ? SchemaType::avro
           : format == ValueFormat::protobuf ? SchemaType::protobuf
                                             : SchemaType::json;
}

std::string subject_for(std::string_view pattern, std::string_view topic) {
    constexpr std::string_view place = "${topic}";
    std::string subject(pattern);
    for (std::size_t at = 0; (at = subject.find(place, at)) != std::string::npos;
         at += topic.size())
        subject.replace(at, place.size(), topic);
    return subject;
}

std::map<std::string, Pipeline> pipelines_of(const Config& config) {
    std::map<std::string, Pipeline> all;
    const auto add = [&](const auto& of_kind) {
        Pipeline pipeline{config.kafka, config.cloudberry, of_kind};
        if (asks_registry(of_kind)) pipeline.registry = config.registry;
        std::string key = key_of(pipeline);
        all.emplace(std::move(key), std::move(pipeline));
    };
    for (const Ingest& ingest : config.ingest) add(ingest);
    for (const Outbox& outbox : config.outbox) add(outbox);
    return all;
}

}  // namespace sluice::config
