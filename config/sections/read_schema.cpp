#include "config/sections/read_schema.h"

#include "config/column_source.h"
#include "config/pipeline.h"
#include "config/text/names.h"
#include "config/text/words.h"
#include "schemas/avro_schema.h"
#include "schemas/bad_schema.h"
#include "schemas/protobuf_schema.h"

#include <algorithm>

namespace sluice::config {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view example_of(Format format) {
    return format == Format::protobuf ? R"({ file = "shop.proto", message = "shop.Customer" })"
                                      : R"({ file = "customer.avsc" })";
}

/// Reads { file = …, message = …, wire = … } and what the file imports.
class SchemaFileReader {
public:
    SchemaFileReader(TableReader table, Format format, const Scope& scope)
        : table_(std::move(table)), format_(format), scope_(scope) {}

    Schema read() {
        schema_.from = Schema::From::file;
        const auto name = table_.required_text(
            "file", format_ == Format::protobuf ? "\"shop.proto\"" : "\"customer.avsc\"");
        if (const auto message = table_.text("message", "\"shop.Customer\"")) {
            schema_.message = message->text;
            if (format_ == Format::avro)
                table_.problem(message->at,
                               "\"message\" is for Protobuf, whose files hold several; remove it");
        }
        table_.choice<Schema::Wire>(
            "wire", {{"plain", Schema::Wire::plain}, {"registry", Schema::Wire::registry}},
            schema_.wire);
        table_.finish();
        if (!name) return schema_;
        try {
            read_all(*name);
        } catch (const schemas::BadSchema& bad) {
            table_.problem(name->at, "schema " + name->shown + ": " + bad.what());
        }
        return std::move(schema_);
    }

private:
    void read_all(const Text& name) {
        const fs::path file = scope_.folder / name.text;
        if (!add(file, file.filename().string(), name)) return;
        if (format_ == Format::avro) {
            static_cast<void>(schemas::parse_avro(schema_.files[0].text));
            return;
        }
        for (std::size_t at = 0; at < schema_.files.size(); ++at) {
            for (const std::string& import : schemas::imports_of(schema_.files[at])) {
                const bool known =
                    std::ranges::find(schema_.files, import, &schemas::NamedSchema::name) !=
                    schema_.files.end();
                if (!known && !add(find(import, file.parent_path()), import, name)) return;
            }
        }
        const std::span imports(schema_.files.begin() + 1, schema_.files.end());
        static_cast<void>(
            schemas::parse_protobuf(schema_.files[0], imports).message_called(schema_.message));
    }

    /// Where an import is: beside the file, or in a folder around it up to the configuration's.
    [[nodiscard]] fs::path find(const std::string& import, const fs::path& beside) const {
        const fs::path outermost = scope_.folder.lexically_normal();
        std::error_code ignored;
        for (fs::path folder = beside;; folder = folder.parent_path()) {
            if (fs::is_regular_file(folder / import, ignored)) return folder / import;
            if (folder.lexically_normal() == outermost || !folder.has_relative_path()) break;
        }
        return beside / import;
    }

    bool add(const fs::path& file, const std::string& known_as, const Text& name) {
        scope_.files.push_back(file);
        auto content = read_file(file);
        if (const auto* error = std::get_if<SyntaxError>(&content)) {
            table_.problem(name.at, "schema " + name.shown + ": " + error->text);
            return false;
        }
        schema_.files.push_back({known_as, std::get<std::string>(std::move(content))});
        return true;
    }

    TableReader table_;
    const Format format_;
    const Scope& scope_;
    Schema schema_;
};

}  // namespace

Schema read_schema(TableReader& section, SchemaKeys keys, std::optional<Format> format,
                   const Scope& scope) {
    const std::string key(keys.schema);
    const bool has_schema = format && (*format == Format::avro || *format == Format::protobuf);
    const Entry* entry = section.take(keys.schema);
    section.may_be(keys.schema, {"registry"});
    if (section.notes_shapes())
        return SchemaFileReader(*section.table(keys.schema, ""), Format::protobuf, scope).read();
    if (entry == nullptr) {
        if (has_schema)
            section.problem(section.at(keys.format),
                            std::string(keys.format) + " = " + in_quotes(name_of(*format)) +
                                " needs a schema; add " + key + " = \"registry\", or " + key +
                                " = " + std::string(example_of(*format)));
        return {};
    }
    if (!format) return {};
    if (!has_schema && *format != Format::json) {
        section.problem(entry->at, in_quotes(key) + " has no meaning for " +
                                       std::string(keys.format) + " = " +
                                       in_quotes(name_of(*format)) + "; remove it");
        return {};
    }
    if (const auto* table = std::get_if<TomlTable>(&entry->value.value); table && has_schema) {
        return SchemaFileReader(
                   TableReader(*table, entry->value.at, section.section() + " " + key, scope),
                   *format, scope)
            .read();
    }
    const auto* word = std::get_if<std::string>(&entry->value.value);
    if (word != nullptr && *word == "registry")
        return {Schema::From::registry, Schema::Wire::registry, {}, {}};
    section.problem(
        entry->value.at,
        in_quotes(key) + " must be \"registry\"" +
            (has_schema ? ", or a file: " + std::string(example_of(*format))
                        : ", which takes off what a registry's clients write before JSON; JSON "
                          "is read without a schema"));
    return {};
}

void read_subject(TableReader& section, std::string_view key, std::string& target) {
    const auto subject = section.text(key, "\"${topic}-value\"");
    if (!subject) return;
    target = subject->text;
    const std::string of_topic = subject_for(target, "t");
    if (!target.empty() && !has_control_character(target) &&
        of_topic.find("${") == std::string::npos)
        return;
    section.problem(subject->at, in_quotes(key) + ": " + subject->shown +
                                     " is no subject of a registry; write its name, in which only "
                                     "${topic} stands for something else");
}

}  // namespace sluice::config
