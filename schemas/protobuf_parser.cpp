#include "schemas/bad_schema.h"
#include "schemas/base64.h"
#include "schemas/protobuf_schema.h"
#include "schemas/zigzag.h"

#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>

namespace sluice::schemas {

namespace {

namespace pb = google::protobuf;
using Count = ProtobufField::Count;
using Absent = ProtobufField::Absent;
using MessageMeaning = ProtobufMessage::Meaning;

/// libprotobuf's parser and its builder recurse: neither text nor nesting is to reach their ends.
constexpr std::size_t longest = 4U << 20;

[[noreturn]] void refuse(const std::string& what) {
    throw BadSchema("not a Protobuf schema: " + what);
}

/// libprotobuf would write to stderr, which belongs to our own log.
void be_quiet() {
    static const bool quiet = [] {
        pb::SetLogHandler(nullptr);
        return true;
    }();
    static_cast<void>(quiet);
}

/// The first complaint of libprotobuf, which is the one that caused the others.
class Complaints final : public pb::io::ErrorCollector, public pb::DescriptorPool::ErrorCollector {
public:
    explicit Complaints(std::string file) : file_(std::move(file)) {}

    void AddError(int line, pb::io::ColumnNumber column, const std::string& message) override {
        keep("line " + std::to_string(line + 1) + ", column " + std::to_string(column + 1) + ": " +
             message);
    }
    void AddError(const std::string& file, const std::string& element, const pb::Message*,
                  ErrorLocation, const std::string& message) override {
        file_ = file;
        keep((element.empty() || element == file ? "" : element + ": ") + message);
    }
    [[nodiscard]] std::string text() const {
        if (first_.empty()) return "not a file that could be read";
        return (file_.empty() ? "" : file_ + ": ") + first_;
    }

private:
    void keep(std::string text) {
        if (!first_.empty()) return;
        while (text.ends_with('.')) text.pop_back();
        first_ = std::move(text);
    }
    std::string file_;
    std::string first_;
};

/// nullopt: no base64, as no .proto text is: it has spaces.
std::optional<std::string> from_base64(std::string_view text) {
    while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
    std::string bytes(text.size(), '\0');
    const char* const end = read_base64(text, bytes.data());
    if (end == nullptr) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(end - bytes.data()));
    return bytes;
}

/// Custom options say nothing about the wire, and what defines them may not be at hand.
template <class Options>
void drop_custom(Options& options) {
    auto& list = *options.mutable_uninterpreted_option();
    const auto is_custom = [](const pb::UninterpretedOption& option) {
        return option.name_size() != 1 || option.name(0).is_extension();
    };
    list.erase(std::remove_if(list.begin(), list.end(), is_custom), list.end());
}

void drop_custom_options(pb::EnumDescriptorProto& enumeration) {
    if (enumeration.has_options()) drop_custom(*enumeration.mutable_options());
    for (auto& value : *enumeration.mutable_value()) {
        if (value.has_options()) drop_custom(*value.mutable_options());
    }
}

void drop_custom_options(pb::DescriptorProto& message, int depth) {
    if (depth > deepest_messages) {
        refuse("messages within messages, deeper than " + std::to_string(deepest_messages));
    }
    if (message.has_options()) drop_custom(*message.mutable_options());
    for (auto* fields : {message.mutable_field(), message.mutable_extension()}) {
        for (auto& field : *fields) {
            if (field.has_options()) drop_custom(*field.mutable_options());
        }
    }
    for (auto& oneof : *message.mutable_oneof_decl()) {
        if (oneof.has_options()) drop_custom(*oneof.mutable_options());
    }
    for (auto& range : *message.mutable_extension_range()) {
        if (range.has_options()) drop_custom(*range.mutable_options());
    }
    for (auto& enumeration : *message.mutable_enum_type()) drop_custom_options(enumeration);
    for (auto& nested : *message.mutable_nested_type()) drop_custom_options(nested, depth + 1);
}

/// Keeps messages and enumerations only: services are nothing that a record is made of.
void reduce(pb::FileDescriptorProto& file) {
    file.clear_service();
    file.clear_source_code_info();
    if (file.has_options()) drop_custom(*file.mutable_options());
    for (auto& field : *file.mutable_extension()) {
        if (field.has_options()) drop_custom(*field.mutable_options());
    }
    for (auto& enumeration : *file.mutable_enum_type()) drop_custom_options(enumeration);
    for (auto& message : *file.mutable_message_type()) drop_custom_options(message, 1);
}

pb::FileDescriptorProto read(const NamedSchema& file) {
    be_quiet();
    if (file.text.size() > longest) refuse("longer than " + std::to_string(longest) + " bytes");
    pb::FileDescriptorProto read;
    const auto bytes = from_base64(file.text);
    if (!bytes || bytes->empty() || !read.ParseFromString(*bytes)) {
        read.Clear();
        Complaints complaints(file.name);
        pb::io::ArrayInputStream stream(file.text.data(), static_cast<int>(file.text.size()));
        pb::io::Tokenizer tokenizer(&stream, &complaints);
        pb::compiler::Parser parser;
        parser.RecordErrorsTo(&complaints);
        if (!parser.Parse(&tokenizer, &read)) refuse(complaints.text());
    }
    read.set_name(file.name);
    reduce(read);
    return read;
}

/// Files by name: those at hand, then those that libprotobuf brings along.
class Files final : public pb::DescriptorDatabase {
public:
    void add(pb::FileDescriptorProto file) {
        std::string name = file.name();
        files_.insert_or_assign(std::move(name), std::move(file));
    }
    bool FindFileByName(const std::string& name, pb::FileDescriptorProto* output) override {
        const auto found = files_.find(name);
        if (found != files_.end()) {
            *output = found->second;
            return true;
        }
        const auto* built_in = pb::DescriptorPool::generated_pool()->FindFileByName(name);
        if (built_in == nullptr) return false;
        built_in->CopyTo(output);
        return true;
    }
    bool FindFileContainingSymbol(const std::string&, pb::FileDescriptorProto*) override {
        return false;
    }
    bool FindFileContainingExtension(const std::string&, int, pb::FileDescriptorProto*) override {
        return false;
    }

private:
    std::map<std::string, pb::FileDescriptorProto> files_;
};

bool is_scalar(const ProtobufField& field) {
    return field.count == Count::one && field.type != ProtobufField::Type::message &&
           field.type != ProtobufField::Type::group;
}

/// Whether these are the fields that Google's message of this name has.
bool has_fields(const ProtobufMessage& message, std::initializer_list<ProtobufField::Type> types,
                Count count = Count::one) {
    return std::equal(message.fields.begin(), message.fields.end(), types.begin(), types.end(),
                      [&, number = 0U](const ProtobufField& field, auto type) mutable {
                          return field.number == ++number && field.type == type &&
                                 field.count == count;
                      });
}

MessageMeaning meaning_of(const ProtobufMessage& message) {
    using Type = ProtobufField::Type;
    constexpr std::string_view google = "google.protobuf.";
    if (!message.name.starts_with(google)) return MessageMeaning::plain;
    const std::string_view name = std::string_view(message.name).substr(google.size());
    if (name == "Timestamp" && has_fields(message, {Type::int64, Type::int32}))
        return MessageMeaning::timestamp;
    if (name == "Duration" && has_fields(message, {Type::int64, Type::int32}))
        return MessageMeaning::duration;
    if (name == "Any" && has_fields(message, {Type::string, Type::bytes}))
        return MessageMeaning::any;
    if (name == "FieldMask" && has_fields(message, {Type::string}, Count::many))
        return MessageMeaning::field_mask;
    if (name == "Struct" && has_fields(message, {Type::message}, Count::map))
        return MessageMeaning::structure;
    if (name == "ListValue" && has_fields(message, {Type::message}, Count::many))
        return MessageMeaning::list;
    if (name == "Value" && has_fields(message, {Type::enumeration, Type::float64, Type::string,
                                                Type::boolean, Type::message, Type::message}))
        return MessageMeaning::value;
    const bool wraps = message.fields.size() == 1 && message.fields[0].number == 1 &&
                       message.fields[0].name == "value" && is_scalar(message.fields[0]);
    return wraps && name.ends_with("Value") ? MessageMeaning::wrapper : MessageMeaning::plain;
}

/// From libprotobuf's descriptors into types of ours.
class Translation {
public:
    explicit Translation(ProtobufSchema& schema) : schema_(schema) {}

