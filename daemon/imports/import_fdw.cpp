#include "config/load.h"
#include "daemon/commands/commands.h"
#include "daemon/imports/fdw_progress.h"
#include "daemon/imports/fdw_translation.h"
#include "daemon/imports/made_file.h"
#include "pipeline/errors.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/session/public_dsn.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <set>

namespace sluice {
namespace {

/// What the user calls a foreign table, and where it is to go: "schema.name=target".
struct Wish {
    std::string source;
    std::string target;
    bool found = false;
};

std::vector<Wish> wishes_of(const CommandLine& line) {
    std::vector<Wish> wishes;
    for (const std::string& word : line.words) {
        const auto equals = word.find('=');
        const std::string target = equals == std::string::npos ? "" : word.substr(equals + 1);
        wishes.push_back({.source = word.substr(0, equals), .target = target});
    }
    return wishes;
}

/// The foreign tables that were asked for, all of them without a word, and where they go.
std::vector<FdwSource> select(const FdwCatalogue& catalogue, std::vector<Wish> wishes,
                              Session& session) {
    std::vector<FdwSource> sources;
    std::vector<std::string> names;
    for (const FdwTable& table : catalogue.tables) {
        Wish* wish = nullptr;
        for (Wish& asked : wishes) {
            if (asked.source == table.name || asked.source == table.schema + "." + table.name)
                wish = &asked;
        }
        if (!wishes.empty() && wish == nullptr) continue;
        FdwSource& source = sources.emplace_back();
        source.table = table;
        source.pipeline = pipeline_name(table, names);
        names.push_back(source.pipeline);
        if (wish == nullptr) continue;
        wish->found = true;
        source.named = true;
        source.target = wish->target;
        if (!source.target.empty()) source.into = read_table(session, source.target);
    }
    for (const Wish& wish : wishes) {
        if (!wish.found)
            throw WrongConfiguration("there is no foreign table \"" + wish.source + "\"");
    }
    return sources;
}

/// One configuration has one [kafka].
FdwServer server_of(const FdwCatalogue& catalogue, const std::optional<std::string>& wanted,
                    std::vector<FdwSource>& sources) {
    if (wanted) {
        std::erase_if(sources, [&](const FdwSource& s) { return s.table.server != *wanted; });
    }
    std::set<std::string> servers;
    for (const FdwSource& source : sources) servers.insert(source.table.server);
    if (servers.empty()) {
        throw WrongConfiguration("no foreign table of kafka_fdw was found" +
                                 (wanted ? " for server \"" + *wanted + "\"" : std::string()) +
                                 "; is this the database that has them?");
    }
    if (servers.size() > 1) {
        std::string list;
        for (const std::string& name : servers) list += (list.empty() ? "" : ", ") + name;
        throw WrongConfiguration("these tables are of several servers (" + list +
                                 "): a configuration has one Kafka; choose with --server NAME");
    }
    return *std::ranges::find(catalogue.servers, *servers.begin(), &FdwServer::name);
}

config::Config load_or_throw(const std::string& file) {
    const config::Loaded loaded = config::load(file);
    std::string problems;
    for (const config::Problem& problem : loaded.problems)
        problems += (problems.empty() ? "" : "\n") + config::to_string(problem);
    if (!problems.empty()) throw WrongConfiguration(problems);
    return loaded.config;
}

std::string dsn_of(const CommandLine& line) {
    if (const auto dsn = line.option("--dsn")) return *dsn;
    if (line.has("--config")) return load_or_throw(line.config_file).cloudberry.dsn.text;
    throw WrongConfiguration(
        "which database has the foreign tables? --dsn \"host=… dbname=… user=…\"");
}

int run(const CommandLine& line) {
    const std::string dsn = dsn_of(line);
    const auto to = line.option("--to");
    Session session{dsn, "sluice import-fdw"};
    const FdwCatalogue catalogue = read_fdw_catalogue(session);
    FdwTranslation translation;
    translation.sources = select(catalogue, wishes_of(line), session);
    translation.server = server_of(catalogue, line.option("--server"), translation.sources);
    translation.database = session.exec("SELECT current_database()").text(0, 0);
    const PublicDsn shown = public_dsn(dsn);
    translation.dsn = shown.text;
    translation.needs_password = shown.left_out_a_password;
    session.close();

    const bool write_progress = line.has("--write-progress");
    if (to || !write_progress) hand_out(to_toml(translation), to, "import-fdw");
    if (!write_progress) return fine;
    const config::Config config = load_or_throw(to.value_or(line.config_file));
    return take_over_progress(config, dsn, translation.sources, line.output);
}

}  // namespace

int import_fdw(const config::Config&, const CommandLine& line) {
    try {
        return run(line);
    } catch (const WrongConfiguration& wrong) {
        std::cerr << "sluice import-fdw: " << wrong.what() << '\n';
        return used_or_configured_wrongly;
    }
}

}  // namespace sluice
