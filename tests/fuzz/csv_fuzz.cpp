#include "tests/fuzz/fuzz_table.h"

using namespace sluice;

namespace {

RowMapper mapper(const config::Csv& csv, int position) {
    config::Ingest ingest;
    ingest.format = config::Format::csv;
    ingest.csv = csv;
    const Table table = fuzz::table_of_all_types();
    for (std::size_t i = 0; position > 0 && i < table.columns.size(); ++i) {
        auto& mapping = ingest.columns.emplace_back();
        mapping.column = table.columns[i].name;
        mapping.source.kind = config::Source::Kind::position;
        mapping.source.position = position;
    }
    return RowMapper(ingest, table);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    config::Csv other;
    other.delimiter = ';';
    other.escape = '\\';
    other.null = "\\N";
    static RowMapper in_order = mapper({}, 0);
    static RowMapper first_for_all = mapper({}, 1);
    static RowMapper escaped = mapper(other, 1);
    const std::string_view value(reinterpret_cast<const char*>(data), size);
    fuzz::run(in_order, value);
    fuzz::run(first_for_all, value);
    fuzz::run(escaped, value);
    return 0;
}