    std::uint32_t message(const pb::Descriptor& from) {
        const auto [place, is_new] = messages_.try_emplace(&from, schema_.messages.size());
        const std::uint32_t index = place->second;
        if (!is_new) return index;
        schema_.messages.emplace_back();
        waiting_.push_back(&from);
        return index;
    }
    /// What was referred to, until nothing is left. Not by recursion: chains can be long.
    void complete() {
        for (std::size_t i = 0; i < waiting_.size(); ++i) {
            ProtobufMessage made = translated(*waiting_[i]);
            schema_.messages[i] = std::move(made);
        }
        for (ProtobufMessage& each : schema_.messages) each.meaning = meaning_of(each);
    }

private:
    ProtobufMessage translated(const pb::Descriptor& from) {
        ProtobufMessage to;
        to.name = from.full_name();
        to.oneofs = static_cast<std::uint32_t>(from.real_oneof_decl_count());
        for (int i = 0; i < from.field_count(); ++i) to.fields.push_back(field(*from.field(i)));
        std::sort(to.fields.begin(), to.fields.end(),
                  [](const auto& a, const auto& b) { return a.number < b.number; });
        for (int i = 0; i < from.nested_type_count(); ++i) {
            // In a text, which is what Confluent counts by, a map has no message for its entries.
            if (from.nested_type(i)->options().map_entry()) continue;
            to.nested.push_back(message(*from.nested_type(i)));
        }
        return to;
    }

