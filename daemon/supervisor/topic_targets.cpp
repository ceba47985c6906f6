#include "daemon/supervisor/topic_targets.h"

#include "config/table_pattern.h"
#include "daemon/supervisor/topic_schema.h"
#include "pipeline/errors.h"
#include "pipeline/log.h"
#include "pipeline/mapping/row_mapper.h"
#include "pipeline/mapping/target.h"
#include "schemas/bad_schema.h"
#include "sinks/books/read_so_far.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/catalogue/check_fields.h"
#include "sinks/catalogue/grow_table.h"
#include "sinks/load/make_loader.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

constexpr std::size_t most_told = 1000;
constexpr const char* of_records = "a schema of its records";
/// Whoever has locked a table must not hold up those who ask for the others.
constexpr const char* short_wait = "SET LOCAL lock_timeout = '1s'";

bool goes_to(const config::Ingest& ingest, const std::string& topic, const std::string& table,
             const std::string& own_schema) {
    const auto targets = config::targets_of_topic(ingest, topic, own_schema);
    const auto* const all = std::get_if<std::vector<config::Ingest>>(&targets);
    return all != nullptr && std::ranges::find(*all, table, &config::Ingest::table) != all->end();
}

}  // namespace

TopicTargets::TopicTargets(const config::Pipeline& pipeline, PipelineIdentity identity,
                           const std::shared_ptr<registry::StoppableRegistry>& registry,
                           const std::shared_ptr<OutsideWait>& wait)
    : ingest_(std::get<config::Ingest>(pipeline.of_kind)),
      identity_(std::move(identity)),
      registry_(registry),
      session_(pipeline.cloudberry.dsn.text, "sluice/" + ingest_.name) {
    session_.tell_steps_to([wait] { wait->note_step(); });
    if (registry) subjects_.emplace(registry);
}

std::map<std::string, std::string> TopicTargets::find(const std::vector<std::string>& topics) {
    const std::lock_guard lock{mutex_};
    begin_anew_for(topics);
    const TablesByName known = read_together(topics);
    std::map<std::string, std::string> missing;
    for (const std::string& topic : topics)
        if (std::string why = look_for(topic, known); !why.empty())
            missing.emplace(topic, std::move(why));
    return missing;
}

void TopicTargets::begin_anew_for(const std::vector<std::string>& topics) {
    const auto is_known = [&](const std::string& topic) {
        return !targets_->of_topic(topic).empty();
    };
    if (std::ranges::any_of(topics, is_known)) session_.close();
}

/// Those that are to grow are read when they have. Where this fails for one of them, each is read
/// by itself, which says why.
TablesByName TopicTargets::read_together(const std::vector<std::string>& topics) {
    if (topics.size() < 2 || config::grows(ingest_)) return {};
    std::set<std::string> names;
    for (const std::string& topic : topics) {
        const auto targets = config::targets_of_topic(ingest_, topic, identity_.schema);
        if (const auto* const all = std::get_if<std::vector<config::Ingest>>(&targets))
            for (const config::Ingest& target : *all) names.insert(target.table);
    }
    try {
        const Transaction reading(session_, short_wait);
        return read_tables(session_, {names.begin(), names.end()});
    } catch (const DatabaseError&) {
        return {};
    }
}

std::string TopicTargets::look_for(const std::string& topic, const TablesByName& known) {
    try {
        if (config::grows(ingest_)) grow_targets_of(topic);
        read_targets_of(topic, known);
        return {};
    } catch (const WrongConfiguration& wrong) {
        return wrong.what();
    } catch (const TableNotGrown& waits) {
        return waits.what();
    } catch (const schemas::BadSchema& bad) {
        return std::string("its schema: ") + bad.what();
    } catch (const DatabaseError& error) {
        if (error.trouble() == Trouble::world || !session_.is_open())
            throw TroubleOfTheWorld("looking for its table: " + std::string(error.what()));
        return "looking for its table: " + std::string(error.what());
    } catch (const OutcomeUnknown& unknown) {
        throw TroubleOfTheWorld("looking for its table: " + std::string(unknown.what()));
    }
}

void TopicTargets::read_targets_of(const std::string& topic, const TablesByName& known) {
    const std::vector<config::Ingest> all = targets_of_topic(ingest_, topic, identity_.schema);
    std::optional<Transaction> reading;
    if (std::ranges::any_of(all, [&](const config::Ingest& each) {
            return !known.contains(each.table) || !each.fields.empty();
        }))
        reading.emplace(session_, short_wait);
    auto targets = read_targets(session_, ingest_, topic, identity_.schema, known);
    for (const Targets::Target& target : targets) {
        const RowMapper fits(target.ingest, target.table, registry_);
        static_cast<void>(make_loader(target.ingest, target.table, fits, identity_.schema));
    }
    targets_->set(topic, std::move(targets));
}

