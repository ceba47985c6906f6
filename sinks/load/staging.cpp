#include "sinks/load/staging.h"

#include "sinks/session/sql_text.h"

#include <cstdint>
#include <utility>

namespace sluice {
namespace {

CopyStatement copy_into(const Staging::Options& staging, CopyForm form) {
    return {.table = staging.table,
            .relation = staging.table,
            .columns = staging.columns,
            .sql = "COPY " + staging.table + " (" + identifier_list(staging.columns) +
                   ") FROM STDIN" + (form == CopyForm::binary ? " (FORMAT binary)" : ""),
            .form = form};
}

Staging::Options unnumbered(Staging::Options options) {
    options.columns.erase(options.columns.begin());
    return options;
}

}  // namespace

Staging::Whole::Whole(Session& session, const Options& options)
    : binary(copy_into(options, CopyForm::binary)),
      text(copy_into(options, CopyForm::text)),
      transfer(session, options.segments, {.relation = options.table, .columns = options.columns}) {
}

void Staging::Whole::copy(Session& session, const EncodedRows& binary_rows,
                          const EncodedRows& text_rows) {
    if (!binary_rows.rows.empty()) copy_whole(session, binary, binary_rows);
    if (text_rows.rows.empty()) return;
    if (!transfer.may_go(text_rows.rows.size())) return copy_whole(session, text, text_rows);
    const std::int64_t staged = transfer.insert(text_rows);
    if (staged != static_cast<std::int64_t>(text_rows.rows.size()))
        throw DatabaseError({"08006",
                             "segments have brought " + std::to_string(staged) + " of " +
                                 std::to_string(text_rows.rows.size()) + " rows",
                             {}});
}

Staging::Staging(Session& session, const Options& options)
    : session_(session),
      numbered_(session, options),
      without_numbers_(session, unnumbered(options)),
      judge_(session, options.table, options.columns),
      server_side_(session, options.table, options.columns),
      blame_(session),
      binary_(session, {judge_, server_side_, blame_},
              {numbered_.binary, options.nulls_for_invalid}),
      text_(session, {judge_, server_side_, blame_}, {numbered_.text, options.nulls_for_invalid}) {}

void Staging::copy(const NumberedRows& rows) {
    numbered_.copy(session_, rows.binary, rows.text);
}

void Staging::copy_without_numbers(const TargetRows& rows) {
    without_numbers_.copy(session_, rows.binary, rows.text);
}

void Staging::begin_load(Alike alike) {
    judge_.begin();
    blame_.begin_load(alike);
}

std::vector<RefusedNumber> Staging::copy_isolated(const NumberedRows& rows) {
    std::vector<RefusedNumber> all;
    const auto isolate = [&](RowIsolation& isolation, const EncodedRows& encoded,
                             const std::vector<std::size_t>& numbers) {
        Refused refused = isolation.load(encoded, {});
        for (std::size_t i = 0; i < refused.rows.size(); ++i)
            all.push_back({numbers[refused.rows[i]], std::move(refused.reasons[i])});
    };
    isolate(binary_, rows.binary, rows.binary_numbers);
    isolate(text_, rows.text, rows.text_numbers);
    return all;
}

}  // namespace sluice