    ProtobufField field(const pb::FieldDescriptor& from) {
        ProtobufField to;
        to.name = from.name();
        to.json_name = from.json_name();
        to.number = static_cast<std::uint32_t>(from.number());
        to.type = static_cast<ProtobufField::Type>(from.type());
        to.count = from.is_map() ? Count::map : from.is_repeated() ? Count::many : Count::one;
        if (from.message_type() != nullptr) to.content = message(*from.message_type());
        if (from.enum_type() != nullptr) to.content = enumeration(*from.enum_type());
        if (from.real_containing_oneof() != nullptr)
            to.oneof = from.real_containing_oneof()->index();
        const bool has_preset = !from.has_presence() || from.has_default_value();
        to.absent = from.is_required() ? Absent::refused
                    : has_preset       ? Absent::preset
                                       : Absent::null;
        if (from.has_default_value()) take_default(from, to);
        return to;
    }

    static void take_default(const pb::FieldDescriptor& from, ProtobufField& to) {
        using pb::FieldDescriptor;
        const bool zigzags =
            to.type == ProtobufField::Type::sint32 || to.type == ProtobufField::Type::sint64;
        const auto whole = [&](std::int64_t number) {
            return zigzags ? zigzag(number) : static_cast<std::uint64_t>(number);
        };
        switch (from.cpp_type()) {
            case FieldDescriptor::CPPTYPE_INT32:
                to.preset = whole(from.default_value_int32());
                break;
            case FieldDescriptor::CPPTYPE_INT64:
                to.preset = whole(from.default_value_int64());
                break;
            case FieldDescriptor::CPPTYPE_UINT32:
                to.preset = from.default_value_uint32();
                break;
            case FieldDescriptor::CPPTYPE_UINT64:
                to.preset = from.default_value_uint64();
                break;
            case FieldDescriptor::CPPTYPE_DOUBLE:
                to.preset = std::bit_cast<std::uint64_t>(from.default_value_double());
                break;
            case FieldDescriptor::CPPTYPE_FLOAT:
                to.preset = std::bit_cast<std::uint32_t>(from.default_value_float());
                break;
            case FieldDescriptor::CPPTYPE_BOOL:
                to.preset = from.default_value_bool() ? 1 : 0;
                break;
            case FieldDescriptor::CPPTYPE_ENUM:
                to.preset = whole(from.default_value_enum()->number());
                break;
            case FieldDescriptor::CPPTYPE_STRING:
                to.preset_bytes = from.default_value_string();
                break;
            case FieldDescriptor::CPPTYPE_MESSAGE:
                break;
        }
    }