void TopicTargets::grow_targets_of(const std::string& topic) {
    for (const config::Ingest& target : targets_of_topic(ingest_, topic, identity_.schema)) {
        if (target.create && !table_if_any(session_, target)) create(target, topic);
        if (target.on_extra != config::OnExtra::add_column) continue;
        // Records do not tell of a schema that stands in a file.
        if (target.schema.from == config::Schema::From::file)
            add_columns(target, schema_of(target, topic, nullptr)->rows);
        const auto demanded = demanded_.find({topic, target.table});
        if (demanded == demanded_.end()) continue;
        for (const schemas::RowFields& rows : demanded->second) add_columns(target, rows);
        demanded_.erase(demanded);
    }
}

/// Whoever has dropped the table, or put it aside, need not have meant that: a new one would lack
/// all that was read before, of any topic that goes there.
void TopicTargets::refuse_where_rows_were(const config::Ingest& target) {
    for (const std::string& topic : topics_with_progress(session_, identity_)) {
        if (!goes_to(ingest_, topic, target.table, identity_.schema)) continue;
        const auto read = read_so_far(session_, identity_, topic);
        if (!read) continue;
        throw TableNotGrown(
            "table " + target.table + " is not there, and topic " + topic +
            " has been read up to offset " + std::to_string(read->next) + " of partition " +
            std::to_string(read->partition) +
            ", so a new table would lack rows: if it was dropped or renamed, restore it; to go on "
            "in an empty one, make it as sluice plan --ddl prints it; to load the topic anew, "
            "sluice progress set " +
            ingest_.name + " --topic " + topic + " --partition all --offset earliest");
    }
}

void TopicTargets::create(const config::Ingest& target, const std::string& topic) {
    refuse_where_rows_were(target);
    const std::string where = "table " + target.table + " is to be made: ";
    SubjectSource* const registry = subjects_ ? &*subjects_ : nullptr;
    std::optional<TopicSchema> schema;
    try {
        schema = schema_of(target, topic, registry);
        if (!schema)
            throw TableNotGrown(where + (target.schema.from == config::Schema::From::registry
                                             ? "the registry has no schema called " +
                                                   config::subject_for(target.subject, topic) +
                                                   " yet; subject = names another"
                                             : "nothing says what its columns are"));
        const std::string ddl =
            grow_table(session_, {.target = target,
                                  .rows = schema->rows,
                                  .key = key_fields_of(topic, &target, *schema, registry)});
        if (!ddl.empty()) log(LogLevel::info, ingest_.name, "by " + schema->name + ": " + ddl);
    } catch (const TroubleOfTheWorld& away) {
        // The others, which have a table, need no registry for it.
        throw TableNotGrown(where + away.what());
    }
}

void TopicTargets::add_columns(const config::Ingest& target, const schemas::RowFields& rows) {
    const std::string ddl = grow_table(session_, {.target = target, .rows = rows});
    if (!ddl.empty())
        log(LogLevel::info, ingest_.name, std::string("by ") + of_records + ": " + ddl);
}

/// What is not done by itself is said, once.
void TopicTargets::say(const std::vector<Finding>& findings) {
    const std::lock_guard lock{told_mutex_};
    for (const Finding& finding : findings) {
        if (finding.severity != Finding::Severity::warning) continue;
        if (told_.size() >= most_told) told_.clear();
        if (told_.insert(to_string(finding)).second)
            log(LogLevel::warn, ingest_.name, to_string(finding));
    }
}

bool TopicTargets::wants_column(const Targets::Target& target, const schemas::RowFields& fields) {
    if (target.ingest.on_extra != config::OnExtra::add_column) return false;
    if (lacks_columns(target.ingest, target.table, fields)) return true;
    say(check_fields(target.ingest, target.table, fields.fields, of_records));
    say(unfit_for_growth(target.ingest, target.table, fields));
    return false;
}

std::string TopicTargets::grow(const std::string& topic, TargetId target,
                               const schemas::RowFields& fields) {
    const std::lock_guard lock{mutex_};
    const Targets::Target& asked = (*targets_)[target];
    // Another lane was first.
    for (const TargetId now : targets_->of_topic(topic)) {
        const Targets::Target& there = (*targets_)[now];
        if (there.place == asked.place && !lacks_columns(there.ingest, there.table, fields))
            return {};
    }
    auto& demanded = demanded_[{topic, asked.ingest.table}];
    if (std::ranges::find(demanded, fields.fields, &schemas::RowFields::fields) == demanded.end())
        demanded.push_back(fields);
    begin_anew_for({topic});
    return look_for(topic, {});
}

}  // namespace sluice
