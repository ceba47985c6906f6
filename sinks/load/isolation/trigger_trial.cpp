#include "sinks/load/isolation/trigger_trial.h"

#include "sinks/session/sql_text.h"
#include "sinks/session/sqlstate.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

namespace sluice {
namespace {

/// A reason keeps less, and a trigger may say megabytes. In characters.
constexpr int longest_message = 2000;

/// What was refused by one is not shown to the next. The first need not ask, which costs a fifth.
constexpr std::string_view unless_refused =
    "IF NEW.@complaint@ IS NOT NULL THEN RETURN NEW; END IF;";
constexpr std::string_view function = R"(BEGIN @unless_refused@
@source@
;
    RETURN NEW;
EXCEPTION WHEN OTHERS OR ASSERT_FAILURE THEN
    NEW.@complaint@ := ARRAY[SQLSTATE, left(SQLERRM, @longest@)];
    RETURN NEW;
END)";

/// A function's source is a block, behind which there may be a semicolon.
std::string block_of(std::string source) {
    const auto strip = [&](const char* what) {
        const std::size_t last = source.find_last_not_of(what);
        source.erase(last == std::string::npos ? 0 : last + 1);
    };
    strip(" \t\r\n");
    if (source.ends_with(';')) source.pop_back();
    return source;
}

/// All are BEFORE here, since only these can change a row. They are called by their names' order.
std::string make_triggers(const std::string& table, const RowTriggers& triggers,
                          const std::string& complaint) {
    std::string sql;
    for (std::size_t i = 0; i < triggers.in_order.size(); ++i) {
        const RowTrigger& trigger = triggers.in_order[i];
        const std::string number = std::to_string(10000 + i);
        const std::string body = filled_in(
            function, {{"complaint", complaint},
                       {"unless_refused",
                        i == 0 ? "" : filled_in(unless_refused, {{"complaint", complaint}})},
                       {"source", block_of(trigger.source)},
                       {"longest", std::to_string(longest_message)}});
        sql += "CREATE OR REPLACE FUNCTION " + table + "_" + number +
               "() RETURNS trigger LANGUAGE plpgsql AS " + dollar_quoted(body) +
               ";CREATE TRIGGER sluice_" + number + " BEFORE INSERT ON " + table +
               " FOR EACH ROW " + trigger.condition + " EXECUTE PROCEDURE " + table + "_" + number +
               trigger.arguments + ";";
    }
    return "DO " + dollar_quoted("BEGIN IF NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = " +
                                 quote_literal(table) + "::regclass) THEN " + sql + "END IF; END");
}

}  // namespace

TriggerTrial::TriggerTrial(Session& session, const std::string& qualified_table,
                           const std::vector<std::string>& columns)
    : columns_(columns),
      staged_(session, {.name = "sluice_tried", .target = qualified_table, .columns = columns}) {}

void TriggerTrial::choose(const RowTriggers& triggers, const SqlTypes& types) {
    is_proven_ = false;
    complaint_ = quote_identifier(unused_name("sluice_complaint", triggers.columns));
    std::string columns = ", " + complaint_ + " text[]";
    for (const std::string& definition : triggers.definitions) columns += ", " + definition;
    staged_.have({.columns = std::move(columns),
                  .make = [triggers, complaint = complaint_](const std::string& table) {
                      return make_triggers(table, triggers, complaint);
                  }});
    std::vector<std::size_t> taken;
    for (std::size_t i = 0; i < columns_.size(); ++i)
        if (std::ranges::find(triggers.columns, columns_[i]) != triggers.columns.end())
            taken.push_back(i);
    static_cast<void>(staged_.choose(std::move(taken), types));
}

bool TriggerTrial::find_refused(const RowRange& range, std::vector<Offender>& found) {
    static_cast<void>(staged_.take(range));
    const Rows refused =
        staged_.exec("SELECT " + staged_.number() + ", " + complaint_ + " FROM " +
                     staged_.rows_as("s") + " WHERE " + complaint_ + " IS NOT NULL ORDER BY 1");
    std::vector<Offender> offenders;
    for (std::size_t row = 0; row < refused.rows.size(); ++row) {
        const std::vector<std::string> complaint = parse_array(refused.text(row, 1));
        const std::string& sqlstate = complaint.at(0);
        if (classify(sqlstate, {}) != Trouble::data) return false;
        offenders.push_back(
            {staged_.row_of(refused.number(row, 0)), {"", complaint.at(1)}, std::nullopt});
    }
    is_proven_ = is_proven_ || has_found_raised(offenders);
    if (is_proven_) std::ranges::move(offenders, std::back_inserter(found));
    return is_proven_;
}

bool TriggerTrial::has_found_raised(const std::vector<Offender>& refused) const {
    return raised_ && std::ranges::any_of(refused, [this](const Offender& offender) {
               return raised_->starts_with(offender.reason.text);
           });
}

}  // namespace sluice
