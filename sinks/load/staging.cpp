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

}  // namespace

Staging::Staging(Session& session, const Options& options)
    : session_(session),
      binary_copy_(copy_into(options, CopyForm::binary)),
      text_copy_(copy_into(options, CopyForm::text)),
      route_(options.segments),
      transfer_(session, route_, {.relation = options.table, .columns = options.columns}),
      judge_(session, options.table, options.columns),
      server_side_(session, options.table, options.columns),
      blame_(session),
      binary_(session, {judge_, server_side_, blame_}, {binary_copy_, options.nulls_for_invalid}),
      text_(session, {judge_, server_side_, blame_}, {text_copy_, options.nulls_for_invalid}) {}

void Staging::copy(const NumberedRows& rows) {
    if (!rows.binary.rows.empty()) copy_whole(session_, binary_copy_, rows.binary);
    if (rows.text.rows.empty()) return;
    if (!route_.is_for(rows.text.rows.size())) return copy_whole(session_, text_copy_, rows.text);
    const std::int64_t staged = transfer_.insert(rows.text);
    if (staged != static_cast<std::int64_t>(rows.text.rows.size()))
        throw DatabaseError({"08006",
                             "segments have brought " + std::to_string(staged) + " of " +
                                 std::to_string(rows.text.rows.size()) + " rows",
                             {}});
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
