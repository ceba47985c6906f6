#include "sinks/load/sql/check_sql.h"

#include "sinks/catalogue/catalogue.h"
#include "sinks/catalogue/check_changes.h"
#include "sinks/load/sql/sql_statements.h"
#include "sinks/session/server_family.h"
#include "sinks/session/sql_text.h"

namespace sluice {
namespace {

class SqlCheck {
public:
    SqlCheck(Session& session, std::string where, const SqlTarget& target)
        : session_(session),
          where_(std::move(where)),
          statements_(target, {.relation = qualified(target.table)}),
          mpp_(is_mpp(session.family())) {}

    CheckedSql check() && {
        const SqlTarget& target = statements_.target();
        if (!target.where.empty()) ask("where", {statements_.explain_where()});
        const std::size_t mapped = target.columns.size() - target.computed.size();
        for (std::size_t i = 0; i < target.computed.size(); ++i) {
            const std::string column = quote_identifier(target.columns[mapped + i]);
            const bool fits = ask(
                "column " + column,
                {statements_.explain_over_row(target.computed[i]), statements_.explain_insert(i)});
            if (fits)
                checked_.types +=
                    (checked_.types.empty() ? "" : ", ") + column + " is " + type_of(i);
        }
        return std::move(checked_);
    }

private:
    /// Whether the database takes all of these.
    bool ask(const std::string& what, const std::vector<SqlStatements::Probe>& probes) {
        for (const SqlStatements::Probe& probe : probes) {
            const Transaction undone(session_, statements_.make_inputs(mpp_));
            try {
                session_.exec(probe.sql);
            } catch (const DatabaseError& error) {
                if (!may_be_the_datas(error.sqlstate())) throw;
                complain(what, error.details(), probe.at);
                return false;
            }
        }
        return true;
    }

    void complain(const std::string& what, const DatabaseError::Details& error, std::size_t at) {
        const std::string character =
            error.position >= at ? "character " + std::to_string(error.position - at + 1) + ": "
                                 : "";
        checked_.findings.push_back(
            {Finding::Severity::error, where_,
             what + ": " + character + error.message + " (SQLSTATE " + error.sqlstate + ")", ""});
    }

    std::string type_of(std::size_t computed) {
        const Transaction undone(session_, statements_.make_inputs(mpp_));
        session_.run(statements_.view_of(computed, "sluice_value"));
        return session_
            .exec(
                "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
                " WHERE attrelid = 'pg_temp.sluice_value'::regclass")
            .text(0, 0);
    }

    Session& session_;
    const std::string where_;
    const SqlStatements statements_;
    const bool mpp_;
    CheckedSql checked_;
};

}  // namespace

CheckedSql check_sql(Session& session, const std::string& where, const config::Ingest& ingest,
                     const Table& table) {
    if (!ingest.asks_sql()) return {};
    if (std::vector<Finding> lacking = lacking_temporary(session, where); !lacking.empty())
        return {.findings = std::move(lacking), .types = {}};
    return SqlCheck(session, where, sql_target(ingest, table)).check();
}

}  // namespace sluice
