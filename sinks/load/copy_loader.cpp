#include "sinks/load/copy_loader.h"

#include "sinks/catalogue/catalogue.h"
#include "sinks/load/key_turns.h"

#include <utility>

namespace sluice {

CopyLoader::Form::Form(Session& session, const RowIsolation::Shared& shared,
                       IsolationOptions options)
    : copy(options.copy), isolation(session, shared, std::move(options)) {}

CopyLoader::CopyLoader(Session& session, Table table, std::vector<std::string> columns,
                       config::OnInvalid on_invalid)
    : Loader(session),
      table_(std::move(table)),
      columns_(std::move(columns)),
      judge_(session, qualified(table_), columns_),
      server_side_(session, qualified(table_), columns_),
      blame_(session),
      binary_(session, {judge_, server_side_, blame_},
              {copy_statement(table_, columns_, CopyForm::binary),
               nulls_for_invalid(table_.columns, on_invalid)}),
      text_(session, {judge_, server_side_, blame_},
            {copy_statement(table_, columns_, CopyForm::text),
             nulls_for_invalid(table_.columns, on_invalid)}) {}

std::string CopyLoader::target() const {
    return "table " + qualified(table_);
}

std::optional<std::string> CopyLoader::waits_for_keys_of() const {
    return name_if_it_has_keys(table_);
}

bool CopyLoader::expects_refusals(const TargetRows& rows) const {
    return binary_.isolation.expects_refusals(rows.binary.rows.size()) ||
           text_.isolation.expects_refusals(rows.text.rows.size());
}

std::string CopyLoader::copies(const TargetRows& rows) const {
    std::string sql;
    if (!rows.binary.rows.empty()) sql += binary_.copy.sql + ";";
    if (!rows.text.rows.empty()) sql += text_.copy.sql + ";";
    return sql;
}

/// A message for each, so that neither shares the other's statement_timeout.
void CopyLoader::put(const TargetRows& rows, const TakenAway&, std::unique_ptr<PreparedRows>) {
    forget_earlier();
    const auto put_form = [&](Form& form, const EncodedRows& of_form) {
        if (of_form.rows.empty()) return;
        session_.send(form.copy.sql);
        feed_form(form, of_form);
        session_.finish();
    };
    put_form(binary_, rows.binary);
    put_form(text_, rows.text);
}

void CopyLoader::feed(const TargetRows& rows) {
    forget_earlier();
    feed_form(binary_, rows.binary);
    feed_form(text_, rows.text);
}

void CopyLoader::forget_earlier() {
    for (Form* form : {&binary_, &text_}) {
        form->failed.reset();
        form->known = {};
    }
}

void CopyLoader::feed_form(Form& form, const EncodedRows& rows) {
    if (rows.rows.empty()) return;
    try {
        feed_copy(session_, form.copy, rows);
    } catch (const DatabaseError& error) {
        form.failed = error;
        throw;
    }
}

void CopyLoader::look(const TargetRows& rows, bool has_failed) {
    if (!has_failed) forget_earlier();  // it was about other rows
    const auto look = [](Form& form, const EncodedRows& of_form) {
        form.known = form.isolation.look(of_form, std::exchange(form.failed, std::nullopt));
    };
    look(binary_, rows.binary);
    look(text_, rows.text);
}

std::vector<Reject> CopyLoader::separate(const TargetRows& rows, Alike alike, const TakenAway&) {
    std::vector<Reject> rejects;
    const auto separate = [&](Form& form, const EncodedRows& of_form) {
        form.failed.reset();
        Refused refused = form.isolation.load(of_form, std::exchange(form.known, {}));
        for (std::size_t i = 0; i < refused.rows.size(); ++i)
            rejects.push_back({of_form.rows[refused.rows[i]].record, std::move(refused.reasons[i]),
                               RejectCause::refused});
    };
    judge_.begin();
    blame_.begin_load(alike);
    separate(binary_, rows.binary);
    separate(text_, rows.text);
    blame_.end_load();
    if (!rejects.empty() && !judge_.still_holds()) throw table_has_changed();
    return rejects;
}

MakeLoader copy_loader(const Table& table, const std::vector<std::string>& columns,
                       config::OnInvalid on_invalid) {
    return [=](Session& session) {
        return std::make_unique<CopyLoader>(session, table, columns, on_invalid);
    };
}

}  // namespace sluice
