#include "config/load.h"

#include "config/pipeline.h"
#include "config/revision.h"
#include "config/sections/sections.h"
#include "config/toml/reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <system_error>

namespace sluice::config {
namespace {

using namespace std::chrono_literals;

bool is_plain_identifier(std::string_view name) {
    constexpr std::size_t longest = 63;
    if (name.empty() || name.size() > longest || name.starts_with("pg_")) return false;
    if (name.front() >= '0' && name.front() <= '9') return false;
    return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") ==
           std::string_view::npos;
}

/// Whether a connection string may hold a password of its own.
bool may_hold_password(std::string_view dsn) {
    return dsn.find("password") != std::string_view::npos ||
           dsn.find("://") != std::string_view::npos;
}

Cloudberry read_cloudberry(TableReader section) {
    Cloudberry cloudberry;
    if (const auto dsn = section.required_text("dsn", "\"host=localhost dbname=demo\"")) {
        cloudberry.dsn = {.text = dsn->text, .secret = dsn->secret || may_hold_password(dsn->text)};
    }
    if (const auto schema = section.text("schema", "\"sluice\"")) {
        if (is_plain_identifier(schema->text)) {
            cloudberry.schema = schema->text;
        } else {
            section.problem(schema->at, "\"schema\": " + schema->shown +
                                            " is not a plain identifier; use up to 63 lowercase "
                                            "letters, digits and \"_\", beginning with a letter "
                                            "and not with \"pg_\"");
        }
    }
    std::chrono::milliseconds keep = cloudberry.ledger_keep;
    section.duration("ledger_keep", "\"30d\"", {1h, 24h * 36500}, keep);
    cloudberry.ledger_keep = std::chrono::duration_cast<std::chrono::seconds>(keep);
    section.finish();
    return cloudberry;
}

Daemon read_daemon(TableReader section) {
    Daemon daemon;
    section.duration("drain_deadline", "\"30s\"", {100ms, 1h}, daemon.drain_deadline);
    section.choice<std::string>("log_level",
                                {{"trace", "trace"},
                                 {"debug", "debug"},
                                 {"info", "info"},
                                 {"warn", "warn"},
                                 {"error", "error"}},
                                daemon.log_level);
    section.choice<std::string>("log_format", {{"text", "text"}, {"json", "json"}},
                                daemon.log_format);
    section.finish();
    return daemon;
}

/// Of [KIND.a.b], which TOML takes for a table b within a: b, where that looks like a pipeline.
const Entry* pipeline_within(const TomlTable& table) {
    const auto table_of = [](const Entry& entry) {
        return std::get_if<TomlTable>(&entry.value.value);
    };
    if (!std::ranges::all_of(table.entries, table_of)) return nullptr;
    const auto looks_like_one = [&](const Entry& entry) {
        return std::ranges::any_of(table_of(entry)->entries,
                                   [](const Entry& key) { return key.key == "table"; });
    };
    const auto found = std::ranges::find_if(table.entries, looks_like_one);
    return found == table.entries.end() ? nullptr : &*found;
}

/// All [KIND.NAME] of one kind, by name.
template <typename Read>
auto read_pipelines(const TableReader& section, const std::string& kind, const Scope& scope,
                    Read read) {
    std::vector<std::invoke_result_t<Read, TableReader, std::string, Place, const Scope&>>
        pipelines;
    if (section.notes_shapes()) {
        static const TomlTable nothing;
        read(TableReader(nothing, {}, "", section.any_key(Shape::Kind::table)), "NAME", {}, scope);
    }
    for (const Entry& entry : section.content().entries) {
        scope.problems.enter(kind + "." + entry.key);
        const auto* table = std::get_if<TomlTable>(&entry.value.value);
        if (std::holds_alternative<TomlArray>(entry.value.value)) {
            scope.problems.add(entry.at, in_quotes(entry.key) +
                                             " is an array; write single brackets: [" + kind + "." +
                                             entry.key + "]");
            continue;
        }
        if (table == nullptr) {
            scope.problems.add(entry.at, in_quotes(entry.key) +
                                             " belongs to a pipeline; give the pipeline a name: [" +
                                             kind + ".NAME]");
            continue;
        }
        if (const Entry* within = pipeline_within(*table)) {
            scope.problems.add(entry.at, "[" + kind + "." + entry.key + "." + within->key +
                                             "] is a table within a pipeline; write the name "
                                             "without a dot: [" +
                                             kind + "." + entry.key + "_" + within->key + "]");
            continue;
        }
        const TableReader reader(*table, entry.value.at, "[" + kind + "." + entry.key + "]", scope);
        pipelines.push_back(read(reader, entry.key, entry.at, scope));
    }
    std::ranges::sort(pipelines, {}, [](const auto& pipeline) { return pipeline.name; });
    return pipelines;
}

/// Two pipelines of one group would rebalance each other.
void check_groups(const TableReader& section, const std::vector<Ingest>& pipelines,
                  Problems& problems) {
    std::map<std::string_view, std::string_view> owner_of_group;
    for (const Ingest& pipeline : pipelines) {
        const auto [owner, is_new] = owner_of_group.emplace(pipeline.group, pipeline.name);
        if (is_new) continue;
        problems.enter("ingest." + pipeline.name);
        section.problem(section.at(pipeline.name),
                        "[ingest." + pipeline.name + "] has the same group as [ingest." +
                            std::string(owner->second) + "]; give each pipeline its own");
    }
}

/// Schemas that are to come from a registry need one. `kind`: "ingest".
template <class Kind>
void check_registry(const TableReader& section, const std::string& kind,
                    const std::vector<Kind>& pipelines, Problems& problems) {
    for (const Kind& pipeline : pipelines) {
        if (!asks_registry(pipeline)) continue;
        problems.enter(kind + "." + pipeline.name);
        section.problem(section.at(pipeline.name),
                        "[" + kind + "." + pipeline.name +
                            "] takes schemas from a registry, and none is configured; add "
                            "[registry] with its url" +
                            (kind == "ingest" ? ", or name a file" : ""));
    }
}

/// Rows that segments are to fetch have to be somewhere.
void check_segments(const TableReader& section, const std::vector<Ingest>& pipelines,
                    Problems& problems) {
    for (const Ingest& pipeline : pipelines) {
        if (pipeline.load == Load::copy) continue;
        problems.enter("ingest." + pipeline.name);
        section.problem(section.at(pipeline.name),
                        "[ingest." + pipeline.name +
                            "] is loaded by the segments, which nothing says where to find this "
                            "daemon; add [segments] with listen and advertise");
    }
}

/// What one outbox has sent, it deletes from the table.
void check_tables(const TableReader& section, const std::vector<Outbox>& pipelines,
                  Problems& problems) {
    std::map<std::string_view, std::string_view> owner_of_table;
    for (const Outbox& pipeline : pipelines) {
        if (pipeline.table.empty()) continue;  // not known, and a problem already
        const auto [owner, is_new] = owner_of_table.emplace(pipeline.table, pipeline.name);
        if (is_new) continue;
        problems.enter("outbox." + pipeline.name);
        section.problem(section.at(pipeline.name),
                        "[outbox." + pipeline.name + "] has the same table as [outbox." +
                            std::string(owner->second) +
                            "], and each would delete what the other has not sent yet; give each "
                            "pipeline its own");
    }
}

/// A mark among events could be anybody's, and is gone with them where they are deleted by age.
void check_marks(const TableReader& section, const Config& config, Problems& problems) {
    std::map<std::string, std::string> written;
    for (const std::string& topic : config.segments.sql_writable)
        written[topic] = "in sql_writable of [segments]";
    for (const Ingest& pipeline : config.ingest)
        if (pipeline.receipts && !pipeline.receipts->topic.empty())
            written[pipeline.receipts->topic] =
                "that of receipts of [ingest." + pipeline.name + "]";
    for (const Outbox& pipeline : config.outbox)
        written[fixed_topic(pipeline)] = "the topic of [outbox." + pipeline.name + "]";
    for (const Outbox& pipeline : config.outbox) {
        const auto found = written.find(pipeline.marks_topic);
        if (found == written.end()) continue;
        problems.enter("outbox." + pipeline.name);
        section.problem(section.at(pipeline.name),
                        "[outbox." + pipeline.name + "] keeps its marks in topic " +
                            in_quotes(pipeline.marks_topic) + ", which is also " + found->second +
                            "; nothing else may be written there: give marks_topic a topic of its "
                            "own, such as \"sluice.outbox_marks\"");
    }
}

Config read_config(const TomlTable& document, const Scope& scope) {
    Config config;
    TableReader root(document, {}, "", scope);
    scope.problems.enter("kafka");
    if (const auto kafka = root.table("kafka", "[kafka]")) {
        config.kafka = read_kafka(*kafka, scope);
    } else if (!root.has("kafka")) {
        root.problem({}, "no [kafka] section; add one with brokers = \"localhost:9092\"");
    }
    scope.problems.enter("cloudberry");
    if (const auto cloudberry = root.table("cloudberry", "[cloudberry]")) {
        config.cloudberry = read_cloudberry(*cloudberry);
    } else if (!root.has("cloudberry")) {
        root.problem({},
                     "no [cloudberry] section; add one with dsn = \"host=localhost "
                     "dbname=demo\"");
    }
    scope.problems.enter("daemon");
    if (const auto daemon = root.table("daemon", "[daemon]")) {
        config.daemon = read_daemon(*daemon);
    }
    scope.problems.enter("admin");
    if (const auto admin = root.table("admin", "[admin]")) config.admin = read_admin(*admin);
    scope.problems.enter("registry");
    if (const auto registry = root.table("registry", "[registry]"))
        config.registry = read_registry(*registry, scope);
    scope.problems.enter("segments");
    if (const auto segments = root.table("segments", "[segments]"))
        config.segments = read_segments(*segments, scope);
    scope.problems.enter("");
    if (const auto ingest = root.table("ingest", "[ingest.NAME]")) {
        config.ingest = read_pipelines(*ingest, "ingest", scope, read_ingest);
        check_groups(*ingest, config.ingest, scope.problems);
        if (!root.has("registry")) check_registry(*ingest, "ingest", config.ingest, scope.problems);
        if (!root.has("segments")) check_segments(*ingest, config.ingest, scope.problems);
    }
    scope.problems.enter("");
    if (const auto outbox = root.table("outbox", "[outbox.NAME]")) {
        config.outbox = read_pipelines(*outbox, "outbox", scope, read_outbox);
        check_tables(*outbox, config.outbox, scope.problems);
        check_marks(*outbox, config, scope.problems);
        if (!root.has("registry")) check_registry(*outbox, "outbox", config.outbox, scope.problems);
    }
    scope.problems.enter("");
    root.finish();
    return config;
}

Loaded parse_in(std::string_view toml, const std::string& name,
                const std::filesystem::path& folder) {
    Loaded loaded;
    Problems problems(name);
    auto document = read_document(toml);
    if (auto* error = std::get_if<SyntaxError>(&document)) {
        problems.add(error->at, std::move(error->text));
    } else {
        const Scope scope{.problems = problems, .folder = folder, .files = loaded.files};
        loaded.config = read_config(std::get<TomlTable>(document), scope);
        loaded.config.revision = revision_of(loaded.config);
        loaded.places = Places(std::get<TomlTable>(std::move(document)), name);
    }
    loaded.problems = std::move(problems).sorted();
    return loaded;
}

}  // namespace

std::string to_string(const Problem& problem) {
    std::string out = problem.file;
    if (problem.line > 0) {
        out += ':' + std::to_string(problem.line) + ':' + std::to_string(problem.column);
    }
    return out + ": " + problem.text;
}

Loaded load(const std::filesystem::path& file) {
    const std::string name = file.string();
    const auto unreadable = [&](const std::string& why) {
        return Loaded{.config = {},
                      .problems = {{.file = name,
                                    .line = 0,
                                    .column = 0,
                                    .text = "cannot be read: " + why + "; see --config"}},
                      .files = {file}};
    };
    errno = 0;
    std::ifstream in(file, std::ios::binary);
    std::string content;
    char block[4096];
    // One block more than a document may have: parsing then says that it is too long.
    while (content.size() <= max_document_bytes && (in.read(block, sizeof block) || in.gcount())) {
        content.append(block, static_cast<std::size_t>(in.gcount()));
    }
    const bool whole = in.eof() || content.size() > max_document_bytes;
    if (!whole) return unreadable(errno != 0 ? std::strerror(errno) : "reading failed");
    Loaded loaded = parse_in(content, name, file.parent_path());
    loaded.files.push_back(file);
    return loaded;
}

Shape shape_of_file() {
    Shape file{.kind = Shape::Kind::table};
    Problems not_of_interest("");
    std::vector<std::filesystem::path> none;
    static_cast<void>(read_config(
        {}, {.problems = not_of_interest, .folder = {}, .files = none, .shape = &file}));
    return file;
}

Loaded parse(std::string_view toml, const std::string& name) {
    return parse_in(toml, name, std::filesystem::path(name).parent_path());
}

}  // namespace sluice::config