    std::uint32_t enumeration(const pb::EnumDescriptor& from) {
        const auto [place, is_new] = enumerations_.try_emplace(&from, schema_.enumerations.size());
        if (!is_new) return place->second;
        ProtobufEnumeration& to = schema_.enumerations.emplace_back();
        to.name = from.full_name();
        for (int i = 0; i < from.value_count(); ++i) {
            to.labels.push_back({from.value(i)->number(), from.value(i)->name()});
        }
        std::stable_sort(to.labels.begin(), to.labels.end(),
                         [](const auto& a, const auto& b) { return a.number < b.number; });
        const auto twice = [](const auto& a, const auto& b) { return a.number == b.number; };
        to.labels.erase(std::unique(to.labels.begin(), to.labels.end(), twice), to.labels.end());
        return place->second;
    }

    ProtobufSchema& schema_;
    std::unordered_map<const pb::Descriptor*, std::uint32_t> messages_;
    std::unordered_map<const pb::EnumDescriptor*, std::uint32_t> enumerations_;
    std::vector<const pb::Descriptor*> waiting_;  // by index of their messages
};

/// What Any may hold, besides what the file's own messages are made of.
void add_imported(const pb::FileDescriptor& file, Translation& translation,
                  std::set<const pb::FileDescriptor*>& added) {
    for (int i = 0; i < file.dependency_count(); ++i) {
        const pb::FileDescriptor& imported = *file.dependency(i);
        if (!added.insert(&imported).second) continue;
        for (int j = 0; j < imported.message_type_count(); ++j)
            static_cast<void>(translation.message(*imported.message_type(j)));
        add_imported(imported, translation, added);
    }
}

}  // namespace

ProtobufSchema parse_protobuf(const NamedSchema& file, std::span<const NamedSchema> imports) {
    Files files;
    for (const NamedSchema& imported : imports) files.add(read(imported));
    files.add(read(file));
    Complaints complaints(file.name);
    pb::DescriptorPool pool(&files, &complaints);
    const pb::FileDescriptor* built = pool.FindFileByName(file.name);
    if (built == nullptr) refuse(complaints.text());
    ProtobufSchema schema;
    Translation translation(schema);
    for (int i = 0; i < built->message_type_count(); ++i) {
        schema.top_level.push_back(translation.message(*built->message_type(i)));
    }
    std::set<const pb::FileDescriptor*> added;
    add_imported(*built, translation, added);
    translation.complete();
    return schema;
}

ProtobufSchema parse_protobuf(const SchemaText& schema) {
    std::string name = "schema.proto";
    while (std::ranges::find(schema.references, name, &NamedSchema::name) !=
           schema.references.end())
        name.insert(0, "this ");
    return parse_protobuf({name, schema.text}, schema.references);
}

std::vector<std::string> imports_of(const NamedSchema& file) {
    const pb::FileDescriptorProto parsed = read(file);
    std::vector<std::string> names;
    for (const std::string& name : parsed.dependency()) {
        if (pb::DescriptorPool::generated_pool()->FindFileByName(name) == nullptr)
            names.push_back(name);
    }
    return names;
}

}  // namespace sluice::schemas
