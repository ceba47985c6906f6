#include "sinks/load/staging.h"

#include "sinks/session/sql_text.h"

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
      judge_(session, options.table, options.columns),
      server_side_(session, options.table, options.columns),
      blame_(session),
      binary_(session, {judge_, server_side_, blame_}, {binary_copy_, options.nulls_for_invalid}),
      text_(session, {judge_, server_side_, blame_}, {text_copy_, options.nulls_for_invalid}) {}

void Staging::copy(const NumberedRows& rows) {
    if (!rows.binary.rows.empty()) copy_whole(session_, binary_copy_, rows.binary);
    if (!rows.text.rows.empty()) copy_whole(session_, text_copy_, rows.text);
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
